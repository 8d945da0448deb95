// The paddings around raw RSA of 2048 bits, taken off by libcrypto, in constant time.

#ifndef KMS_CRYPTO_RSA_PADDING_H_
#define KMS_CRYPTO_RSA_PADDING_H_

#include <cstddef>

#include "kms/bytes.h"
#include "kms/crypto_backend.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::internal {

inline constexpr std::size_t kRsaSize = 256;  // bytes

// Unpad takes the padding off what raw RSA has decrypted.
// Fails: kBadCiphertext, after the same work for every wrong padding of one algorithm.
Result<SecretBytes> Unpad(EncryptionAlgorithm algorithm, ByteView encoded);

// OfSize returns `key`, which Unpad has returned, if it is that long.
// Fails: kBadCiphertext after PKCS#1 v1.5, as for a wrong padding; kBadAesKeyLength.
Result<SecretBytes> OfSize(std::size_t size, EncryptionAlgorithm algorithm,
                           SecretBytes key);

}  // namespace kms::internal

#endif  // KMS_CRYPTO_RSA_PADDING_H_
