// RSA private keys that compute with OpenSSL, which takes half as long as Botan
// (docs/performance.md).

#ifndef KMS_CRYPTO_OPENSSL_RSA_H_
#define KMS_CRYPTO_OPENSSL_RSA_H_

#include <memory>

#include "kms/bytes.h"
#include "kms/crypto_backend.h"

namespace kms::internal {

// ReadPrivateKeyForOpenSsl is ReadPrivateKey (crypto/botan_keys.h), for an object that
// does the work of RSA with OpenSSL; SM2 stays with Botan.
std::shared_ptr<PrivateKey> ReadPrivateKeyForOpenSsl(KeySpec spec, ByteView secret);

}  // namespace kms::internal

#endif  // KMS_CRYPTO_OPENSSL_RSA_H_
