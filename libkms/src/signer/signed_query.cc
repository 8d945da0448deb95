#include "signer/signed_query.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace kms {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

// One part of a query. Its text is kept, since "a" and "a=" are written differently.
struct RawField {
  std::string_view name;
  std::string_view value;
  std::string_view text;
};

struct Field {
  std::string name;
  std::string value;
  auto operator<=>(const Field&) const = default;
};

std::vector<RawField> Split(std::string_view query) {
  std::vector<RawField> fields;
  while (true) {
    const std::string_view text = query.substr(0, query.find('&'));
    const std::size_t equals = std::min(text.find('='), text.size());
    fields.push_back(
        {text.substr(0, equals), text.substr(std::min(equals + 1, text.size())), text});
    if (text.size() == query.size()) return fields;
    query.remove_prefix(text.size() + 1);
  }
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<std::string> Decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return decoded;
}

std::optional<std::vector<Field>> DecodeAndSort(const std::vector<RawField>& raw) {
  std::vector<Field> fields;
  fields.reserve(raw.size());
  for (const RawField& field : raw) {
    if (field.text.empty()) continue;
    auto name = Decode(field.name);
    auto value = Decode(field.value);
    if (!name || !value) return std::nullopt;
    fields.push_back({std::move(*name), std::move(*value)});
  }
  std::ranges::sort(fields);
  return fields;
}

bool IsUnreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         c == '-' || c == '.' || c == '_' || c == '~';
}

void AppendEncoded(std::string& out, std::string_view text, std::string_view blank) {
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
    } else if (c == ' ') {
      out += blank;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    }
  }
}

std::string Encode(const std::vector<Field>& fields, std::string_view blank) {
  std::string out;
  for (const Field& field : fields) {
    if (!out.empty()) out += '&';
    AppendEncoded(out, field.name, blank);
    out += '=';
    AppendEncoded(out, field.value, blank);
  }
  return out;
}

// None if the text, read as a query, has other fields: then whoever holds a signature of
// one query would have it of another.
std::optional<std::string> WriteUnescaped(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) {
    if (field.name.find_first_of("&=%+") != std::string::npos ||
        field.value.find_first_of("&%+") != std::string::npos)
      return std::nullopt;
    if (!out.empty()) out += '&';
    out.append(field.name).append("=").append(field.value);
  }
  return out;
}

void AddIfNew(std::vector<std::string>& forms, std::string form) {
  if (std::ranges::find(forms, form) == forms.end()) forms.push_back(std::move(form));
}

std::string Sort(std::vector<RawField> fields) {
  std::ranges::sort(fields, [](const RawField& a, const RawField& b) {
    // Not by the text first: '-' and '1' are before '='.
    return std::tie(a.name, a.value, a.text) < std::tie(b.name, b.value, b.text);
  });
  std::string sorted;
  for (const RawField& field : fields) {
    if (&field != &fields.front()) sorted += '&';
    sorted += field.text;
  }
  return sorted;
}

}  // namespace

std::string SortQuery(std::string_view query) { return Sort(Split(query)); }

std::vector<std::string> FormsOfQuery(std::string_view query) {
  std::vector<std::string> forms{std::string(query)};
  if (query.empty()) return forms;
  const std::vector<RawField> raw = Split(query);
  AddIfNew(forms, Sort(raw));
  const auto fields = DecodeAndSort(raw);
  if (!fields) return forms;
  AddIfNew(forms, Encode(*fields, "%20"));
  AddIfNew(forms, Encode(*fields, "+"));
  if (auto unescaped = WriteUnescaped(*fields)) AddIfNew(forms, std::move(*unescaped));
  return forms;
}

}  // namespace kms
