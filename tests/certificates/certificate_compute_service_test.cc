// Signatures and encryption with certificates, in each status and out of time.

#include "kms/certificate_compute_service.h"

#include <algorithm>

#include "certificates/fixture.h"
#include "kms/digest.h"

namespace kms {
namespace {

using testing::Fails;
using x509::testing::kDay;
using x509::testing::kNow;
using enum CertificateStatus;

class CertificateComputeTest : public testing::CertificateTest,
                               public ::testing::WithParamInterface<KeySpec> {
 protected:
  bool sm2() const { return GetParam() == KeySpec::kSm2; }
  SignatureAlgorithm signing() const {
    return sm2() ? SignatureAlgorithm::kSm2 : SignatureAlgorithm::kRsaPssSha256;
  }
  EncryptionAlgorithm encryption() const {
    return sm2() ? EncryptionAlgorithm::kSm2 : EncryptionAlgorithm::kRsaOaepSha256;
  }
  SignedMessage Message(ByteView bytes) const {
    return {signing(), MessageType::kRaw, bytes};
  }

  const std::string text = "a message";
  const SignedMessage message = Message(AsBytes(text));
};

INSTANTIATE_TEST_SUITE_P(All, CertificateComputeTest,
                         ::testing::Values(KeySpec::kRsa2048, KeySpec::kSm2),
                         [](const auto& row) {
                           return row.param == KeySpec::kSm2 ? "Sm2" : "Rsa2048";
                         });

TEST_P(CertificateComputeTest, VerifiesWhatItSigned) {
  const std::string id = MakeActive(GetParam());
  const Bytes signature = compute().Sign(me, id, message).value();
  EXPECT_TRUE(compute().Verify(me, id, message, signature).value());
  EXPECT_FALSE(compute().Verify(me, id, Message(AsBytes("another")), signature).value());
  EXPECT_FALSE(compute().Verify(me, id, message, AsBytes("no signature")).value());
}

TEST_P(CertificateComputeTest, SignsDigests) {
  const std::string id = MakeActive(GetParam());
  const Digest32 digest = Digest(DigestAlgorithm::kSha256, AsBytes(text));
  const SignedMessage hashed = {signing(), MessageType::kDigest, digest};
  const Bytes signature = compute().Sign(me, id, hashed).value();
  EXPECT_TRUE(compute().Verify(me, id, hashed, signature).value());
  // With RSA the digest is the whole message's; with SM2 there is more to it.
  EXPECT_EQ(compute().Verify(me, id, message, signature).value(), !sm2());
  for (const std::size_t size : {0U, 31U, 33U}) {
    const Bytes wrong(size, 1);
    EXPECT_THAT(compute().Sign(me, id, {signing(), MessageType::kDigest, wrong}),
                Fails(Reason::kBadParameter));
  }
}

TEST_P(CertificateComputeTest, SignsMessagesOfACertainSize) {
  const std::string id = MakeActive(GetParam());
  const Bytes longest(4096, 1), longer(4097, 1);
  EXPECT_OK(compute().Sign(me, id, Message(longest)));
  EXPECT_THAT(compute().Sign(me, id, Message(longer)), Fails(Reason::kTooLong));
  EXPECT_THAT(compute().Verify(me, id, Message(longer), {}), Fails(Reason::kTooLong));
}

TEST_P(CertificateComputeTest, DecryptsWhatItEncrypted) {
  const std::string id = MakeActive(GetParam());
  const Bytes ciphertext = compute().Encrypt(me, id, encryption(), AsBytes(text)).value();
  const auto plaintext = compute().Decrypt(me, id, encryption(), ciphertext);
  ASSERT_OK(plaintext);
  EXPECT_TRUE(testing::Holds(*plaintext, text));
  EXPECT_THAT(compute().Decrypt(me, id, encryption(), AsBytes(text)),
              Fails(Reason::kBadCiphertext));
  EXPECT_THAT(compute().Encrypt(me, id, encryption(), {}),
              Fails(Reason::kPlaintextMissing));
  EXPECT_THAT(compute().Encrypt(me, id, encryption(), Bytes(6145, 1)),
              Fails(Reason::kTooLong));
}

TEST_P(CertificateComputeTest, RefusesAlgorithmsOfOtherKeys) {
  const std::string id = MakeActive(GetParam());
  SignedMessage other = message;
  other.algorithm =
      sm2() ? SignatureAlgorithm::kRsaPkcs1Sha256 : SignatureAlgorithm::kSm2;
  EXPECT_THAT(compute().Sign(me, id, other), Fails(Reason::kAlgorithmNotSupported));
  EXPECT_THAT(compute().Verify(me, id, other, {}), Fails(Reason::kAlgorithmNotSupported));
  EXPECT_THAT(
      compute().Encrypt(
          me, id, sm2() ? EncryptionAlgorithm::kRsaPkcs1 : EncryptionAlgorithm::kSm2,
          AsBytes(text)),
      Fails(Reason::kAlgorithmNotSupported));
}

// Which operation each status allows.
TEST_P(CertificateComputeTest, DependsOnTheStatus) {
  const std::string id = MakeActive(GetParam());
  const Bytes signature = compute().Sign(me, id, message).value();
  const Bytes ciphertext = compute().Encrypt(me, id, encryption(), AsBytes(text)).value();
  const auto expect = [&](const std::string& of, bool sign, bool verify, bool encrypt,
                          bool decrypt) {
    const auto check = [&](const auto& result, bool allowed, const char* what) {
      if (allowed) {
        EXPECT_OK(result) << what;
      } else {
        EXPECT_THAT(result, Fails(Reason::kCertificateState)) << what;
      }
    };
    check(compute().Sign(me, of, message), sign, "sign");
    check(compute().Verify(me, of, message, signature), verify, "verify");
    check(compute().Encrypt(me, of, encryption(), AsBytes(text)), encrypt, "encrypt");
    check(compute().Decrypt(me, of, encryption(), ciphertext), decrypt, "decrypt");
  };
  expect(MakePending(GetParam()), false, false, false, false);
  expect(id, true, true, true, true);
  ASSERT_OK(certificates().SetStatus(me, id, kInactive));
  expect(id, false, true, true, false);
  ASSERT_OK(certificates().SetStatus(me, id, kActive));
  expect(id, true, true, true, true);
  ASSERT_OK(certificates().SetStatus(me, id, kRevoked));
  expect(id, false, true, false, false);
}

TEST_P(CertificateComputeTest, SignsOnlyInItsTime) {
  const std::string id = MakePending(GetParam());
  Activate(id, {.not_before = kNow + kDay, .not_after = kNow + 2 * kDay});
  EXPECT_THAT(compute().Sign(me, id, message), Fails(Reason::kCertificateState));
  TimeIs(kNow + kDay);
  const auto signature = compute().Sign(me, id, message);
  ASSERT_OK(signature);
  const Bytes ciphertext = compute().Encrypt(me, id, encryption(), AsBytes(text)).value();
  TimeIs(kNow + 3 * kDay);
  EXPECT_THAT(compute().Sign(me, id, message), Fails(Reason::kCertificateState));
  // What was made in its time stays of use.
  EXPECT_TRUE(compute().Verify(me, id, message, *signature).value());
  EXPECT_OK(compute().Decrypt(me, id, encryption(), ciphertext));
}

TEST_P(CertificateComputeTest, ForgetsWhatWasDeletedElsewhere) {
  const std::string id = MakeActive(GetParam());
  ASSERT_OK(compute().Sign(me, id, message));
  const auto other = Kms::Open({.store = store,
                                .root = *root,
                                .software = *backend,
                                .policy = *policy,
                                .clock = clock})
                         .value();
  ASSERT_OK(other->certificates().SetStatus(me, id, kInactive));
  EXPECT_THAT(compute().Sign(me, id, message), Fails(Reason::kCertificateState));
  ASSERT_OK(other->certificates().Delete(me, id));
  EXPECT_THAT(compute().Sign(me, id, message), Fails(Reason::kCertificateNotFound));
}

TEST_P(CertificateComputeTest, EndsADryRunBeforeItComputes) {
  const std::string id = MakeActive(GetParam());
  RequestContext dry = me;
  dry.dry_run = true;
  const auto ends = testing::FailsAs(ErrorClass::kDryRun);
  EXPECT_THAT(compute().Sign(dry, id, message), ends);
  EXPECT_THAT(compute().Verify(dry, id, message, {}), ends);
  EXPECT_THAT(compute().Encrypt(dry, id, encryption(), AsBytes(text)), ends);
  EXPECT_THAT(compute().Decrypt(dry, id, encryption(), AsBytes(text)), ends);
}

using CertificateRandomTest = testing::CertificateTest;

TEST_F(CertificateRandomTest, ReturnsAsManyBytesAsAsked) {
  for (const std::size_t size : {1U, 32U, 1024U}) {
    const auto random = compute().Random(me, size, ProtectionLevel::kSoftware);
    ASSERT_OK(random);
    EXPECT_EQ(random->size(), size);
  }
  for (const std::size_t size : {0U, 1025U})
    EXPECT_THAT(compute().Random(me, size, ProtectionLevel::kSoftware),
                Fails(Reason::kBadParameter));
  EXPECT_THAT(compute().Random(me, 1, ProtectionLevel::kHsm),
              Fails(Reason::kHsmUnavailable));
}

TEST_F(CertificateRandomTest, BudgetsFailuresOfOldPadding) {
  const std::string id = MakeActive(KeySpec::kRsa2048);
  const Bytes block(256, 1);
  bool refused = false;
  for (int i = 0; i < 1000 && !refused; ++i)
    refused = compute()
                  .Decrypt(me, id, EncryptionAlgorithm::kRsaPkcs1, block)
                  .error()
                  .reason() == Reason::kTooManyRequests;
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace kms
