#include "tags/tag_names.h"

#include <cstddef>
#include <cstdint>

#include "kms/tag_service.h"

namespace kms {
namespace {

constexpr std::string_view kPunctuation = "/\\_-.+=:@";

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kPunctuation.find(c) != std::string_view::npos;
}

// The unified ideographs and their extensions. No other script: what looks alike, or
// like nothing, would make two tags of one.
bool IsChinese(std::uint32_t character) {
  constexpr struct {
    std::uint32_t first, last;
  } kRanges[] = {
      {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0x20000, 0x323af}};
  for (const auto& range : kRanges)
    if (character >= range.first && character <= range.last) return true;
  return false;
}

// How many bytes of `text` the character at its beginning has, if it may stand in a tag;
// else 0. Chinese characters have 3 or 4.
std::size_t GoodCharacter(std::string_view text) {
  if (IsPlain(text.front())) return 1;
  const auto lead = static_cast<std::uint8_t>(text.front());
  const std::size_t size = lead >> 4 == 0xe ? 3 : lead >> 3 == 0x1e ? 4 : 0;
  if (size == 0 || text.size() < size) return 0;
  std::uint32_t character = lead & (size == 3 ? 0x0fU : 0x07U);
  for (const char c : text.substr(1, size - 1)) {
    const auto byte = static_cast<std::uint8_t>(c);
    if ((byte & 0xc0) != 0x80) return 0;
    character = character << 6 | (byte & 0x3fU);
  }
  const bool shortest = size == 3 || character >= 0x10000;
  return shortest && IsChinese(character) ? size : 0;
}

Result<void> CheckText(std::string_view text, std::string_view parameter) {
  for (std::size_t characters = 0; !text.empty(); ++characters) {
    if (characters == TagService::kMaxCharacters)
      return Error(Reason::kTooLong).About(parameter);
    const std::size_t size = GoodCharacter(text);
    if (size == 0) return Error(Reason::kBadParameter).About(parameter);
    text.remove_prefix(size);
  }
  return {};
}

}  // namespace

Result<void> CheckTagKey(std::string_view key) {
  if (key.empty()) return Error(Reason::kBadParameter).About("key");
  return CheckText(key, "key");
}

Result<void> CheckTagValue(std::string_view value) { return CheckText(value, "value"); }

}  // namespace kms
