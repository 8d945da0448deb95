#include "api/arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "api/text.h"
#include "http/wiped_string.h"
#include "kms/encoding.h"

namespace kms::server {
namespace {

constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxTexts = 1000;
constexpr std::string_view kPemBegin = "-----BEGIN PUBLIC KEY-----";
constexpr std::string_view kPemEnd = "-----END PUBLIC KEY-----";

// What a request has for a parameter, before it is looked at.
struct Raw {
  bool there = false;
  bool nested = false;
  std::string_view text;
};

Error Bad(const Parameter& parameter) {
  return Error(parameter.bad).About(parameter.name);
}
Error TooLong(const Parameter& parameter) {
  return Error(Reason::kTooLong).About(parameter.name);
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         c == '/' || c == '_' || c == '-' || c == '.';
}

// The one spelling of an integer that fits: no sign but a minus, no leading zeros.
std::optional<std::int64_t> ToInteger(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || (digits.front() == '0' && text.size() > 1)) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The decoded bytes in the arena; none if `text` is no base64.
std::optional<ByteView> DecodeBase64(std::string_view text, Arena& arena) {
  const std::optional<SecretBytes> decoded = SecretFromBase64(text);
  if (!decoded) return std::nullopt;
  return AsBytes(arena.Keep(AsText(decoded->Reveal())));
}

std::optional<ByteView> DecodePem(std::string_view pem, Arena& arena) {
  const std::size_t begin = pem.find(kPemBegin);
  if (begin == pem.npos) return std::nullopt;
  pem.remove_prefix(begin + kPemBegin.size());
  const std::size_t end = pem.find(kPemEnd);
  if (end == pem.npos) return std::nullopt;
  std::string lines;
  for (const char c : pem.substr(0, end))
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') lines += c;
  return DecodeBase64(lines, arena);
}

std::optional<ByteView> DecodePublicKey(std::string_view text, Arena& arena) {
  if (text.find(kPemBegin) != text.npos) return DecodePem(text, arena);
  const std::optional<ByteView> decoded = DecodeBase64(text, arena);
  if (decoded && AsText(*decoded).find(kPemBegin) != std::string_view::npos)
    return DecodePem(AsText(*decoded), arena);
  return decoded;
}

bool SameNameIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// The only value of that name among `fields`. Two that differ would let two readers
// see two requests.
template <typename Same>
Result<Raw> OnlyValue(const Parameter& parameter, std::span<const HeaderView> fields,
                      Same same) {
  Raw raw;
  for (const HeaderView& field : fields) {
    if (!same(field.name, parameter.name)) continue;
    if (raw.there) return Bad(parameter);
    raw = {true, false, field.value};
  }
  if (raw.there && !IsUtf8(raw.text))
    return Error(Reason::kBadJson).About(parameter.name);
  return raw;
}

Result<Raw> Find(const Parameter& parameter, const RequestBody& body,
                 std::span<const HeaderView> query, std::span<const HeaderView> headers) {
  const auto settles = [&](const Raw& raw) {
    return raw.there && (raw.nested || parameter.may_be_empty || !raw.text.empty());
  };
  Raw raw;
  const RequestBody::Member* const member = body.Find(parameter.name);
  if (member != nullptr && member->type != RequestBody::Type::kNull)
    raw = {true,
           member->type == RequestBody::Type::kNested ||
               member->type == RequestBody::Type::kTexts ||
               member->type == RequestBody::Type::kTextMap,
           member->text};
  if (settles(raw) || parameter.where != Where::kHeader) return raw;

  KMS_TRY(const Raw from_query, OnlyValue(parameter, query, std::equal_to<>()));
  if (settles(from_query)) return from_query;
  return OnlyValue(parameter, headers, SameNameIgnoringCase);
}

bool MayBeEmpty(const Parameter& parameter) {
  return parameter.may_be_empty &&
         (parameter.kind == Kind::kText || parameter.kind == Kind::kKey);
}

bool IsValue(const Parameter& parameter, const Raw& raw) {
  return raw.there && (!raw.text.empty() || MayBeEmpty(parameter));
}

// Misused ends the process: a handler and its row do not fit.
[[noreturn]] void Misused(const Operation& operation, std::string_view name) {
  std::fprintf(stderr, "kms: %.*s has no parameter %.*s of this kind\n",
               static_cast<int>(operation.name.size()), operation.name.data(),
               static_cast<int>(name.size()), name.data());
  std::abort();
}

using Value = std::variant<std::monostate, std::string_view, std::int64_t, bool, ByteView,
                           std::vector<std::string_view>>;

Result<Value> ReadInteger(const Parameter& parameter, std::string_view text) {
  const auto number = ToInteger(text);
  if (!number || *number < parameter.min || *number > parameter.max)
    return Bad(parameter);
  return Value(*number);
}

Result<Value> ReadName(const Parameter& parameter, std::string_view text) {
  if (CountCharacters(text) > kMaxNameBytes) return TooLong(parameter);
  if (!std::ranges::all_of(text, IsNameCharacter)) return Bad(parameter);
  return Value(text);
}

Result<Value> ReadBytes(const Parameter& parameter, std::string_view text, Arena& arena) {
  const auto max = static_cast<std::size_t>(parameter.max);
  const bool bounded = parameter.max > 0;
  const bool is_key = parameter.kind == Kind::kPublicKey;
  if (bounded && !is_key && text.size() > Base64Size(max)) return TooLong(parameter);
  const auto bytes = is_key ? DecodePublicKey(text, arena) : DecodeBase64(text, arena);
  if (!bytes) return Bad(parameter);
  if (bounded && bytes->size() > max) return TooLong(parameter);
  return Value(*bytes);
}

Result<Value> ReadValue(const Parameter& parameter, std::string_view text, Arena& arena) {
  switch (parameter.kind) {
    case Kind::kText:
      if (parameter.max > 0 &&
          CountCharacters(text) > static_cast<std::size_t>(parameter.max))
        return TooLong(parameter);
      return Value(text);
    case Kind::kInteger:
      return ReadInteger(parameter, text);
    case Kind::kBoolean:
      if (text != "true" && text != "false") return Bad(parameter);
      return Value(text == "true");
    case Kind::kChoice: {
      const auto choice = std::ranges::find(parameter.choices, text, &Choice::spelling);
      if (choice == parameter.choices.end()) return Bad(parameter);
      return Value(static_cast<std::int64_t>(choice->value));
    }
    case Kind::kKey:
    case Kind::kAlias:
      return ReadName(parameter, text);
    case Kind::kVersion:
    case Kind::kCertificate:
      if (!IsUuid(text)) return Bad(parameter);
      return Value(text);
    case Kind::kDays:
      if (!text.ends_with('d') || text.starts_with('0')) return Bad(parameter);
      return ReadInteger(parameter, text.substr(0, text.size() - 1));
    case Kind::kUnixTime: {
      const auto seconds = ToInteger(text);
      const bool bounded = parameter.max > 0;
      if (!seconds || *seconds < 0 ||
          (bounded && *seconds != 0 &&
           (*seconds < parameter.min || *seconds > parameter.max)))
        return Bad(parameter);
      return Value(*seconds);
    }
    case Kind::kBase64:
    case Kind::kPublicKey:
      return ReadBytes(parameter, text, arena);
    case Kind::kTexts:
    case Kind::kTextMap:
      break;
  }
  return Bad(parameter);
}

// Nothing, if there is none.
Result<Value> ReadTexts(const Parameter& parameter, const RequestBody& body) {
  const RequestBody::Member* const member = body.Find(parameter.name);
  if (member == nullptr || member->type == RequestBody::Type::kNull ||
      (member->type == RequestBody::Type::kText && member->text.empty()))
    return Value();
  if (member->type != RequestBody::Type::kTexts) return Bad(parameter);
  const auto items = body.ItemsOf(*member);
  if (items.empty()) return Value();
  if (items.size() > kMaxTexts) return TooLong(parameter);
  for (const std::string_view item : items) {
    if (item.empty() && !parameter.may_be_empty) return Bad(parameter);
    if (CountCharacters(item) > static_cast<std::size_t>(parameter.max))
      return TooLong(parameter);
  }
  return Value(std::vector<std::string_view>(items.begin(), items.end()));
}

// An empty object is a value: it says that there is nothing.
Result<Value> ReadTextMap(const Parameter& parameter, const RequestBody& body) {
  const RequestBody::Member* const member = body.Find(parameter.name);
  if (member == nullptr || member->type == RequestBody::Type::kNull) return Value();
  if (member->type != RequestBody::Type::kTextMap) return Bad(parameter);
  const auto items = body.ItemsOf(*member);
  return Value(std::vector<std::string_view>(items.begin(), items.end()));
}

bool IsListKind(Kind kind) { return kind == Kind::kTexts || kind == Kind::kTextMap; }

void AppendSized(WipedString& out, std::string_view text) {
  const std::uint64_t size = text.size();
  for (int shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<char>(size >> shift & 0xff));
  Append(out, text);
}

}  // namespace

Result<Arguments> Arguments::Read(const Operation& operation, const RequestBody& body,
                                  std::span<const HeaderView> query,
                                  std::span<const HeaderView> headers, Arena& arena,
                                  bool on_access_point) {
  Arguments arguments(operation);
  arguments.values_.reserve(operation.parameters.size());
  for (const Parameter& parameter : operation.parameters) {
    if (IsListKind(parameter.kind)) {
      KMS_TRY(Value texts, parameter.kind == Kind::kTexts ? ReadTexts(parameter, body)
                                                          : ReadTextMap(parameter, body));
      if (parameter.required && std::holds_alternative<std::monostate>(texts))
        return Error(parameter.missing).About(parameter.name);
      arguments.values_.push_back(std::move(texts));
      continue;
    }
    KMS_TRY(const Raw raw, Find(parameter, body, query, headers));
    if (raw.nested) return Bad(parameter);
    if (!IsValue(parameter, raw)) {
      bool needed = parameter.required && !(on_access_point && parameter.implied);
      if (needed && !parameter.unless.empty()) {
        const Parameter& other =
            *std::ranges::find(operation.parameters, parameter.unless, &Parameter::name);
        KMS_TRY(const Raw given, Find(other, body, query, headers));
        needed = !given.nested && !IsValue(other, given);
      }
      if (needed) return Error(parameter.missing).About(parameter.name);
      arguments.values_.emplace_back();
      continue;
    }
    KMS_TRY(Value value, ReadValue(parameter, raw.text, arena));
    arguments.values_.push_back(value);
  }
  return arguments;
}

const Arguments::Value& Arguments::Slot(std::string_view name) const {
  const auto found = std::ranges::find(operation_->parameters, name, &Parameter::name);
  if (found == operation_->parameters.end()) Misused(*operation_, name);
  return values_[static_cast<std::size_t>(found - operation_->parameters.begin())];
}

bool Arguments::Has(std::string_view name) const {
  return !std::holds_alternative<std::monostate>(Slot(name));
}

namespace {

bool IsTextKind(Kind kind) {
  return kind == Kind::kText || kind == Kind::kKey || kind == Kind::kAlias ||
         kind == Kind::kVersion || kind == Kind::kCertificate;
}
bool IsIntegerKind(Kind kind) {
  return kind == Kind::kInteger || kind == Kind::kChoice || kind == Kind::kDays ||
         kind == Kind::kUnixTime;
}
bool IsBytesKind(Kind kind) { return kind == Kind::kBase64 || kind == Kind::kPublicKey; }

void DemandKind(const Operation& operation, std::string_view name, bool (*fits)(Kind)) {
  const auto found = std::ranges::find(operation.parameters, name, &Parameter::name);
  if (found == operation.parameters.end() || !fits(found->kind)) Misused(operation, name);
}

}  // namespace

std::string_view Arguments::Text(std::string_view name) const {
  DemandKind(*operation_, name, IsTextKind);
  const auto* text = std::get_if<std::string_view>(&Slot(name));
  return text == nullptr ? std::string_view() : *text;
}

std::int64_t Arguments::Integer(std::string_view name, std::int64_t otherwise) const {
  DemandKind(*operation_, name, IsIntegerKind);
  const auto* number = std::get_if<std::int64_t>(&Slot(name));
  return number == nullptr ? otherwise : *number;
}

bool Arguments::Boolean(std::string_view name, bool otherwise) const {
  DemandKind(*operation_, name, [](Kind kind) { return kind == Kind::kBoolean; });
  const auto* truth = std::get_if<bool>(&Slot(name));
  return truth == nullptr ? otherwise : *truth;
}

ByteView Arguments::Bytes(std::string_view name) const {
  DemandKind(*operation_, name, IsBytesKind);
  const auto* bytes = std::get_if<ByteView>(&Slot(name));
  return bytes == nullptr ? ByteView() : *bytes;
}

std::span<const std::string_view> Arguments::Texts(std::string_view name) const {
  DemandKind(*operation_, name, IsListKind);
  const auto* const texts = std::get_if<std::vector<std::string_view>>(&Slot(name));
  if (texts == nullptr) return {};
  return *texts;
}

void Arguments::KeepIn(Arena& arena) {
  for (Value& value : values_) {
    if (auto* const text = std::get_if<std::string_view>(&value)) {
      *text = arena.Keep(*text);
    } else if (auto* const bytes = std::get_if<ByteView>(&value)) {
      *bytes = AsBytes(arena.Keep(AsText(*bytes)));
    } else if (auto* const texts = std::get_if<std::vector<std::string_view>>(&value)) {
      for (std::string_view& item : *texts) item = arena.Keep(item);
    }
  }
}

Digest32 Arguments::Fingerprint() const {
  WipedString all;
  AppendSized(all, operation_->name);
  for (const Value& value : values_) {
    all.push_back(static_cast<char>(value.index()));
    if (const auto* text = std::get_if<std::string_view>(&value)) {
      AppendSized(all, *text);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      AppendSized(all, KeyNumber(static_cast<std::uint64_t>(*number)));
    } else if (const auto* truth = std::get_if<bool>(&value)) {
      AppendSized(all, *truth ? "1" : "0");
    } else if (const auto* bytes = std::get_if<ByteView>(&value)) {
      AppendSized(all, AsText(*bytes));
    } else if (const auto* texts = std::get_if<std::vector<std::string_view>>(&value)) {
      AppendSized(all, KeyNumber(texts->size()));
      for (const std::string_view text_of_list : *texts) AppendSized(all, text_of_list);
    }
  }
  return Digest(DigestAlgorithm::kSha256, AsBytes({all.data(), all.size()}));
}

}  // namespace kms::server
