#include "crypto/sm2_der.h"

#include <algorithm>

namespace kms::internal {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOctets = 0x04;
constexpr std::size_t kCoordinate = 32;
constexpr std::size_t kPoint = 1 + 2 * kCoordinate;

constexpr std::array<std::uint8_t, 26> kInfoPrefix = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
    0x06, 0x08, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D, 0x03, 0x42, 0x00};

// Take removes one element of `tag` with a minimal length from the front of `in`.
std::optional<ByteView> Take(std::uint8_t tag, ByteView* in) {
  if (in->size() < 2 || (*in)[0] != tag) return std::nullopt;
  std::size_t size = (*in)[1];
  std::size_t start = 2;
  if (size >= 0x80) {
    const std::size_t octets = size - 0x80;
    if (octets < 1 || octets > 2 || in->size() < 2 + octets) return std::nullopt;
    size = 0;
    for (std::size_t i = 0; i < octets; ++i) size = size << 8 | (*in)[2 + i];
    if (size < 0x80 || (octets == 2 && size < 0x100)) return std::nullopt;
    start += octets;
  }
  if (in->size() - start < size) return std::nullopt;
  const ByteView content = in->subspan(start, size);
  *in = in->subspan(start + size);
  return content;
}

enum class Sign { kPadded, kMayLackPadding };

// TakeNumber removes an INTEGER of at most 32 bytes and appends it, padded to 32. Encoders
// that know no sign write all 32 bytes, or those from the first that is not zero.
bool TakeNumber(Sign sign, ByteView* in, Bytes* out) {
  const auto taken = Take(kInteger, in);
  if (!taken || taken->empty()) return false;
  ByteView digits = *taken;
  const bool negative = digits[0] >= 0x80;
  if (sign == Sign::kPadded || !(negative || digits.size() == kCoordinate)) {
    if (negative) return false;
    if (digits[0] == 0 && digits.size() > 1) {
      if (digits[1] < 0x80) return false;
      digits = digits.subspan(1);
    }
  }
  if (digits.size() > kCoordinate) return false;
  out->insert(out->end(), kCoordinate - digits.size(), 0);
  out->insert(out->end(), digits.begin(), digits.end());
  return true;
}

void Put(std::uint8_t tag, ByteView content, Bytes* out) {
  out->push_back(tag);
  const std::size_t size = content.size();
  if (size >= 0x100) {
    out->insert(out->end(), {0x82, static_cast<std::uint8_t>(size >> 8)});
  } else if (size >= 0x80) {
    out->push_back(0x81);
  }
  out->push_back(static_cast<std::uint8_t>(size));
  out->insert(out->end(), content.begin(), content.end());
}

void PutNumber(ByteView number, Bytes* out) {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  Bytes digits;
  if (number[0] >= 0x80) digits.push_back(0);
  digits.insert(digits.end(), number.begin(), number.end());
  Put(kInteger, digits, out);
}

Bytes Copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Bytes Sm2PublicKeyInfo(ByteView point) {
  Bytes info(kInfoPrefix.begin(), kInfoPrefix.end());
  info.insert(info.end(), point.begin(), point.end());
  return info;
}

std::optional<Bytes> Sm2PointOf(ByteView public_key_info) {
  if (public_key_info.size() != kInfoPrefix.size() + kPoint ||
      !std::equal(kInfoPrefix.begin(), kInfoPrefix.end(), public_key_info.begin()) ||
      public_key_info[kInfoPrefix.size()] != 0x04) {
    return std::nullopt;
  }
  return Copy(public_key_info.subspan(kInfoPrefix.size()));
}

std::optional<Bytes> Sm2PlainSignature(ByteView der) {
  auto content = Take(kSequence, &der);
  Bytes plain;
  if (!content || !der.empty() || !TakeNumber(Sign::kPadded, &*content, &plain) ||
      !TakeNumber(Sign::kPadded, &*content, &plain) || !content->empty()) {
    return std::nullopt;
  }
  return plain;
}

Bytes Sm2DerSignature(ByteView plain) {
  Bytes content;
  PutNumber(plain.first(kCoordinate), &content);
  PutNumber(plain.subspan(kCoordinate), &content);
  Bytes der;
  Put(kSequence, content, &der);
  return der;
}

std::optional<Sm2Ciphertext> ReadSm2Ciphertext(ByteView bytes) {
  Sm2Ciphertext read;
  if (bytes.size() > kPoint + kCoordinate && bytes[0] == 0x04) {
    read.point = Copy(bytes.first(kPoint));
    read.hash = Copy(bytes.subspan(kPoint, kCoordinate));
    read.masked = Copy(bytes.subspan(kPoint + kCoordinate));
  } else {
    auto content = Take(kSequence, &bytes);
    if (!content || !bytes.empty()) return std::nullopt;
    read.point.push_back(0x04);
    if (!TakeNumber(Sign::kMayLackPadding, &*content, &read.point) ||
        !TakeNumber(Sign::kMayLackPadding, &*content, &read.point)) {
      return std::nullopt;
    }
    const auto hash = Take(kOctets, &*content);
    if (!hash || hash->size() != kCoordinate) return std::nullopt;
    const auto masked = Take(kOctets, &*content);
    if (!masked || !content->empty()) return std::nullopt;
    read.hash = Copy(*hash);
    read.masked = Copy(*masked);
  }
  if (read.masked.empty() || read.masked.size() > kSm2MaxPlaintext) return std::nullopt;
  return read;
}

Bytes WriteSm2Ciphertext(const Sm2Ciphertext& ciphertext) {
  Bytes content;
  const ByteView point = ciphertext.point;
  PutNumber(point.subspan(1, kCoordinate), &content);
  PutNumber(point.subspan(1 + kCoordinate, kCoordinate), &content);
  Put(kOctets, ciphertext.hash, &content);
  Put(kOctets, ciphertext.masked, &content);
  Bytes der;
  Put(kSequence, content, &der);
  return der;
}

}  // namespace kms::internal
