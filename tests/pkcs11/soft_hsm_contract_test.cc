// BackendContract and RootKeyContract over SoftHSM.

#include "crypto/backend_contract.h"
#include "pkcs11/soft_hsm.h"
#include "root/root_key_contract.h"

namespace kms::testing {
namespace {

class TestedSoftHsm final : public TestedBackend {
 public:
  CryptoBackend& backend() override { return hsm_.hsm().backend(); }

 private:
  SoftHsm hsm_;
};

INSTANTIATE_TEST_SUITE_P(SoftHsm, BackendContract,
                         ::testing::Values(BackendImplementation{
                             "SoftHsm",
                             [] { return std::make_unique<TestedSoftHsm>(); }}),
                         BackendName);

// The token serves one at a time, and is logged in to when it is needed.
class TestedHsmRoot final : public TestedRootKey {
 public:
  const RootKey& root() override { return hsm_.hsm().root(); }

 private:
  SoftHsm hsm_;
};

INSTANTIATE_TEST_SUITE_P(SoftHsm, RootKeyContract,
                         ::testing::Values(RootKeyImplementation{
                             "SoftHsm",
                             [] { return std::make_unique<TestedHsmRoot>(); }}),
                         RootKeyName);

}  // namespace
}  // namespace kms::testing
