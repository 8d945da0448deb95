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
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && LowerOf(a[i]) != LowerOf(b[i])) return false;
  return true;
}

bool IsVisible(std::string_view text) {
  bool visible = true;
  for (const char c : text) visible &= c > ' ' && c < 0x7f;
  return visible;
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
