// The pairwise test of a new key pair: what one half makes, the other must accept.

#ifndef KMS_CRYPTO_PAIR_TEST_H_
#define KMS_CRYPTO_PAIR_TEST_H_

#include "kms/crypto_backend.h"

namespace kms::internal {

// Fails: kKeyCreationFailed if the halves do not fit; kUnavailable.
Result<void> TestPair(KeySpec spec, PrivateKey& private_key, PublicKey& public_key);

}  // namespace kms::internal

#endif  // KMS_CRYPTO_PAIR_TEST_H_
