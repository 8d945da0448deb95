// The few DER structures of SM2, read strictly.

#ifndef KMS_CRYPTO_SM2_DER_H_
#define KMS_CRYPTO_SM2_DER_H_

#include <array>
#include <cstdint>
#include <optional>

#include "kms/bytes.h"

namespace kms::internal {

// SubjectPublicKeyInfo: id-ecPublicKey with the curve sm2p256v1 by name.
Bytes Sm2PublicKeyInfo(ByteView point);
// The point 04 x y of exactly such a structure; not checked to be on the curve.
std::optional<Bytes> Sm2PointOf(ByteView public_key_info);

// r and s, 32 bytes each, of a canonical SEQUENCE of two INTEGERs.
std::optional<Bytes> Sm2PlainSignature(ByteView der);
// The DER of r and s, 64 bytes together.
Bytes Sm2DerSignature(ByteView plain);

struct Sm2Ciphertext {
  Bytes point;  // 04 x y
  Bytes hash;
  Bytes masked;
};

// Reads DER (C1 C3 C2; coordinates may lack the zero that keeps them positive) or
// the raw form 04 C1 C3 C2, with 1 to 6144 masked bytes.
std::optional<Sm2Ciphertext> ReadSm2Ciphertext(ByteView bytes);
Bytes WriteSm2Ciphertext(const Sm2Ciphertext& ciphertext);

inline constexpr std::size_t kSm2MaxPlaintext = 6144;

}  // namespace kms::internal

#endif  // KMS_CRYPTO_SM2_DER_H_
