#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "kms/crypto_backend.h"
#include "support/matchers.h"

namespace kms {
namespace {

constexpr Place kPlace{"account", "key", "1", "material"};
constexpr Place kElsewhere{"account", "key", "2", "material"};

class BackendTest : public ::testing::Test {
 protected:
  std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend_ = NewBotanBackend(*root_);
};

TEST_F(BackendTest, PassesItsSelfTest) { EXPECT_OK(backend_->SelfTest()); }

TEST_F(BackendTest, RefusesEveryChangedBit) {
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const WrappedKey made = backend_->Generate(spec, kPlace).value();
    EXPECT_THAT(backend_->LoadSymmetric(spec, kElsewhere, made.sealed),
                testing::FailsAs(ErrorClass::kCorrupt));
    const auto key = backend_->LoadSymmetric(spec, kPlace, made.sealed).value();
    const Bytes head = {1, 2}, context = {3}, text = {4, 5, 6};
    const Bytes sealed = key->Seal(head, context, text).value();
    const ByteView body = ByteView(sealed).subspan(head.size());
    EXPECT_TRUE(
        std::ranges::equal(key->Open(head, context, body).value().Reveal(), text));
    EXPECT_THAT(key->Open(context, head, body), testing::Fails(Reason::kBadCiphertext));
    for (std::size_t bit = 0; bit < body.size() * 8; ++bit) {
      Bytes changed(body.begin(), body.end());
      changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      EXPECT_THAT(key->Open(head, context, changed),
                  testing::Fails(Reason::kBadCiphertext));
    }
    for (std::size_t size = 0; size < body.size(); ++size) {
      EXPECT_THAT(key->Open(head, context, body.first(size)),
                  testing::Fails(Reason::kBadCiphertext));
    }
    EXPECT_TRUE(
        std::ranges::equal(key->Open(head, context, body).value().Reveal(), text));
  }
}

TEST_F(BackendTest, NeverRepeatsSaltAndNonce) {
  const WrappedKey made = backend_->Generate(KeySpec::kAes256, kPlace).value();
  const auto key = backend_->LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed).value();
  std::vector<std::vector<Bytes>> seen(8);
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const Bytes sealed = key->Seal({}, {}, {}).value();
        mine.emplace_back(sealed.begin() + 2, sealed.begin() + 30);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Bytes> all;
  for (const auto& mine : seen) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 8u * 2000u);
}

TEST_F(BackendTest, CountsNoncesFromZeroUnderOneSalt) {
  const WrappedKey made = backend_->Generate(KeySpec::kSm4, kPlace).value();
  const auto key = backend_->LoadSymmetric(KeySpec::kSm4, kPlace, made.sealed).value();
  const Bytes first = key->Seal({}, {}, {}).value();
  const Bytes second = key->Seal({}, {}, {}).value();
  EXPECT_EQ(Bytes(first.begin(), first.begin() + 2), (Bytes{1, 2}));
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 18, second.begin()));
  EXPECT_EQ(Bytes(first.begin() + 18, first.begin() + 30), Bytes(12, 0));
  EXPECT_EQ(Bytes(second.begin() + 18, second.begin() + 30),
            (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

TEST_F(BackendTest, PairsSignAndDecryptFromManyThreads) {
  for (const KeySpec spec : {KeySpec::kRsa2048, KeySpec::kSm2}) {
    const bool sm2 = spec == KeySpec::kSm2;
    const auto signing =
        sm2 ? SignatureAlgorithm::kSm2 : SignatureAlgorithm::kRsaPssSha256;
    const auto encryption =
        sm2 ? EncryptionAlgorithm::kSm2 : EncryptionAlgorithm::kRsaPkcs1;
    const WrappedKey made = backend_->Generate(spec, kPlace).value();
    const auto secret = backend_->LoadPrivate(spec, kPlace, made.sealed).value();
    const auto open = backend_->LoadPublic(made.public_key).value();
    std::vector<std::thread> threads;
    for (std::uint8_t id = 0; id < 4; ++id) {
      threads.emplace_back([&, id] {
        for (int i = 0; i < 20; ++i) {
          const Bytes digest(32, id);
          const Bytes signature = secret->Sign(signing, digest).value();
          EXPECT_TRUE(open->Verify(signing, digest, signature).value());
          const Bytes sealed = open->Encrypt(encryption, digest).value();
          const SecretBytes opened = secret->DecryptKey(encryption, sealed, 32).value();
          EXPECT_TRUE(std::ranges::equal(opened.Reveal(), digest));
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

TEST_F(BackendTest, PairsSignAndDecrypt) {
  for (const KeySpec spec : {KeySpec::kRsa2048, KeySpec::kSm2}) {
    const WrappedKey made = backend_->Generate(spec, kPlace).value();
    const auto secret = backend_->LoadPrivate(spec, kPlace, made.sealed).value();
    const auto open = backend_->LoadPublic(made.public_key).value();
    Bytes digest(32, 7);
    for (const auto algorithm :
         {SignatureAlgorithm::kRsaPssSha256, SignatureAlgorithm::kRsaPkcs1Sha256,
          SignatureAlgorithm::kSm2}) {
      if (!Fits(algorithm, spec)) {
        EXPECT_THAT(secret->Sign(algorithm, digest),
                    testing::Fails(Reason::kAlgorithmNotSupported));
        continue;
      }
      Bytes signature = secret->Sign(algorithm, digest).value();
      EXPECT_TRUE(open->Verify(algorithm, digest, signature).value());
      EXPECT_FALSE(open->Verify(algorithm, Bytes(32, 8), signature).value());
      EXPECT_FALSE(open->Verify(algorithm, digest, Bytes{}).value());
      signature.insert(signature.begin(), 0);
      EXPECT_FALSE(open->Verify(algorithm, digest, signature).value());
      EXPECT_THAT(secret->Sign(algorithm, Bytes(31)),
                  testing::Fails(Reason::kBadParameter));
    }
    for (const auto algorithm :
         {EncryptionAlgorithm::kRsaOaepSha256, EncryptionAlgorithm::kRsaOaepSha1,
          EncryptionAlgorithm::kRsaPkcs1, EncryptionAlgorithm::kSm2}) {
      if (!Fits(algorithm, spec)) continue;
      Bytes sealed = open->Encrypt(algorithm, digest).value();
      EXPECT_TRUE(std::ranges::equal(
          secret->DecryptKey(algorithm, sealed, 32).value().Reveal(), digest));
      EXPECT_FALSE(secret->DecryptKey(algorithm, sealed, 16));
      sealed.back() ^= 1;
      EXPECT_THAT(secret->DecryptKey(algorithm, sealed, 32),
                  testing::Fails(Reason::kBadCiphertext));
    }
    Bytes longer = made.public_key;
    longer.push_back(0);
    EXPECT_THAT(backend_->LoadPublic(longer), testing::Fails(Reason::kBadRsaKeyLength));
  }
}

}  // namespace
}  // namespace kms
