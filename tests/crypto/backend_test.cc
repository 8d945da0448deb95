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

TEST(BotanBackendTest, CountsNoncesFromZeroUnderOneSalt) {
  constexpr Place kPlace{"account", "key", "1", "material"};
  TestedBotan tested;
  const WrappedKey made = tested.backend().Generate(KeySpec::kSm4, kPlace).value();
  const auto key =
      tested.backend().LoadSymmetric(KeySpec::kSm4, kPlace, made.sealed).value();
  const Bytes first = key->Seal({}, {}, {}).value();
  const Bytes second = key->Seal({}, {}, {}).value();
  EXPECT_EQ(Bytes(first.begin(), first.begin() + 2), (Bytes{1, 2}));
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 18, second.begin()));
  EXPECT_EQ(Bytes(first.begin() + 18, first.begin() + 30), Bytes(12, 0));
  EXPECT_EQ(Bytes(second.begin() + 18, second.begin() + 30),
            (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace kms::testing
