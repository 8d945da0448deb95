#include "x509/subject.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "kms/encoding.h"
#include "x509/alternative_names.h"
#include "x509/der.h"
#include "x509/libcrypto.h"

namespace kms::x509 {
namespace {

using namespace std::string_view_literals;

Error Refused(std::string detail) {
  return Error(Reason::kBadParameter, std::move(detail)).About("subject");
}

struct Attribute {
  std::string_view name;
  std::string_view other_name;
  std::string_view type;  // DER of its object identifier
  std::uint8_t tag;
  std::size_t max_characters;
  std::size_t max_times;
};
enum : std::size_t { kCountry, kCommonName = 5, kEmail };

// In the order of the DER.
constexpr std::array<Attribute, 7> kAttributes = {{
    {"C", "C", "\x06\x03\x55\x04\x06"sv, der::kPrintableString, 2, 1},
    {"ST", "S", "\x06\x03\x55\x04\x08"sv, der::kUtf8String, 128, 1},
    {"L", "L", "\x06\x03\x55\x04\x07"sv, der::kUtf8String, 128, 1},
    {"O", "O", "\x06\x03\x55\x04\x0a"sv, der::kUtf8String, 64, 1},
    {"OU", "OU", "\x06\x03\x55\x04\x0b"sv, der::kUtf8String, 64, 5},
    {"CN", "CN", "\x06\x03\x55\x04\x03"sv, der::kUtf8String, 64, 1},
    {"E", "EMAILADDRESS", "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"sv,
     der::kIa5String, 255, 1},
}};
using Values = std::array<std::vector<std::string>, kAttributes.size()>;

std::string InCapitals(std::string_view text) {
  std::string capitals(text);
  for (char& c : capitals)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return capitals;
}

std::string_view Trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// TakeEscape removes what follows a backslash, and returns the character it stands for.
std::optional<char> TakeEscape(std::string_view* text) {
  if (text->empty()) return std::nullopt;
  const char first = text->front();
  text->remove_prefix(1);
  if (",=+<>#;\"\\ "sv.find(first) != std::string_view::npos) return first;
  if (text->empty()) return std::nullopt;
  const int high = HexDigit(first), low = HexDigit(text->front());
  text->remove_prefix(1);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high << 4 | low);
}

// TakeValue removes a value and the comma behind it.
std::optional<std::string> TakeValue(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(' '), text->size()));
  if (text->starts_with('#')) return std::nullopt;  // RFC 2253 has hexadecimal BER here
  std::string value;
  std::size_t end = 0;  // blanks behind it do not count, unless escaped
  while (!text->empty()) {
    const char c = text->front();
    text->remove_prefix(1);
    if (c == ',') {
      // Something must follow: the last comma would be one too many.
      if (text->empty()) return std::nullopt;
      break;
    }
    if (c == '\\') {
      const auto escaped = TakeEscape(text);
      if (!escaped) return std::nullopt;
      value.push_back(*escaped);
      end = value.size();
    } else if ("\"+;<>"sv.find(c) != std::string_view::npos) {
      return std::nullopt;
    } else {
      value.push_back(c);
      if (c != ' ') end = value.size();
    }
  }
  value.resize(end);
  return value;
}

// The characters of `text`; none if it is not UTF-8 or has control characters.
std::optional<std::size_t> CountPrintable(std::string_view text) {
  std::size_t count = 0;
  for (ByteView left = AsBytes(text); !left.empty(); ++count) {
    unsigned long character = 0;
    const int size = UTF8_getc(left.data(), static_cast<int>(left.size()), &character);
    if (size <= 0 || character > 0x10ffff || character < 0x20 ||
        (character >= 0x7f && character < 0xa0))
      return std::nullopt;
    left = left.subspan(static_cast<std::size_t>(size));
  }
  return count;
}

Result<Values> ReadValues(std::string_view text) {
  Values values;
  while (!text.empty()) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos) return Refused("an attribute without =");
    const std::string name = InCapitals(Trimmed(text.substr(0, equals)));
    text.remove_prefix(equals + 1);
    const auto attribute = std::ranges::find_if(kAttributes, [&](const Attribute& known) {
      return name == known.name || name == known.other_name;
    });
    if (attribute == kAttributes.end()) return Refused("an unknown attribute");
    const std::string known(attribute->name);
    auto value = TakeValue(&text);
    if (!value) return Refused("what follows " + known + "= is malformed");
    if (value->empty()) continue;
    const auto characters = CountPrintable(*value);
    if (!characters) return Refused(known + " is no printable UTF-8");
    if (*characters > attribute->max_characters) return Refused(known + " is too long");
    auto& given = values[static_cast<std::size_t>(attribute - kAttributes.begin())];
    if (given.size() == attribute->max_times) return Refused(known + " too often");
    given.push_back(*std::move(value));
  }
  return values;
}

