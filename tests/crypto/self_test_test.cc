#include "crypto/self_test.h"

#include <set>
#include <string>
#include <vector>

#include "crypto/botan_keys.h"
#include "crypto/openssl_rsa.h"
#include "support/matchers.h"

namespace kms::internal {
namespace {

TEST(SelfTestTest, CoversEveryAlgorithm) {
  EXPECT_OK(RunSelfTest(ReadPrivateKey));
  EXPECT_OK(RunSelfTest(ReadPrivateKeyForOpenSsl));
  std::set<std::string_view> names;
  for (const KnownAnswer& answer : KnownAnswers()) names.insert(answer.algorithm);
  EXPECT_EQ(names,
            (std::set<std::string_view>{
                "SHA-256", "SM3", "HMAC-SHA-256", "HMAC-SM3", "HKDF-SHA-256", "HKDF-SM3",
                "AES-256-GCM", "SM4-GCM", "RSA PKCS#1 v1.5 signature",
                "RSA PKCS#1 v1.5 verification", "RSA PSS verification",
                "RSA OAEP-SHA-256 decryption", "RSA OAEP-SHA-1 decryption",
                "RSA PKCS#1 v1.5 decryption", "SM2 verification", "SM2 decryption"}));
}

TEST(SelfTestTest, NoticesAndNamesEveryWrongAnswer) {
  for (const KnownAnswer& answer : KnownAnswers()) {
    std::string wrong(answer.expected);
    wrong.back() = wrong.back() == '0' ? '1' : '0';
    const KnownAnswer changed{answer.algorithm, answer.compute, wrong};
    const auto result = RunSelfTest(ReadPrivateKey, {&changed, 1});
    ASSERT_THAT(result, testing::FailsAs(ErrorClass::kInternal)) << answer.algorithm;
    EXPECT_NE(result.error().detail().find(answer.algorithm), std::string::npos);
  }
}

TEST(SelfTestTest, NoticesABrokenAlgorithm) {
  const KnownAnswer silent{"silent", [](const SelfTestKeys&) { return Bytes(); }, "00"};
  EXPECT_THAT(RunSelfTest(ReadPrivateKey, {&silent, 1}),
              testing::FailsAs(ErrorClass::kInternal));
  const KnownAnswer throws{
      "throws", [](const SelfTestKeys&) -> Bytes { throw std::runtime_error("broken"); },
      "00"};
  EXPECT_THAT(RunSelfTest(ReadPrivateKey, {&throws, 1}),
              testing::FailsAs(ErrorClass::kInternal));
}

}  // namespace
}  // namespace kms::internal
