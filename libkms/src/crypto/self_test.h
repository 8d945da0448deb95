// Known answers of the algorithms, run before the first use.

#ifndef KMS_CRYPTO_SELF_TEST_H_
#define KMS_CRYPTO_SELF_TEST_H_

#include <memory>
#include <span>
#include <string_view>

#include "kms/bytes.h"
#include "kms/crypto_backend.h"
#include "kms/result.h"

namespace kms::internal {

// The fixed keys that the answers of RSA and SM2 are computed with.
struct SelfTestKeys {
  std::shared_ptr<PrivateKey> rsa;
  std::shared_ptr<PublicKey> rsa_public;
  std::shared_ptr<PrivateKey> sm2;
  std::shared_ptr<PublicKey> sm2_public;
};

// What an algorithm must answer, in hexadecimal. Where the answer is a verdict it is
// 01 for the right signature and then 00 for one of another digest.
struct KnownAnswer {
  std::string_view algorithm;
  Bytes (*compute)(const SelfTestKeys& keys);
  std::string_view expected;
};

// Every algorithm that the backend offers.
std::span<const KnownAnswer> KnownAnswers();

// How a backend reads a private key as it is sealed; null if it is none.
using PrivateKeyReader = std::shared_ptr<PrivateKey> (*)(KeySpec spec, ByteView secret);

// RunSelfTest fails with kInternal, naming the algorithm in the detail.
Result<void> RunSelfTest(PrivateKeyReader read,
                         std::span<const KnownAnswer> answers = KnownAnswers());

}  // namespace kms::internal

#endif  // KMS_CRYPTO_SELF_TEST_H_
