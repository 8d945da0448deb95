#include "kms/encoding.h"

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

constexpr std::uint32_t SixBits(char c) { return kReverse[static_cast<std::uint8_t>(c)]; }

// Decodes into `out`, which has the decoded size. The tables are indexed by secret
// characters: timing of the cache is accepted for what comes in over the network.
bool Decode(std::string_view text, std::span<std::uint8_t> out) {
  std::uint8_t* to = out.data();
  std::size_t at = 0;
  // Whole groups; no valid character has the top bit that kNone has.
  for (; out.size() >= 3 * (at / 4 + 1); at += 4) {
    const std::uint32_t a = SixBits(text[at]);
    const std::uint32_t b = SixBits(text[at + 1]);
    const std::uint32_t c = SixBits(text[at + 2]);
    const std::uint32_t d = SixBits(text[at + 3]);
    if (((a | b | c | d) & 0x80) != 0) return false;
    const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    *to++ = static_cast<std::uint8_t>(bits >> 16);
    *to++ = static_cast<std::uint8_t>(bits >> 8);
    *to++ = static_cast<std::uint8_t>(bits);
  }
  if (at == text.size()) return true;
  // The last group has padding, and bits that no byte uses, which must be zero.
  const std::uint32_t a = SixBits(text[at]);
  const std::uint32_t b = SixBits(text[at + 1]);
  const bool two = text[at + 2] != '=';
  const std::uint32_t c = two ? SixBits(text[at + 2]) : 0;
  if (((a | b | c) & 0x80) != 0 || text[at + 3] != '=') return false;
  const std::uint32_t bits = a << 12 | b << 6 | c;
  *to++ = static_cast<std::uint8_t>(bits >> 10);
  if (two) *to++ = static_cast<std::uint8_t>(bits >> 2);
  return two ? (bits & 3) == 0 : (bits & 0x3ff) == 0;
}

// The value of a hexadecimal digit; -1 if it is none.
constexpr int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void WriteBase64(ByteView bytes, char* out) {
  const std::uint8_t* from = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3) {
    const std::uint32_t bits =
        std::uint32_t{from[0]} << 16 | std::uint32_t{from[1]} << 8 | from[2];
    *out++ = kAlphabet[bits >> 18];
    *out++ = kAlphabet[bits >> 12 & 63];
    *out++ = kAlphabet[bits >> 6 & 63];
    *out++ = kAlphabet[bits & 63];
  }
  if (left == 0) return;
  const std::uint32_t bits =
      std::uint32_t{from[0]} << 16 | (left == 2 ? std::uint32_t{from[1]} << 8 : 0);
  *out++ = kAlphabet[bits >> 18];
  *out++ = kAlphabet[bits >> 12 & 63];
  *out++ = left == 2 ? kAlphabet[bits >> 6 & 63] : '=';
  *out = '=';
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
  std::string text(bytes.size() * 2, '\0');
  char* at = text.data();
  for (const std::uint8_t byte : bytes) {
    *at++ = kHexDigits[byte >> 4];
    *at++ = kHexDigits[byte & 15];
  }
  return text;
}

std::optional<SecretBytes> SecretFromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  bool good = true;
  auto secret = SecretBytes::Filled(text.size() / 2, [&](std::span<std::uint8_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const int high = HexValue(text[2 * i]), low = HexValue(text[2 * i + 1]);
      good = good && high >= 0 && low >= 0;
      out[i] = static_cast<std::uint8_t>((high & 15) << 4 | (low & 15));
    }
  });
  if (!good) return std::nullopt;
  return secret;
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
    std::string_view rest = part;
    for (std::size_t zero = 0; (zero = rest.find('\0')) != rest.npos;) {
      key.append(rest.substr(0, zero + 1)).append(1, '\xff');
      rest.remove_prefix(zero + 1);
    }
    key.append(rest).append(1, '\0');
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
