#include "signer/headers.h"

#include <algorithm>

namespace kms {
namespace {

char LowerOf(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerOf(c);
  return lower;
}

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, LowerOf, LowerOf);
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

bool IsVisible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> OnlyHeader(const RequestView& request,
                                           std::string_view name) {
  std::optional<std::string_view> value;
  for (const HeaderView& header : request.headers) {
    if (!SameName(header.name, name)) continue;
    if (value) return std::nullopt;
    value = Trim(header.value);
  }
  return value;
}

}  // namespace kms
