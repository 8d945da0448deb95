// Hashes, message authentication codes and key derivation, over bytes that the
// caller holds. Keys that the KMS keeps are used through kms/crypto_backend.h.
//
// Standards: FIPS 180-4 (SHA-256), GB/T 32905 (SM3), RFC 2104 (HMAC), RFC 5869
// (HKDF).
// Threads: all of it is free of shared state.

#ifndef KMS_DIGEST_H_
#define KMS_DIGEST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "kms/bytes.h"
#include "kms/secret_bytes.h"

namespace kms {

enum class DigestAlgorithm : std::uint8_t { kSha256, kSm3 };

// Both algorithms have 32 bytes.
using Digest32 = std::array<std::uint8_t, 32>;

Digest32 Digest(DigestAlgorithm algorithm, ByteView data);
// Of the pieces, one behind the other.
Digest32 Digest(DigestAlgorithm algorithm, std::initializer_list<ByteView> pieces);
Digest32 Hmac(DigestAlgorithm algorithm, ByteView key, ByteView data);

// Hkdf extracts and expands `size` bytes (at most 255 * 32).
SecretBytes Hkdf(DigestAlgorithm algorithm, ByteView key, ByteView salt, ByteView info,
                 std::size_t size);

}  // namespace kms

#endif  // KMS_DIGEST_H_
