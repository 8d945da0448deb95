// Key pairs and public keys that compute with Botan in this process.
//
// Botan's signers and decryptors are costly to make and belong to one thread at a
// time; each key keeps a pool of them.

#ifndef KMS_CRYPTO_BOTAN_KEYS_H_
#define KMS_CRYPTO_BOTAN_KEYS_H_

#include <botan/rsa.h>

#include <memory>

#include "kms/crypto_backend.h"

namespace kms::internal {

// A private key as it is sealed: PKCS#8 (RSA) or the scalar of 32 bytes (SM2).
struct NewPair {
  SecretBytes secret;
  Bytes public_key;
};

// Throws what Botan throws.
NewPair GeneratePair(KeySpec spec);

// Null if `secret` is no key of that kind. Throws what Botan throws.
std::shared_ptr<PrivateKey> ReadPrivateKey(KeySpec spec, ByteView secret);
std::unique_ptr<Botan::RSA_PrivateKey> ReadRsa(ByteView pkcs8);
std::shared_ptr<PublicKey> ReadPublicKey(ByteView public_key_info);

}  // namespace kms::internal

#endif  // KMS_CRYPTO_BOTAN_KEYS_H_
