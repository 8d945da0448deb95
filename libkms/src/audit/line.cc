#include "audit/line.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "kms/encoding.h"

namespace kms::audit {
namespace {

constexpr std::size_t kMaxText = 256;
constexpr std::string_view kHashMember = R"(,"hash":")";
constexpr std::size_t kTail = kHashMember.size() + 64 + 2;  // and "}

void AppendNumber(std::string& out, std::int64_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end.ptr);
}

// What a line cannot hold as it is: controls, quotes, and bytes outside ASCII where a
// text was cut inside a character.
void AppendEscaped(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

// Of every byte, whether it cannot stand for itself in a line.
constexpr auto kSpecial = [] {
  std::array<std::uint8_t, 256> special{};
  for (std::size_t c = 0; c < special.size(); ++c)
    special[c] = c < ' ' || c >= 0x7f || c == '"' || c == '\\';
  return special;
}();

// Nearly every text is, so that nothing is gained by an early end.
bool IsPlain(std::string_view text) {
  unsigned special = 0;
  for (const char c : text) special |= kSpecial[static_cast<unsigned char>(c)];
  return special == 0;
}

// At most kMaxText bytes of whole characters.
std::string_view Bounded(std::string_view text) {
  if (text.size() <= kMaxText) return text;
  std::size_t end = kMaxText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// Well-formed, as JSON has to be: no overlong forms, no surrogates.
bool IsUtf8(std::string_view text) {
  constexpr std::uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80                   ? 0
                             : lead >= 0xc2 && lead < 0xe0 ? 1
                             : lead >= 0xe0 && lead < 0xf0 ? 2
                             : lead >= 0xf0 && lead < 0xf5 ? 3
                                                           : 4;
    if (more == 4 || text.size() - i <= more) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    if (point < kSmallest[more] || point > 0x10ffff ||
        (point >= 0xd800 && point < 0xe000))
      return false;
    i += more + 1;
  }
  return true;
}

}  // namespace

void Members::Name(std::string_view name, std::string_view end) {
  out_.append(first_ ? "\"" : ",\"").append(name).append(end);
  first_ = false;
}

Members& Members::Text(std::string_view name, std::string_view text) {
  Name(name, "\":\"");
  text = Bounded(text);
  if (IsPlain(text)) {
    out_ += text;
  } else if (IsUtf8(text)) {
    AppendEscaped(out_, text);
  } else {
    out_ += ToHex(AsBytes(text));
  }
  out_ += '"';
  return *this;
}

Members& Members::Number(std::string_view name, std::int64_t number) {
  Name(name, "\":");
  AppendNumber(out_, number);
  return *this;
}

Members& Members::True(std::string_view name) {
  Name(name, "\":true");
  return *this;
}

void WriteCall(const AuditCall& call, std::string& out) {
  Members(out)
      .Number("time", call.time)
      .Text("requestId", call.request_id)
      .Text("account", call.account)
      .Text("user", call.user)
      .Text("accessKey", call.access_key)
      .Text("source", call.source)
      .Text("operation", call.operation)
      .Text("region", call.region)
      .Text("key", call.key)
      .Text("version", call.version)
      .Text("code", call.code)
      .Number("micros", call.micros);
}

void WriteEvent(const AuditEvent& event, std::string& out) {
  WriteCall({.time = event.time,
             .request_id = event.request_id,
             .account = event.account,
             .user = event.user,
             .access_key = event.access_key,
             .source = event.source,
             .operation = event.operation,
             .region = event.region,
             .key = event.key,
             .version = event.version,
             .code = event.code,
             .micros = event.micros},
            out);
  out += ',';
  Members more(out);
  more.Text("change", event.sequence);
  if (event.recovered) more.True("recovered");
}

void Sealer::Seal(std::string_view members, std::string& out) {
  const std::size_t begin = out.size();
  out += R"({"seq":)";
  AppendNumber(out, static_cast<std::int64_t>(++last_.seq));
  out += ',';
  out += members;
  out += '}';
  hasher_.Add(last_.hash);
  hasher_.Add(AsBytes(std::string_view(out).substr(begin)));
  last_.hash = hasher_.Finish();
  out.pop_back();
  out += kHashMember;
  out += ToHex(last_.hash);
  out += "\"}\n";
}

std::string_view ParsedLine::Text(std::string_view name) const {
  const boost::json::value* const found = members.if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return found->get_string();
}

std::int64_t ParsedLine::Number(std::string_view name) const {
  const boost::json::value* const found = members.if_contains(name);
  if (found == nullptr || !found->is_int64()) return 0;
  return found->get_int64();
}

std::optional<Digest32> DigestFromHex(std::string_view text) {
  Digest32 digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    int value = 0;
    if (c >= '0' && c <= '9')
      value = c - '0';
    else if (c >= 'a' && c <= 'f')
      value = c - 'a' + 10;
    else
      return std::nullopt;
    digest[i / 2] = static_cast<std::uint8_t>(digest[i / 2] << 4 | value);
  }
  return digest;
}

std::optional<ParsedLine> ParseLine(std::string_view line) {
  if (line.size() <= kTail || !line.ends_with("\"}") ||
      line.substr(line.size() - kTail, kHashMember.size()) != kHashMember)
    return std::nullopt;
  const auto hash = DigestFromHex(line.substr(line.size() - 66, 64));
  boost::system::error_code error;
  boost::json::value value =
      boost::json::parse(boost::json::string_view(line.data(), line.size()), error);
  if (error || !value.is_object() || !hash) return std::nullopt;
  ParsedLine parsed;
  parsed.hash = *hash;
  parsed.members = std::move(value.get_object());
  const std::int64_t seq = parsed.Number("seq");
  if (seq <= 0) return std::nullopt;
  parsed.seq = static_cast<std::uint64_t>(seq);
  return parsed;
}

Digest32 HashLine(const Digest32& before, std::string_view line) {
  std::string text(AsText(before));
  text += line.substr(0, line.size() - kTail);
  text += '}';
  return Digest(DigestAlgorithm::kSm3, AsBytes(text));
}

AuditEvent EventOf(const ParsedLine& line) {
  AuditEvent event;
  event.sequence = line.Text("change");
  event.time = line.Number("time");
  event.request_id = line.Text("requestId");
  event.account = line.Text("account");
  event.user = line.Text("user");
  event.access_key = line.Text("accessKey");
  event.source = line.Text("source");
  event.operation = line.Text("operation");
  event.region = line.Text("region");
  event.key = line.Text("key");
  event.version = line.Text("version");
  event.code = line.Text("code");
  event.micros = line.Number("micros");
  event.recovered = line.members.contains("recovered");
  return event;
}

}  // namespace kms::audit
