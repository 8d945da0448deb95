// A token that can do more than when the store was begun, or less, as after an exchange
// of its firmware.

#include <memory>
#include <utility>

#include "pkcs11/plain_token.h"

namespace kms::testing {
namespace {

using ::testing::HasSubstr;

constexpr Place kOne{"account", "key", "1", "material", "one"};
constexpr Place kTwo{"account", "key", "2", "material", "two"};

// What it lacks at first, and what then.
class ChangedTokenTest : public ::testing::TestWithParam<std::pair<Rules, Rules>> {
 protected:
  ChangedTokenTest() {
    token_.Open().value();
    CryptoBackend& backend = token_.backend();
    aes_ = backend.Generate(KeySpec::kAes256, kOne).value();
    rsa_ = backend.Generate(KeySpec::kRsa2048, kTwo).value();
    sealed_ = Aes()->Seal({}, {}, Bytes{1}).value();
  }
  std::shared_ptr<SymmetricKey> Aes() {
    return token_.backend().LoadSymmetric(KeySpec::kAes256, kOne, aes_.sealed).value();
  }
  Result<void> Exchange() {
    token_.Close();
    token_.SetLacks(GetParam().second);
    return token_.Open();
  }

  PlainToken token_{GetParam().first};
  WrappedKey aes_, rsa_;
  Bytes sealed_;
};

using TokenThatLearnsTest = ChangedTokenTest;
INSTANTIATE_TEST_SUITE_P(PlainToken, TokenThatLearnsTest,
                         ::testing::Values(std::pair(kNoWrap, Rules()),
                                           std::pair(kNeither, kNoDerive),
                                           std::pair(kNeither, kNoWrap),
                                           std::pair(kNeither, Rules()),
                                           std::pair(kNoDerive, Rules())));

TEST_P(TokenThatLearnsTest, OldKeysServeOnAndNewOnesUseIt) {
  ASSERT_OK(Exchange());
  for (int start = 0; start < 2; ++start) {
    CryptoBackend& backend = token_.backend();
    EXPECT_OK(Aes()->Open({}, {}, sealed_));
    EXPECT_OK(Aes()->Open({}, {}, Aes()->Seal({}, {}, Bytes{2}).value()));
    EXPECT_OK(backend.LoadPrivate(KeySpec::kRsa2048, kTwo, rsa_.sealed)
                  .value()
                  ->Sign(SignatureAlgorithm::kRsaPssSha256, Bytes(32, 1)));
    const Place place{"account", "key", "3", "material", "three"};
    const WrappedKey made = backend.Generate(KeySpec::kAes256, place).value();
    const Pkcs11Status status = token_.hsm().Status();
    EXPECT_EQ(made.in_token, !status.wraps);
    const Bytes sealed = backend.LoadSymmetric(KeySpec::kAes256, place, made.sealed)
                             .value()
                             ->Seal({}, {}, Bytes{3})
                             .value();
    EXPECT_EQ(sealed[1], status.derives ? 3 : 4);  // the suite
    // A root that fits is made once; one that wraps fits as it is.
    EXPECT_EQ(status.root, aes_.in_token ? 2u : 1u);
    ASSERT_OK(token_.Reopen());
  }
}

using TokenThatUnlearnsTest = ChangedTokenTest;
INSTANTIATE_TEST_SUITE_P(PlainToken, TokenThatUnlearnsTest,
                         ::testing::Values(std::pair(Rules(), kNoWrap),
                                           std::pair(Rules(), kNoDerive),
                                           std::pair(kNoWrap, kNeither)));

TEST_P(TokenThatUnlearnsTest, IsRefusedAndServesAgainAsItWas) {
  for (int exchange = 0; exchange < 2; ++exchange) {
    const auto refused = Exchange();
    ASSERT_THAT(refused, Fails(Reason::kHsmUnavailable));
    EXPECT_THAT(
        refused.error().detail(),
        HasSubstr(GetParam().second == kNoWrap ? "cannot unwrap" : "cannot derive"));
    token_.SetLacks(GetParam().first);
    ASSERT_OK(token_.Open());
    EXPECT_OK(Aes()->Open({}, {}, sealed_));
  }
}

TEST(TokenThatLearnsAndUnlearnsTest, IsRefused) {
  PlainToken token(kNoDerive);
  ASSERT_OK(token.Open());
  token.SetLacks({});
  ASSERT_OK(token.Reopen());
  token.SetLacks(kNoDerive);
  const auto refused = token.Reopen();
  ASSERT_THAT(refused, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(refused.error().detail(), HasSubstr("cannot derive"));
}

}  // namespace
}  // namespace kms::testing
