// A token that is open for use only: what it holds computes, and nothing of it is made,
// changed or removed, whatever an owner would do at that point.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kms/encoding.h"
#include "pkcs11/plain_token.h"

namespace kms::testing {
namespace {

using ::testing::HasSubstr;
using Ids = std::multiset<std::string>;

constexpr Place kNew{"account", "key", "9", "material", "nine"};
constexpr KeySpec kAllSpecs[] = {KeySpec::kAes256, KeySpec::kSm4, KeySpec::kRsa2048,
                                 KeySpec::kSm2};

// One for each spec.
Place PlaceOf(KeySpec spec) {
  static constexpr Place kPlaces[] = {{"account", "key", "1", "material", "aes"},
                                      {"account", "key", "2", "material", "sm4"},
                                      {"account", "key", "3", "material", "rsa"},
                                      {"account", "key", "4", "material", "sm2"}};
  for (std::size_t i = 0; i < std::size(kAllSpecs); ++i)
    if (kAllSpecs[i] == spec) return kPlaces[i];
  return {};
}

class UseOnlyTest : public ::testing::Test {
 protected:
  UseOnlyTest() { OpenFromNowOn({}); }

  // With a change of the configuration, or none.
  void OpenFromNowOn(const SoftHsm::Change& change) {
    token_.SetChange([change](Pkcs11Config& config) {
      config.call_timeout_millis = 30'000;  // an RSA key may take long to make
      if (change) change(config);
    });
  }

  // What the store says of root keys.
  std::vector<std::string> RootRecords() {
    const auto snapshot = token_.store().Read().value();
    std::vector<std::string> records;
    for (const Record& root : snapshot->Scan(JoinKey({"hsm-root"}), {}, 64).value())
      records.push_back(root.value);
    return records;
  }

  void MakeKeys() {
    for (const KeySpec spec : kAllSpecs)
      made_.push_back(token_.backend().Generate(spec, PlaceOf(spec)).value());
  }

  Result<void> UseKeys() {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      const KeySpec spec = kAllSpecs[i];
      if (IsSymmetric(spec)) {
        KMS_TRY(const auto key,
                token_.backend().LoadSymmetric(spec, PlaceOf(spec), made_[i].sealed));
        KMS_TRY(const Bytes sealed, key->Seal({}, {}, Bytes{1}));
        KMS_CHECK_OK(key->Open({}, {}, sealed));
      } else {
        KMS_TRY(const auto key,
                token_.backend().LoadPrivate(spec, PlaceOf(spec), made_[i].sealed));
        KMS_CHECK_OK(key->Sign(spec == KeySpec::kSm2 ? SignatureAlgorithm::kSm2
                                                     : SignatureAlgorithm::kRsaPssSha256,
                               Bytes(32, 1)));
      }
    }
    return {};
  }

  Result<void> OpenForUseOnly() {
    token_.Close();
    OpenFromNowOn([](Pkcs11Config& config) { config.use_only = true; });
    return token_.Open();
  }

  // How many objects anybody has tried to make in the module.
  int Makings() {
    return trace_.Count("C_GenerateKey") + trace_.Count("C_GenerateKeyPair") +
           trace_.Count("C_CreateObject");
  }

