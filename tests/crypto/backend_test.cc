// BackendContract over BotanBackend.

#include "crypto/backend_contract.h"
#include "kms/encoding.h"

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
                             .name = "Botan",
                             .make = [] { return std::make_unique<TestedBotan>(); },
                             .mac_of_abc = "d5bdd27aadc1a89fb4462a559b9b7685"
                                           "3f2a1b7228149752ca0c203f9b0660dc"}),
                         BackendName);

TEST(BotanBackendTest, MacsOfSm4AreAsDocumented) {
  constexpr Place kPlace{"account", "key", "1", "material"};
  TestedBotan tested;
  const SecretBytes material = SecretBytes::Filled(16, [](std::span<std::uint8_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i);
  });
  const WrappedKey made =
      tested.backend().Import(KeySpec::kSm4, kPlace, material).value();
  const auto key =
      tested.backend().LoadSymmetric(KeySpec::kSm4, kPlace, made.sealed).value();
  EXPECT_EQ(ToHex(key->Mac(AsBytes("abc")).value()),
            "885baf9d54040b5899fa54cf71bbe23ca63180c957637bdc618c8043ce38a848");
}

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
