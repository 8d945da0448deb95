// SM2 ciphertexts, signatures and keys have one canonical DER each: what is read is
// written as DER that is read as the same, and nothing else is accepted but coordinates
// of ciphertexts without their sign.

#include <algorithm>
#include <vector>

#include "crypto/sm2_der.h"
#include "target.h"

namespace kms::fuzz::targets {
namespace {

using namespace kms::internal;

bool Same(const Sm2Ciphertext& a, const Sm2Ciphertext& b) {
  return a.point == b.point && a.hash == b.hash && a.masked == b.masked;
}

Bytes Element(std::uint8_t tag, ByteView content) {
  Bytes element = {tag};
  if (content.size() >= 0x100)
    element.insert(element.end(), {0x82, static_cast<std::uint8_t>(content.size() >> 8)});
  else if (content.size() >= 0x80)
    element.push_back(0x81);
  element.push_back(static_cast<std::uint8_t>(content.size()));
  element.insert(element.end(), content.begin(), content.end());
  return element;
}

// The ways in which encoders write a coordinate: as DER, without the zero that keeps it
// positive, and all of its 32 bytes.
std::vector<Bytes> Numbers(ByteView coordinate) {
  ByteView digits = coordinate;
  while (digits.size() > 1 && digits[0] == 0) digits = digits.subspan(1);
  Bytes positive(digits[0] >= 0x80 ? 1 : 0);
  positive.insert(positive.end(), digits.begin(), digits.end());
  return {Element(2, positive), Element(2, digits), Element(2, coordinate)};
}

bool IsWritten(ByteView der, const Sm2Ciphertext& as) {
  const ByteView point = as.point;
  for (const Bytes& x : Numbers(point.subspan(1, 32)))
    for (const Bytes& y : Numbers(point.subspan(33, 32))) {
      Bytes content = x;
      content.insert(content.end(), y.begin(), y.end());
      for (const Bytes& octets : {Element(4, as.hash), Element(4, as.masked)})
        content.insert(content.end(), octets.begin(), octets.end());
      if (std::ranges::equal(Element(0x30, content), der)) return true;
    }
  return false;
}

void CheckCiphertext(ByteView bytes) {
  const auto read = ReadSm2Ciphertext(bytes);
  if (!read) return;
  const Bytes der = WriteSm2Ciphertext(*read);
  const auto again = ReadSm2Ciphertext(der);
  Require(again.has_value() && Same(*again, *read), "a ciphertext is read again");
  Bytes raw = read->point;
  raw.insert(raw.end(), read->hash.begin(), read->hash.end());
  raw.insert(raw.end(), read->masked.begin(), read->masked.end());
  const auto of_raw = ReadSm2Ciphertext(raw);
  Require(of_raw.has_value() && Same(*of_raw, *read), "also in its raw form");
  Require(std::ranges::equal(raw, bytes) || IsWritten(bytes, *read),
          "nothing is lenient but how a coordinate is written");
}

void CheckSignature(ByteView bytes) {
  const auto plain = Sm2PlainSignature(bytes);
  if (!plain) return;
  Require(plain->size() == 64, "a signature is two numbers");
  Require(std::ranges::equal(Sm2DerSignature(*plain), bytes), "its DER is the only one");
}

void CheckPublicKey(ByteView bytes) {
  const auto point = Sm2PointOf(bytes);
  if (point)
    Require(std::ranges::equal(Sm2PublicKeyInfo(*point), bytes),
            "a key is written again");
}

}  // namespace

// The DER or the raw form, as it is; 64 bytes are also taken for r and s.
void sm2_encodings(ByteView bytes) {
  CheckCiphertext(bytes);
  CheckSignature(bytes);
  CheckPublicKey(bytes);
  if (bytes.size() < 64) return;
  const ByteView plain = bytes.first(64);
  const auto again = Sm2PlainSignature(Sm2DerSignature(plain));
  Require(again.has_value() && std::ranges::equal(*again, plain),
          "any r and s are written");
}

}  // namespace kms::fuzz::targets
