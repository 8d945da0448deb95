#include "kms/encoding.h"

#include <algorithm>
#include <array>

namespace kms {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> MakeReverse() {
  std::array<std::uint8_t, 256> reverse{};
  for (auto& entry : reverse) entry = kNone;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    reverse[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return reverse;
}
constexpr auto kReverse = MakeReverse();

// How many bytes `text` stands for, if its length and padding are right.
std::optional<std::size_t> DecodedSize(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return 0;
  std::size_t padding = 0;
  if (text[text.size() - 1] == '=') padding = text[text.size() - 2] == '=' ? 2 : 1;
  return text.size() / 4 * 3 - padding;
}

// Decodes into `out`, which has the decoded size. The tables are indexed by secret
// characters: timing of the cache is accepted for what comes in over the network.
bool Decode(std::string_view text, std::span<std::uint8_t> out) {
  std::size_t written = 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t bits = 0;
    const std::size_t here = std::min<std::size_t>(3, out.size() - written);
    for (std::size_t j = 0; j < 4; ++j) {
      const bool padding = j > here;
      const std::uint8_t six =
          padding ? 0 : kReverse[static_cast<std::uint8_t>(text[i + j])];
      if (six == kNone || (padding && text[i + j] != '=')) return false;
      bits = bits << 6 | six;
    }
    const std::uint32_t unused = here == 3 ? 0 : bits & (here == 2 ? 0xffU : 0xffffU);
    if (unused != 0) return false;
    for (std::size_t j = 0; j < here; ++j)
      out[written++] = static_cast<std::uint8_t>(bits >> (16 - 8 * j));
  }
  return true;
}

}  // namespace

void WriteBase64(ByteView bytes, char* out) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < here ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      *out++ = j > here ? '=' : kAlphabet[bits >> (18 - 6 * j) & 63];
  }
}

std::string ToBase64(ByteView bytes) {
  std::string text(Base64Size(bytes.size()), '\0');
  WriteBase64(bytes, text.data());
  return text;
}

std::optional<Bytes> FromBase64(std::string_view text) {
  const auto size = DecodedSize(text);
  if (!size) return std::nullopt;
  Bytes bytes(*size);
  if (!Decode(text, bytes)) return std::nullopt;
  return bytes;
}

std::optional<SecretBytes> SecretFromBase64(std::string_view text) {
  const auto size = DecodedSize(text);
  if (!size) return std::nullopt;
  bool good = false;
  auto secret = SecretBytes::Filled(
      *size, [&](std::span<std::uint8_t> out) { good = Decode(text, out); });
  if (!good) return std::nullopt;
  return secret;
}

std::string ToHex(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : kHexDigits.find(text[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

std::string ToUuid(ByteView sixteen_random_bytes) {
  Bytes bytes(sixteen_random_bytes.begin(), sixteen_random_bytes.end());
  bytes.resize(16);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = ToHex(bytes);
  for (const std::size_t at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

std::string JoinKey(std::initializer_list<std::string_view> parts) {
  std::size_t size = parts.size();
  for (const std::string_view part : parts) size += part.size();
  std::string key;
  key.reserve(size);
  for (const std::string_view part : parts) {
    for (const char c : part) {
      key += c;
      if (c == '\0') key += '\xff';
    }
    key += '\0';
  }
  return key;
}

std::string KeyNumber(std::uint64_t number) {
  std::string text(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8)
    text[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xff);
  return text;
}

}  // namespace kms
