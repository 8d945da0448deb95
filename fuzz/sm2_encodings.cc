// SM2 ciphertexts and signatures have one canonical DER each: what is read is written as
// DER that is read as the same, and a signature that is accepted is that DER.

#include <algorithm>

#include "crypto/sm2_der.h"
#include "target.h"

namespace kms::fuzz::targets {
namespace {

using namespace kms::internal;

bool Same(const Sm2Ciphertext& a, const Sm2Ciphertext& b) {
  return a.point == b.point && a.hash == b.hash && a.masked == b.masked;
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
  // Coordinates may lack the zero that keeps them positive; nothing else is lenient.
  if (!bytes.empty() && bytes[0] != 0x04)
    Require(bytes.size() <= der.size() && der.size() - bytes.size() <= 2 + 2,
            "DER is minimal but for that");
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
