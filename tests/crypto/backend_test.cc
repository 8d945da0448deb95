// BackendContract over the backends that compute in this process.

#include <algorithm>
#include <string_view>

#include "crypto/backend_contract.h"
#include "kms/encoding.h"

namespace kms::testing {
namespace {

using New = std::unique_ptr<CryptoBackend> (*)(const RootKey&);

class Tested final : public TestedBackend {
 public:
  explicit Tested(New make) : backend_(make(*root_)) {}
  CryptoBackend& backend() override { return *backend_; }

 private:
  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend_;
};

BackendImplementation Implementation(const char* name, New make) {
  return {.name = name,
          .make = [make]() -> std::unique_ptr<TestedBackend> {
            return std::make_unique<Tested>(make);
          },
          .mac_of_abc =
              "d5bdd27aadc1a89fb4462a559b9b7685"
              "3f2a1b7228149752ca0c203f9b0660dc"};
}

INSTANTIATE_TEST_SUITE_P(InThisProcess, BackendContract,
                         ::testing::Values(Implementation("Botan", NewBotanBackend),
                                           Implementation("Software",
                                                          NewSoftwareBackend)),
                         BackendName);

TEST(SoftwareBackendsTest, ReadWhatTheOtherHasMade) {
  constexpr Place kPlace{"account", "key", "1", "material"};
  const auto root = NewEphemeralRootKey();
  const auto botan = NewBotanBackend(*root), software = NewSoftwareBackend(*root);
  for (CryptoBackend* const maker : {botan.get(), software.get()}) {
    const WrappedKey made = maker->Generate(KeySpec::kRsa2048, kPlace).value();
    const auto one = botan->LoadPrivate(KeySpec::kRsa2048, kPlace, made.sealed).value();
    const auto other =
        software->LoadPrivate(KeySpec::kRsa2048, kPlace, made.sealed).value();
    const auto open = botan->LoadPublic(made.public_key).value();
    const Bytes digest(32, 7);
    constexpr auto kPkcs1 = SignatureAlgorithm::kRsaPkcs1Sha256;
    constexpr auto kPss = SignatureAlgorithm::kRsaPssSha256;
    EXPECT_EQ(one->Sign(kPkcs1, digest).value(), other->Sign(kPkcs1, digest).value());
    const Bytes signature = other->Sign(kPss, digest).value();
    EXPECT_TRUE(open->Verify(kPss, digest, signature).value());
    EXPECT_NE(other->Sign(kPss, digest).value(), signature) << "its salt is random";
    for (const auto algorithm :
         {EncryptionAlgorithm::kRsaOaepSha256, EncryptionAlgorithm::kRsaOaepSha1,
          EncryptionAlgorithm::kRsaPkcs1}) {
      const Bytes sealed = open->Encrypt(algorithm, digest).value();
      for (const auto& key : {one, other})
        EXPECT_TRUE(
            std::ranges::equal(key->Decrypt(algorithm, sealed).value().Reveal(), digest));
    }
  }
}

TEST(SoftwareBackendsTest, MacsOfSm4AreAsDocumented) {
  constexpr Place kPlace{"account", "key", "1", "material"};
  Tested tested(NewSoftwareBackend);
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

TEST(SoftwareBackendsTest, CountsNoncesFromZeroUnderOneSalt) {
  constexpr Place kPlace{"account", "key", "1", "material"};
  Tested tested(NewSoftwareBackend);
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
