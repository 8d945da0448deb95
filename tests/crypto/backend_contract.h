// What every CryptoBackend does: the tests are in backend_contract.cc, and each
// implementation is put to them by an INSTANTIATE_TEST_SUITE_P of its own.

#ifndef KMS_TESTS_CRYPTO_BACKEND_CONTRACT_H_
#define KMS_TESTS_CRYPTO_BACKEND_CONTRACT_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kms/crypto_backend.h"

namespace kms::testing {

// A backend with whatever it needs, alive as long as this.
class TestedBackend {
 public:
  virtual ~TestedBackend() = default;
  virtual CryptoBackend& backend() = 0;
};

struct BackendImplementation {
  const char* name;
  std::function<std::unique_ptr<TestedBackend>()> make;
  // What an AES message begins with, after format and suite, and shares with no other:
  // salt and nonce, or a random nonce alone.
  std::size_t unique_bytes = 16 + 12;
  // The HMAC of "abc" under the AES material 00 to 1f, in hexadecimal digits: that of
  // docs/record_format.md, which another implementation computed.
  std::string_view mac_of_abc = kMacInToken;

  static constexpr std::string_view kMacInToken =
      "dee7b7b2ebdcaeb74e52d79974c9dba412a6bfe742ac777b085e5a3104b4dc21";
};

class BackendContract : public ::testing::TestWithParam<BackendImplementation> {
 protected:
  const std::unique_ptr<TestedBackend> tested_ = GetParam().make();
  CryptoBackend* const backend_ = &tested_->backend();
};

inline std::string BackendName(
    const ::testing::TestParamInfo<BackendImplementation>& tested) {
  return tested.param.name;
}

}  // namespace kms::testing

#endif  // KMS_TESTS_CRYPTO_BACKEND_CONTRACT_H_