Result<void> CheckValues(const Values& values) {
  if (values[kCommonName].empty()) return Refused("CN is missing");
  if (values[kCountry].empty()) return Refused("C is missing");
  const std::string& country = values[kCountry].front();
  if (country.size() != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' ||
      country[1] > 'Z')
    return Refused("C is not two letters");
  if (!values[kEmail].empty() && !IsMailAddress(values[kEmail].front()))
    return Refused("E is no mail address");
  return {};
}

Bytes Rdn(const Attribute& attribute, std::string_view value) {
  return der::Element(
      der::kSet,
      {der::Element(der::kSequence, {AsBytes(attribute.type),
                                     der::Element(attribute.tag, {AsBytes(value)})})});
}

// The keywords of java.security, by OpenSSL's identifiers.
constexpr std::pair<int, std::string_view> kKeywords[] = {
    {NID_commonName, "CN"},
    {NID_countryName, "C"},
    {NID_stateOrProvinceName, "ST"},
    {NID_localityName, "L"},
    {NID_organizationName, "O"},
    {NID_organizationalUnitName, "OU"},
    {NID_title, "T"},
    {NID_streetAddress, "STREET"},
    {NID_domainComponent, "DC"},
    {NID_dnQualifier, "DNQUALIFIER"},
    {NID_surname, "SURNAME"},
    {NID_givenName, "GIVENNAME"},
    {NID_initials, "INITIALS"},
    {NID_generationQualifier, "GENERATION"},
    {NID_pkcs9_emailAddress, "EMAILADDRESS"},
    {NID_userId, "UID"},
    {NID_serialNumber, "SERIALNUMBER"},
};

std::string Keyword(const ASN1_OBJECT* type) {
  const int id = OBJ_obj2nid(type);
  for (const auto& [known, keyword] : kKeywords)
    if (id == known) return std::string(keyword);
  std::array<char, 128> number{};
  OBJ_obj2txt(number.data(), static_cast<int>(number.size()), type, 1);
  return std::string("OID.") + number.data();
}

std::string Quoted(std::string_view value) {
  const bool plain =
      !value.empty() && value.find_first_of(",+=\n<>#;\\\"") == value.npos &&
      value.front() != ' ' && value.back() != ' ' && value.find("  ") == value.npos;
  if (plain) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + '"';
}

std::string ValueText(const ASN1_STRING* value) {
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, value);
  const Held<unsigned char> held(text);
  if (size < 0) return "#" + ToHex(View(value));
  return Quoted(AsText({text, static_cast<std::size_t>(size)}));
}

}  // namespace

Result<Bytes> ReadSubject(std::string_view text) {
  const QuietErrors quiet;
  KMS_TRY(Values values, ReadValues(text));
  for (std::string& country : values[kCountry]) country = InCapitals(country);
  KMS_CHECK_OK(CheckValues(values));
  Bytes rdns;
  for (std::size_t i = 0; i < kAttributes.size(); ++i)
    for (const std::string& value : values[i])
      der::Append(Rdn(kAttributes[i], value), &rdns);
  return der::Element(der::kSequence, {rdns});
}

std::string NameText(ByteView name) {
  const QuietErrors quiet;
  const auto read = Decoded(d2i_X509_NAME, name);
  if (read == nullptr) return {};
  std::string text;
  // From the last RDN to the first; the attributes of one stay in their order.
  for (int end = X509_NAME_entry_count(read.get()); end > 0;) {
    const int rdn = X509_NAME_ENTRY_set(X509_NAME_get_entry(read.get(), end - 1));
    int begin = end - 1;
    while (begin > 0 &&
           X509_NAME_ENTRY_set(X509_NAME_get_entry(read.get(), begin - 1)) == rdn)
      --begin;
    for (int i = begin; i < end; ++i) {
      const X509_NAME_ENTRY* entry = X509_NAME_get_entry(read.get(), i);
      if (!text.empty()) text += i == begin ? ", " : " + ";
      text += Keyword(X509_NAME_ENTRY_get_object(entry)) + "=" +
              ValueText(X509_NAME_ENTRY_get_data(entry));
    }
    end = begin;
  }
  return text;
}

}  // namespace kms::x509
