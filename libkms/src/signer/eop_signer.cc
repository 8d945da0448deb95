#include <algorithm>
#include <optional>
#include <utility>

#include "kms/digest.h"
#include "kms/encoding.h"
#include "kms/signer.h"
#include "signer/eop_date.h"
#include "signer/eop_keys.h"
#include "signer/headers.h"
#include "signer/signed_query.h"

namespace kms {

Signer::~Signer() = default;

namespace {

constexpr std::string_view kDate = "eop-date";
constexpr std::string_view kRequestId = "ctyun-eop-request-id";
constexpr std::string_view kAuthorization = "eop-authorization";
constexpr std::string_view kHeadersPart = "Headers=";
constexpr std::string_view kSignaturePart = "Signature=";
constexpr std::size_t kMaxRequestId = 128;
constexpr std::size_t kMaxSignedHeaders = 32;
constexpr std::int64_t kBeijingOffset = 8LL * 60 * 60 * 1000;

// A header on its way into the string to sign: its name in lower case.
struct Line {
  std::string name;
  std::string_view value;
};

// The next word of `text`, which is cut off it. Empty at the end.
std::string_view TakeWord(std::string_view& text) {
  text = Trim(text);
  const auto end = std::ranges::find_if(text, IsBlank);
  const std::string_view word =
      text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::vector<std::string_view>> SplitNames(std::string_view list) {
  std::vector<std::string_view> names;
  while (true) {
    const std::string_view name = list.substr(0, list.find(';'));
    const auto same = [&](std::string_view other) { return SameName(name, other); };
    if (name.empty() || names.size() == kMaxSignedHeaders ||
        std::ranges::any_of(names, same))
      return std::nullopt;
    names.push_back(name);
    if (name.size() == list.size()) return names;
    list.remove_prefix(name.size() + 1);
  }
}

bool Lists(const std::vector<std::string_view>& names, std::string_view wanted) {
  return std::ranges::any_of(
      names, [&](std::string_view name) { return SameName(name, wanted); });
}

// Reads "<access key> Headers=<names> Signature=<base64>" into `claim`.
bool ReadAuthorization(std::string_view text, SignatureClaim& claim) {
  claim.access_key = TakeWord(text);
  std::string_view headers = TakeWord(text);
  std::string_view signature = TakeWord(text);
  if (claim.access_key.empty() || claim.access_key.size() > kMaxAccessKey ||
      !IsVisible(claim.access_key) || claim.access_key.starts_with(kHeadersPart) ||
      claim.access_key.starts_with(kSignaturePart) ||
      !headers.starts_with(kHeadersPart) || !signature.starts_with(kSignaturePart) ||
      !Trim(text).empty())
    return false;

  headers.remove_prefix(kHeadersPart.size());
  auto names = SplitNames(headers);
  if (!names || !Lists(*names, kDate) || !Lists(*names, kRequestId)) return false;
  claim.signed_headers = std::move(*names);

  signature.remove_prefix(kSignaturePart.size());
  if (signature.size() != Base64Size(claim.signature.size())) return false;
  const auto bytes = FromBase64(signature);
  if (!bytes || bytes->size() != claim.signature.size()) return false;
  std::ranges::copy(*bytes, claim.signature.begin());
  return true;
}

// The string to sign but for the query and what follows it. Sorts `lines`.
std::string WriteLines(std::vector<Line>& lines) {
  std::ranges::sort(lines, {}, &Line::name);
  std::string text;
  for (const Line& line : lines)
    text.append(line.name).append(":").append(line.value).append("\n");
  return text += '\n';
}

std::string HashOf(ByteView body) {
  return ToHex(Digest(DigestAlgorithm::kSha256, body));
}

class EopSigner final : public Signer {
 public:
  std::vector<SignedHeader> Sign(
      const RequestView& request, std::string_view access_key,
      const SecretBytes& secret_key, UnixMillis now, std::string_view request_id,
      std::span<const std::string_view> also_sign) const override {
    const std::string date = WriteEopDate(now);
    std::vector<Line> lines{{std::string(kDate), date},
                            {std::string(kRequestId), Trim(request_id)}};
    for (const std::string_view name : also_sign) {
      const auto value = OnlyHeader(request, name);
      if (value && !SameName(name, kDate) && !SameName(name, kRequestId))
        lines.push_back({Lower(name), *value});
    }
    std::string text = WriteLines(lines);
    text.append(SortQuery(request.query)).append("\n").append(HashOf(request.body));

    std::string authorization(access_key);
    authorization.append(" ").append(kHeadersPart);
    for (const Line& line : lines) {
      if (&line != &lines.front()) authorization += ';';
      authorization += line.name;
    }
    authorization.append(" ").append(kSignaturePart);
    authorization += ToBase64(EopKey(secret_key, access_key, date).Sign(text));
    return {{std::string(kDate), date},
            {std::string(kRequestId), std::string(request_id)},
            {"Eop-Authorization", std::move(authorization)}};
  }

  Result<SignatureClaim> Parse(const RequestView& request) const override {
    const auto date = OnlyHeader(request, kDate);
    const auto request_id = OnlyHeader(request, kRequestId);
    const auto authorization = OnlyHeader(request, kAuthorization);
    if (!date || date->empty() || !request_id || request_id->empty() ||
        request_id->size() > kMaxRequestId || !IsVisible(*request_id) || !authorization)
      return Reason::kBadSignature;

    SignatureClaim claim;
    claim.date = *date;
    claim.request_id = *request_id;
    if (!ReadAuthorization(*authorization, claim)) return Reason::kBadSignature;
    for (const std::string_view name : claim.signed_headers)
      if (!OnlyHeader(request, name)) return Reason::kBadSignature;

    const auto time = ReadEopDate(*date);
    if (!time) return Reason::kBadTimeFormat;
    claim.date_as_utc = *time;
    return claim;
  }

  Result<TimeVerdict> CheckTime(const SignatureClaim& claim, UnixMillis now,
                                const TimeRule& rule) const override {
    const auto in_window = [&](UnixMillis time) {
      return time >= now - rule.window_millis && time <= now + rule.window_millis;
    };
    const UnixMillis utc = claim.date_as_utc;
    const UnixMillis beijing = utc - kBeijingOffset;
    // The text read as UTC names the later instant: where that reading is allowed, the
    // request can come again until then.
    if (rule.reading != TimeReading::kBeijing && in_window(utc))
      return TimeVerdict{TimeReading::kUtc, utc + rule.window_millis};
    if (rule.reading != TimeReading::kUtc && in_window(beijing))
      return TimeVerdict{
          TimeReading::kBeijing,
          (rule.reading == TimeReading::kBoth ? utc : beijing) + rule.window_millis};
    return Reason::kOutOfTime;
  }

  Result<void> Verify(const SignatureClaim& claim, const RequestView& request,
                      const SecretBytes& secret_key) const override {
    std::vector<Line> lines;
    lines.reserve(claim.signed_headers.size());
    for (const std::string_view name : claim.signed_headers) {
      const auto value = OnlyHeader(request, name);
      if (!value) return Reason::kBadSignature;
      lines.push_back({Lower(name), *value});
    }
    std::string text = WriteLines(lines);
    const std::size_t head = text.size();
    const std::string hash = HashOf(request.body);
    const std::vector<std::string> queries = FormsOfQuery(request.query);
    const auto fits = [&](const EopKey& key) {
      return std::ranges::any_of(queries, [&](const std::string& query) {
        text.resize(head);
        text.append(query).append("\n").append(hash);
        return ConstantTimeEqual(key.Sign(text), claim.signature);
      });
    };
    const auto known = keys_.Find(secret_key, claim.access_key, claim.date);
    if (known && fits(*known)) return {};
    // A refusal costs the same whether the key was known or not: nobody learns from it
    // who else sends requests.
    const EopKey key(secret_key, claim.access_key, claim.date);
    if (known || !fits(key)) return Reason::kBadSignature;
    keys_.Keep(key, secret_key, claim.access_key, claim.date);
    return {};
  }

 private:
  mutable EopKeys keys_;
};

}  // namespace

std::unique_ptr<Signer> NewEopSigner() { return std::make_unique<EopSigner>(); }

}  // namespace kms
