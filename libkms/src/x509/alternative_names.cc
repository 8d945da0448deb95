#include "x509/alternative_names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "x509/der.h"
#include "x509/libcrypto.h"
#include "x509/subject.h"

namespace kms::x509 {
namespace {

constexpr std::size_t kMaxNames = 10;
constexpr std::size_t kMaxUri = 2048;

Error Refused(std::string detail) {
  return Error(Reason::kBadParameter, std::move(detail)).About("subjectAlternativeNames");
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlphanumeric(char c) { return IsLetter(c) || IsDigit(c); }
bool IsHexDigit(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

template <typename Part>
bool AllParts(std::string_view text, char separator, Part is_part) {
  for (;;) {
    const std::size_t end = text.find(separator);
    if (!is_part(text.substr(0, end))) return false;
    if (end == text.npos) return true;
    text.remove_prefix(end + 1);
  }
}

// The preferred name syntax of RFC 1034, 3.5, with digits in front (RFC 1123, 2.1).
bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' &&
         label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return IsAlphanumeric(c) || c == '-'; });
}

bool IsHost(std::string_view name) {
  if (name.size() > 253 || !AllParts(name, '.', IsLabel)) return false;
  // What ends with a number is meant as an address.
  return !std::ranges::all_of(name.substr(name.rfind('.') + 1), IsDigit);
}

// RFC 3986, appendix A, without taking the parts of its authority apart.
bool IsUri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (text.size() > kMaxUri || colon == text.npos || colon == 0) return false;
  const std::string_view scheme = text.substr(0, colon), rest = text.substr(colon + 1);
  const auto in_scheme = [](char c) {
    return IsAlphanumeric(c) || c == '+' || c == '-' || c == '.';
  };
  if (!IsLetter(scheme.front()) || !std::ranges::all_of(scheme, in_scheme)) return false;
  // Without this rule `DNS:www.example.com` would be a URI.
  const bool urn = scheme == "urn" && rest.size() > 1;
  const bool has_authority = rest.starts_with("//") && rest.size() > 2 && rest[2] != '/';
  if (!urn && !has_authority) return false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '%') {
      if (i + 2 >= rest.size() || !IsHexDigit(rest[i + 1]) || !IsHexDigit(rest[i + 2]))
        return false;
    } else if (!IsAlphanumeric(c) &&
               std::string_view("-._~:/?#[]@!$&'()*+,;=").find(c) == rest.npos) {
      return false;
    }
  }
  return true;
}

enum class Kind : std::uint8_t { kMail = 1, kHost = 2, kUri = 6, kAddress = 7 };

struct Name {
  Kind kind;
  std::string content;
};

std::optional<std::string> AddressBytes(const std::string& text) {
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {{bytes.data(), 4}};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {{bytes.data(), 16}};
  return std::nullopt;
}

std::string AddressText(ByteView bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(),
            static_cast<socklen_t>(text.size()));
  return text.data();
}

std::optional<Name> ReadName(const std::string& text) {
  if (text.find('\0') != text.npos) return std::nullopt;
  if (auto bytes = AddressBytes(text)) return Name{Kind::kAddress, *std::move(bytes)};
  if (text.find(':') != text.npos)
    return IsUri(text) ? std::optional<Name>({Kind::kUri, text}) : std::nullopt;
  if (text.find('@') != text.npos)
    return IsMailAddress(text) ? std::optional<Name>({Kind::kMail, text}) : std::nullopt;
  const std::string_view host(text);
  if (text.size() > 253 || !IsHost(host.starts_with("*.") ? host.substr(2) : host))
    return std::nullopt;
  return Name{Kind::kHost, text};
}

// Hosts are the same in capitals.
std::pair<Kind, std::string> ComparedAs(const Name& name) {
  std::string content = name.content;
  const std::size_t host = name.kind == Kind::kHost   ? 0
                           : name.kind == Kind::kMail ? content.find('@')
                                                      : content.size();
  for (std::size_t i = host; i < content.size(); ++i)
    if (content[i] >= 'A' && content[i] <= 'Z')
      content[i] = static_cast<char>(content[i] - 'A' + 'a');
  return {name.kind, std::move(content)};
}

std::string Text(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_EMAIL:
    case GEN_DNS:
    case GEN_URI:
      return Ia5Text(View(name.d.ia5));
    case GEN_IPADD:
      return AddressText(View(name.d.iPAddress));
    case GEN_DIRNAME:
      return NameText(Encoded<X509_NAME>(i2d_X509_NAME, name.d.directoryName));
    default:
      return {};
  }
}

}  // namespace

std::string Ia5Text(ByteView bytes) {
  const std::string_view text = AsText(bytes);
  const bool printable =
      std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return printable ? std::string(text) : std::string();
}

bool IsMailAddress(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == text.npos || at > 64 || text.size() > 254) return false;
  const auto is_atom = [](std::string_view atom) {
    return !atom.empty() && std::ranges::all_of(atom, [](char c) {
      return IsAlphanumeric(c) ||
             std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
    });
  };
  return AllParts(text.substr(0, at), '.', is_atom) && IsHost(text.substr(at + 1));
}

Result<Bytes> ReadAlternativeNames(std::span<const std::string> names) {
  if (names.empty()) return Bytes{};
  if (names.size() > kMaxNames) return Refused("more than 10 names");
  Bytes content;
  std::set<std::pair<Kind, std::string>> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto name = ReadName(names[i]);
    if (!name) return Refused("name " + std::to_string(i) + " is malformed");
    if (!seen.insert(ComparedAs(*name)).second)
      return Refused("name " + std::to_string(i) + " was there before");
    der::Append(der::Element(der::Context(static_cast<std::uint8_t>(name->kind)),
                             {AsBytes(name->content)}),
                &content);
  }
  return der::Element(der::kSequence, {content});
}

std::vector<std::string> AlternativeNameTexts(ByteView names) {
  const QuietErrors quiet;
  std::vector<std::string> texts;
  const auto read = Decoded(d2i_GENERAL_NAMES, names);
  if (read == nullptr) return texts;
  for (int i = 0; i < sk_GENERAL_NAME_num(read.get()); ++i) {
    std::string text = Text(*sk_GENERAL_NAME_value(read.get(), i));
    if (!text.empty()) texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace kms::x509