  CallTrace trace_;
  PlainToken token_{Rules()};
  std::vector<WrappedKey> made_;
};

TEST_F(UseOnlyTest, KeysUnderARootComputeAndTheTokenStaysAsItIs) {
  ASSERT_OK(token_.Open());
  MakeKeys();
  const Ids before = TokenObjects().Ids();
  const auto records = RootRecords();
  ASSERT_OK(OpenForUseOnly());
  EXPECT_OK(UseKeys());
  EXPECT_THAT(token_.hsm().AddRoot(), Fails(Reason::kHsmUnavailable));
  EXPECT_EQ(token_.hsm().Status().root, 1u);
  EXPECT_OK(UseKeys());
  EXPECT_EQ(TokenObjects().Ids(), before);
  EXPECT_EQ(RootRecords(), records);
}

TEST_F(UseOnlyTest, KeysThatAreObjectsComputeAndCannotBeMadeOrDestroyed) {
  token_.SetLacks(kNoWrap);
  ASSERT_OK(token_.Open());
  MakeKeys();
  const Ids before = TokenObjects().Ids();
  ASSERT_EQ(before.size(), 3u);  // the sealing key, AES and RSA
  ASSERT_OK(OpenForUseOnly());
  EXPECT_OK(UseKeys());
  // The token itself says no.
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kRsa2048}) {
    const auto made = token_.backend().Generate(spec, kNew);
    ASSERT_THAT(made, Fails(Reason::kHsmUnavailable));
    EXPECT_THAT(made.error().detail(), HasSubstr("CKR_SESSION_READ_ONLY"));
  }
  EXPECT_FALSE(
      token_.backend().Import(KeySpec::kAes256, kNew, SecretBytes::CopyOf(Bytes(32, 3))));
  const auto destroyed = token_.backend().Destroy("aes");
  ASSERT_THAT(destroyed, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(destroyed.error().detail(), HasSubstr("CKR_SESSION_READ_ONLY"));
  EXPECT_EQ(TokenObjects().Ids(), before);
  EXPECT_OK(UseKeys());
  EXPECT_TRUE(token_.hsm().Status().up);
}

TEST_F(UseOnlyTest, WithoutARootNoneIsMade) {
  const auto opened = OpenForUseOnly();
  ASSERT_THAT(opened, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(opened.error().detail(), HasSubstr("names no root key"));
  EXPECT_EQ(Makings(), 0);
  EXPECT_TRUE(RootRecords().empty());
}

TEST_F(UseOnlyTest, ARootThatIsMissingIsNamedAndNotMade) {
  ASSERT_OK(token_.Open());
  MakeKeys();
  const std::string id = token_.hsm().Status().root_id;
  TokenObjects().Destroy(id);
  token_.Close();
  const int makings = Makings();
  const auto records = RootRecords();
  const auto opened = OpenForUseOnly();
  ASSERT_THAT(opened, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(opened.error().detail(), HasSubstr(id));
  EXPECT_EQ(Makings(), makings);
  EXPECT_EQ(RootRecords(), records);
}

TEST_F(UseOnlyTest, WhatAnInterruptedMakingHasLeftIsTheOwnersToRemove) {
  ASSERT_OK(token_.Open());
  MakeKeys();
  OpenFromNowOn([](Pkcs11Config& config) { config.sync_folder = "/nonexistent/folder"; });
  ASSERT_OK(token_.Reopen());
  ASSERT_THAT(token_.hsm().AddRoot(), Fails(Reason::kHsmUnavailable));
  const Ids left = TokenObjects().Ids();
  ASSERT_EQ(left.size(), 2u);
  const auto records = RootRecords();
  ASSERT_EQ(records.size(), 2u);
  ASSERT_OK(OpenForUseOnly());
  EXPECT_OK(UseKeys());
  EXPECT_EQ(TokenObjects().Ids(), left);
  EXPECT_EQ(RootRecords(), records);
  OpenFromNowOn({});
  ASSERT_OK(token_.Reopen());
  EXPECT_EQ(TokenObjects().Ids().size(), 1u);
}

// Which an owner takes for a reason to make a root, or to note that it derives.
class UseOnlyOfTokenThatLearnsTest : public UseOnlyTest,
                                     public ::testing::WithParamInterface<Rules> {};

TEST_P(UseOnlyOfTokenThatLearnsTest, GetsNoNewRoot) {
  token_.SetLacks(GetParam());
  ASSERT_OK(token_.Open());
  MakeKeys();
  const Ids before = TokenObjects().Ids();
  const auto records = RootRecords();
  token_.SetLacks({});
  ASSERT_OK(OpenForUseOnly());
  EXPECT_OK(UseKeys());
  EXPECT_EQ(token_.hsm().Status().root, 1u);
  EXPECT_EQ(TokenObjects().Ids(), before);
  EXPECT_EQ(RootRecords(), records);
}

INSTANTIATE_TEST_SUITE_P(PlainToken, UseOnlyOfTokenThatLearnsTest,
                         ::testing::Values(kNoWrap, kNoDerive, kNeither));

}  // namespace
}  // namespace kms::testing
