// BackendContract over BotanBackend.

#include "crypto/backend_contract.h"

namespace kms::testing {
namespace {

class TestedBotan final : public TestedBackend {
 public:
  CryptoBackend& backend() override { return *backend_; }

 private:
  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend_ = NewBotanBackend(*root_);
};

INSTANTIATE_TEST_SUITE_P(Botan, BackendContract,
                         ::testing::Values(BackendImplementation{
                             "Botan", [] { return std::make_unique<TestedBotan>(); }}),
                         BackendName);

}  // namespace
}  // namespace kms::testing
