#include "kms/asymmetric_service.h"

#include <string>

#include "keys/fixture.h"

namespace kms {
namespace {

using testing::Fails;
using testing::Holds;

class AsymmetricServiceTest : public testing::KmsTest {
 protected:
  const Bytes digest = Bytes(32, 0x5a);
};

TEST_F(AsymmetricServiceTest, SignsForOneVersion) {
  const std::string key =
      MakeKey({.spec = KeySpec::kSm2, .usage = KeyUsage::kSignVerify});
  const std::string old = VersionOf(key);
  const std::string fresh = kms->versions().Create(me, key)->id;
  auto& asymmetric = kms->asymmetric();
  const auto made =
      asymmetric.Sign(me, {key, old}, SignatureAlgorithm::kSm2, digest).value();
  EXPECT_EQ(made.version, old);
  const auto verify = [&](const std::string& version, const Bytes& over) {
    return asymmetric
        .Verify(me, {key, version}, SignatureAlgorithm::kSm2, over, made.signature)
        ->valid;
  };
  EXPECT_TRUE(verify(old, digest));
  EXPECT_FALSE(verify(fresh, digest));
  EXPECT_FALSE(verify(old, Bytes(32, 1)));
}

TEST_F(AsymmetricServiceTest, RefusesWhatDoesNotFit) {
  const std::string sign =
      MakeKey({.spec = KeySpec::kSm2, .usage = KeyUsage::kSignVerify});
  const std::string pair = MakeKey({.spec = KeySpec::kSm2});
  const std::string symmetric = MakeKey();
  const std::string sign_version = VersionOf(sign);
  const VersionName signer = {sign, sign_version};
  auto& asymmetric = kms->asymmetric();
  constexpr auto kSm2 = EncryptionAlgorithm::kSm2;
  EXPECT_THAT(asymmetric.Sign(me, signer, SignatureAlgorithm::kRsaPssSha256, digest),
              Fails(Reason::kAlgorithmNotSupported));
  EXPECT_THAT(asymmetric.Sign(me, signer, SignatureAlgorithm::kSm2, Bytes(31, 1)),
              Fails(Reason::kBadParameter));
  EXPECT_THAT(asymmetric.Encrypt(me, signer, kSm2, digest),
              Fails(Reason::kNotForEncryption));
  EXPECT_THAT(
      asymmetric.Sign(me, {pair, VersionOf(pair)}, SignatureAlgorithm::kSm2, digest),
      Fails(Reason::kNotForSigning));
  EXPECT_THAT(asymmetric.Encrypt(me, {symmetric, VersionOf(symmetric)}, kSm2, digest),
              Fails(Reason::kNotAsymmetric));
  EXPECT_THAT(asymmetric.Encrypt(me, {pair, VersionOf(sign)}, kSm2, digest),
              Fails(Reason::kVersionNotFound));
  EXPECT_THAT(asymmetric.GetPublicKey(me, {pair, VersionOf(sign)}),
              Fails(Reason::kVersionNotFound));
  EXPECT_THAT(asymmetric.GetPublicKey(me, {symmetric, VersionOf(symmetric)}),
              Fails(Reason::kNotAsymmetric));
  EXPECT_THAT(asymmetric.Encrypt(me, {pair, VersionOf(pair)}, kSm2, {}),
              Fails(Reason::kPlaintextMissing));
}

TEST_F(AsymmetricServiceTest, DecryptsWhatItsPublicKeyEncrypts) {
  for (const auto& [spec, algorithm] :
       {std::pair(KeySpec::kRsa2048, EncryptionAlgorithm::kRsaOaepSha256),
        std::pair(KeySpec::kSm2, EncryptionAlgorithm::kSm2)}) {
    const std::string key = MakeKey({.spec = spec});
    const std::string version = VersionOf(key);
    const VersionName name = {key, version};
    auto& asymmetric = kms->asymmetric();
    auto sent = asymmetric.Encrypt(me, name, algorithm, AsBytes("secret")).value();
    EXPECT_TRUE(Holds(
        asymmetric.Decrypt(me, name, algorithm, sent.blob).value().plaintext, "secret"));
    sent.blob.back() ^= 1;
    EXPECT_THAT(asymmetric.Decrypt(me, name, algorithm, sent.blob),
                Fails(Reason::kBadCiphertext));
  }
}

TEST_F(AsymmetricServiceTest, APaddingThatTellsIsAskedFewTimes) {
  const std::string key = MakeKey({.spec = KeySpec::kRsa2048});
  const std::string other = MakeKey({.spec = KeySpec::kRsa2048});
  const std::string version = VersionOf(key);
  const std::string other_version = VersionOf(other);
  const VersionName name = {key, version};
  constexpr auto kTelling = EncryptionAlgorithm::kRsaPkcs1;
  constexpr auto kOaep = EncryptionAlgorithm::kRsaOaepSha256;
  auto& asymmetric = kms->asymmetric();
  const Bytes good = asymmetric.Encrypt(me, name, kTelling, AsBytes("x")).value().blob;
  const Bytes oaep = asymmetric.Encrypt(me, name, kOaep, AsBytes("x")).value().blob;
  Bytes bad = good;
  bad[100] ^= 1;
  const auto fails = [&](int times) {
    for (int i = 0; i < times; ++i)
      ASSERT_THAT(asymmetric.Decrypt(me, name, kTelling, bad),
                  Fails(Reason::kBadCiphertext));
  };
  fails(50);
  for (int i = 0; i < 200; ++i)  // what decrypts costs nothing
    ASSERT_OK(asymmetric.Decrypt(me, name, kTelling, good));
  fails(50);
  for (const Bytes& blob : {bad, good})
    EXPECT_THAT(asymmetric.Decrypt(me, name, kTelling, blob),
                Fails(Reason::kTooManyRequests));
  const PublicKeySource source = {key, version, kTelling};
  EXPECT_THAT(kms->compute().ReEncrypt(me, good, MakeKey(), &source),
              Fails(Reason::kTooManyRequests));
  // Neither another padding, nor another key.
  EXPECT_OK(asymmetric.Decrypt(me, name, kOaep, oaep));
  EXPECT_THAT(asymmetric.Decrypt(me, {other, other_version}, kTelling, bad),
              Fails(Reason::kBadCiphertext));
  // It comes back with time.
  clock.Advance(3 * 10 * 60 * 1000);
  fails(3);
  EXPECT_THAT(asymmetric.Decrypt(me, name, kTelling, good),
              Fails(Reason::kTooManyRequests));
  clock.Advance(testing::kDay);
  fails(100);
  EXPECT_THAT(asymmetric.Decrypt(me, name, kTelling, good),
              Fails(Reason::kTooManyRequests));
}

TEST_F(AsymmetricServiceTest, ThePublicKeyIsPem) {
  const std::string key = MakeKey({.spec = KeySpec::kRsa2048});
  const std::string pem = kms->asymmetric().GetPublicKey(me, {key, VersionOf(key)})->pem;
  EXPECT_TRUE(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMII"));
  EXPECT_TRUE(pem.ends_with("\n-----END PUBLIC KEY-----\n"));
}

}  // namespace
}  // namespace kms
