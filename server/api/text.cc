#include "api/text.h"

#include <algorithm>
#include <cstdint>

namespace kms::server {
namespace {

constexpr std::size_t kMaxEcho = 64;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string_view> Unescape(std::string_view text, Arena& arena) {
  if (text.find_first_of("%+") == text.npos) return text;
  const std::span<std::uint8_t> out = arena.Allocate(text.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out[size++] = static_cast<std::uint8_t>(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out[size++] = static_cast<std::uint8_t>(high * 16 + low);
    i += 2;
  }
  return AsText(out.first(size));
}

}  // namespace

bool IsUtf8(std::string_view text) {
  // The smallest code point that needs 1, 2 and 3 further bytes.
  constexpr std::uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  std::size_t i = 0;
  while (i < text.size()) {
    const auto first = static_cast<std::uint8_t>(text[i++]);
    if (first < 0x80) continue;
    const std::size_t further = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || text.size() - i < further) return false;
    std::uint32_t point = first & (0x3fU >> further);
    for (std::size_t j = 0; j < further; ++j) {
      const auto next = static_cast<std::uint8_t>(text[i++]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    if (point < kSmallest[further] || point > 0x10ffff ||
        (point >= 0xd800 && point < 0xe000))
      return false;
  }
  return true;
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80; }));
}

std::optional<std::vector<HeaderView>> ReadQuery(std::string_view query, Arena& arena) {
  std::vector<HeaderView> fields;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(field.find('='), field.size());
    const auto name = Unescape(field.substr(0, equals), arena);
    const auto value = Unescape(field.substr(std::min(equals + 1, field.size())), arena);
    if (!name || !value) return std::nullopt;
    if (!name->empty()) fields.push_back({*name, *value});
  }
  return fields;
}

std::string Visible(std::string_view text) {
  std::string visible;
  for (const char c : text.substr(0, kMaxEcho)) visible += c > ' ' && c < 0x7f ? c : '?';
  return visible;
}

}  // namespace kms::server
