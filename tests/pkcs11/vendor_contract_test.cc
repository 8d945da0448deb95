// BackendContract over a token whose vendor has mechanisms for SM2 and SM4; and what is
// particular to it.

#include "crypto/backend_contract.h"
#include "pkcs11/fault_module/vendor_sm.h"
#include "pkcs11/fault_rules.h"
#include "pkcs11/soft_hsm.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {
namespace {

constexpr Place kPlace{"account", "key", "1", "material", "one"};

void NameTheVendorsMechanisms(Pkcs11Config& config) {
  config.module = SoftToken::FaultModule();
  config.vendor = {.sm4_key_type = fault::CKK_VENDOR_SM4,
                   .sm4_key_gen = fault::CKM_VENDOR_SM4_KEY_GEN,
                   .sm4_gcm = fault::CKM_VENDOR_SM4_GCM,
                   .sm2_key_type = fault::CKK_VENDOR_SM2,
                   .sm2_key_pair_gen = fault::CKM_VENDOR_SM2_KEY_PAIR_GEN,
                   .sm2_sign = fault::CKM_VENDOR_SM2_SIGN,
                   .sm2_decrypt = fault::CKM_VENDOR_SM2_DECRYPT};
}

// The rules are there before the module is.
struct VendorRules {
  VendorRules() { rules.Set({"* vendor-sm"}); }
  FaultRules rules;
};

class TestedVendor final : public TestedBackend {
 public:
  CryptoBackend& backend() override { return hsm_.backend(); }

 private:
  VendorRules rules_;
  SoftHsm hsm_{NameTheVendorsMechanisms};
};

INSTANTIATE_TEST_SUITE_P(Vendor, BackendContract,
                         ::testing::Values(BackendImplementation{
                             "Vendor", [] { return std::make_unique<TestedVendor>(); }}),
                         BackendName);

class VendorTest : public ::testing::Test {
 protected:
  VendorRules rules_;
  SoftHsm hsm_{NameTheVendorsMechanisms};
};

TEST_F(VendorTest, SmKeysAreMadeAndUsedInTheToken) {
  CryptoBackend& backend = hsm_.backend();
  const WrappedKey sm4 = backend.Generate(KeySpec::kSm4, kPlace).value();
  const auto symmetric = backend.LoadSymmetric(KeySpec::kSm4, kPlace, sm4.sealed).value();
  EXPECT_TRUE(symmetric->waits());
  const Bytes text = {1, 2, 3};
  const Bytes sealed = symmetric->Seal({}, {}, text).value();
  EXPECT_EQ(sealed[1], 5);  // the suite

  const WrappedKey sm2 = backend.Generate(KeySpec::kSm2, kPlace).value();
  const auto secret = backend.LoadPrivate(KeySpec::kSm2, kPlace, sm2.sealed).value();
  EXPECT_TRUE(secret->waits());

  // They outlive a restart.
  const Bytes digest(32, 9);
  const Bytes signature = secret->Sign(SignatureAlgorithm::kSm2, digest).value();
  EXPECT_TRUE(backend.LoadPublic(sm2.public_key)
                  .value()
                  ->Verify(SignatureAlgorithm::kSm2, digest, signature)
                  .value());
}

TEST_F(VendorTest, KeysOutliveARestart) {
  const WrappedKey sm4 = hsm_.backend().Generate(KeySpec::kSm4, kPlace).value();
  const WrappedKey sm2 = hsm_.backend().Generate(KeySpec::kSm2, kPlace).value();
  const Bytes text = {1, 2, 3};
  const Bytes sealed = hsm_.backend()
                           .LoadSymmetric(KeySpec::kSm4, kPlace, sm4.sealed)
                           .value()
                           ->Seal({}, {}, text)
                           .value();
  hsm_.Close();
  ASSERT_OK(hsm_.Open());
  EXPECT_OK(hsm_.backend()
                .LoadSymmetric(KeySpec::kSm4, kPlace, sm4.sealed)
                .value()
                ->Open({}, {}, sealed));
  EXPECT_OK(hsm_.backend()
                .LoadPrivate(KeySpec::kSm2, kPlace, sm2.sealed)
                .value()
                ->Sign(SignatureAlgorithm::kSm2, Bytes(32, 1)));

  // Without the vendor's mechanisms they are refused by a text that says so, and nothing
  // is taken for them.
  hsm_.Close();
  hsm_.SetChange([](Pkcs11Config& config) { config.module = SoftToken::FaultModule(); });
  ASSERT_OK(hsm_.Open());
  const auto symmetric = hsm_.backend().LoadSymmetric(KeySpec::kSm4, kPlace, sm4.sealed);
  ASSERT_THAT(symmetric, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(symmetric.error().detail(), ::testing::HasSubstr("vendor"));
  EXPECT_THAT(hsm_.backend().LoadPrivate(KeySpec::kSm2, kPlace, sm2.sealed),
              Fails(Reason::kHsmUnavailable));
}

TEST_F(VendorTest, KeysOfSoftwareStayUsableWhenTheMechanismsCome) {
  hsm_.Close();
  hsm_.SetChange([](Pkcs11Config& config) { config.module = SoftToken::FaultModule(); });
  ASSERT_OK(hsm_.Open());
  const WrappedKey sm4 = hsm_.backend().Generate(KeySpec::kSm4, kPlace).value();
  const WrappedKey sm2 = hsm_.backend().Generate(KeySpec::kSm2, kPlace).value();
  hsm_.Close();
  hsm_.SetChange(NameTheVendorsMechanisms);
  ASSERT_OK(hsm_.Open());
  EXPECT_FALSE(
      hsm_.backend().LoadSymmetric(KeySpec::kSm4, kPlace, sm4.sealed).value()->waits());
  EXPECT_OK(hsm_.backend().LoadPrivate(KeySpec::kSm2, kPlace, sm2.sealed));
}

TEST_F(VendorTest, MechanismsThatTheTokenLacksAreNotUsed) {
  hsm_.Close();
  rules_.rules.Clear();
  ASSERT_OK(hsm_.Open());
  const WrappedKey sm4 = hsm_.backend().Generate(KeySpec::kSm4, kPlace).value();
  EXPECT_FALSE(
      hsm_.backend().LoadSymmetric(KeySpec::kSm4, kPlace, sm4.sealed).value()->waits());
}

}  // namespace
}  // namespace kms::testing
