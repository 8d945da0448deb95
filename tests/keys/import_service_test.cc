#include "kms/import_service.h"

#include <memory>
#include <string>
#include <utility>

#include "keys/fixture.h"

namespace kms {
namespace {

using testing::Fails;
using testing::kDay;
using testing::kOaepSha256;
using testing::kPkcs1v15;

// A root key in a module that does not always answer.
class LeavingRootKey final : public RootKey {
 public:
  explicit LeavingRootKey(std::unique_ptr<RootKey> inner) : inner_(std::move(inner)) {}
  Result<Bytes> Seal(const Place& place, ByteView secret) const override {
    return inner_->Seal(place, secret);
  }
  Result<SecretBytes> Open(const Place& place, ByteView sealed) const override {
    if (away) return Reason::kHsmUnavailable;
    return inner_->Open(place, sealed);
  }
  bool away = false;

 private:
  const std::unique_ptr<RootKey> inner_;
};

class ImportServiceTest : public testing::KmsTest {
 protected:
  std::string MakeExternal() { return MakeKey({.origin = KeyOrigin::kExternal}); }

  ImportParameters ParametersFor(const std::string& key,
                                 EncryptionAlgorithm algorithm = kOaepSha256) {
    return kms->imports().GetParameters(me, key, algorithm).value();
  }

  Bytes Wrap(const ImportParameters& parameters, const Bytes& bytes,
             EncryptionAlgorithm algorithm = kOaepSha256) {
    return backend->LoadPublic(parameters.public_key)
        .value()
        ->Encrypt(algorithm, bytes)
        .value();
  }

  Result<void> Import(const std::string& key, const ImportParameters& parameters,
                      const Bytes& wrapped, std::optional<UnixMillis> expires = {}) {
    return kms->imports().ImportMaterial(me, key, parameters.token, wrapped, expires);
  }

  const Bytes material = Bytes(32, 0x11);
  const Bytes other_material = Bytes(32, 0x22);
};

TEST_F(ImportServiceTest, MakesTheKeyUsable) {
  for (const auto algorithm :
       {kOaepSha256, kPkcs1v15, EncryptionAlgorithm::kRsaOaepSha1}) {
    const std::string key = MakeExternal();
    EXPECT_EQ(StateOf(key), KeyState::kPendingImport);
    const auto parameters = ParametersFor(key, algorithm);
    EXPECT_EQ(parameters.token_expires, clock.Now() + kDay);
    ASSERT_OK(Import(key, parameters, Wrap(parameters, material, algorithm)));
    EXPECT_EQ(StateOf(key), KeyState::kEnabled);
    const auto sealed = kms->compute().Encrypt(me, key, AsBytes("x")).value();
    EXPECT_TRUE(testing::Holds(kms->compute().Decrypt(me, sealed.blob)->plaintext, "x"));
  }
}

TEST_F(ImportServiceTest, MaterialIsBoundToItsKeyForEver) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  ASSERT_OK(Import(key, parameters, Wrap(parameters, material)));
  const auto blob = kms->compute().Encrypt(me, key, AsBytes("x"))->blob;
  EXPECT_THAT(Import(key, parameters, Wrap(parameters, other_material)),
              Fails(Reason::kOtherKeyMaterial));
  ASSERT_OK(kms->imports().DeleteMaterial(me, key));
  EXPECT_EQ(StateOf(key), KeyState::kPendingImport);
  EXPECT_THAT(kms->compute().Decrypt(me, blob), Fails(Reason::kKeyDisabled));
  EXPECT_THAT(Import(key, parameters, Wrap(parameters, other_material)),
              Fails(Reason::kOtherKeyMaterial));
  EXPECT_EQ(StateOf(key), KeyState::kPendingImport);
  ASSERT_OK(Import(key, parameters, Wrap(parameters, material)));
  EXPECT_TRUE(testing::Holds(kms->compute().Decrypt(me, blob)->plaintext, "x"));
  EXPECT_EQ(kms->versions().List(me, key, {})->total, 1U);
}

TEST_F(ImportServiceTest, AfterPkcs1EveryFailureIsOne) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key, kPkcs1v15);
  Bytes broken = Wrap(parameters, material, kPkcs1v15);
  broken.back() ^= 1;
  EXPECT_THAT(Import(key, parameters, broken), Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Import(key, parameters, Wrap(parameters, Bytes(31, 1), kPkcs1v15)),
              Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Import(key, parameters, Wrap(parameters, material, kOaepSha256)),
              Fails(Reason::kBadCiphertext));
  EXPECT_EQ(StateOf(key), KeyState::kPendingImport) << "random bytes were bound to a key";
  ASSERT_OK(Import(key, parameters, Wrap(parameters, material, kPkcs1v15)));
  EXPECT_THAT(Import(key, parameters, Wrap(parameters, other_material, kPkcs1v15)),
              Fails(Reason::kBadCiphertext));
}

TEST_F(ImportServiceTest, AfterOaepALengthIsTold) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  for (const std::size_t size : {16, 31, 33, 64})
    EXPECT_THAT(Import(key, parameters, Wrap(parameters, Bytes(size, 1))),
                Fails(Reason::kBadAesKeyLength));
}

TEST_F(ImportServiceTest, ATokenBelongsToOneKey) {
  const std::string key = MakeExternal();
  const std::string other = MakeExternal();
  const auto parameters = ParametersFor(key);
  const Bytes wrapped = Wrap(parameters, material);
  EXPECT_THAT(Import(other, parameters, wrapped), Fails(Reason::kBadImportToken));
  for (std::size_t i = 0; i < parameters.token.size(); ++i) {
    ImportParameters spoilt = parameters;
    spoilt.token[i] ^= 1;
    ASSERT_THAT(Import(key, spoilt, wrapped), Fails(Reason::kBadImportToken)) << i;
  }
  EXPECT_OK(Import(key, parameters, wrapped));
}

TEST_F(ImportServiceTest, ATokenLivesADayAndCanBeUsedAgain) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  const Bytes wrapped = Wrap(parameters, material);
  ASSERT_OK(Import(key, parameters, wrapped));
  clock.Advance(kDay - 1);
  ASSERT_OK(kms->imports().DeleteMaterial(me, key));
  ASSERT_OK(Import(key, parameters, wrapped));
  clock.Advance(1);
  EXPECT_THAT(Import(key, parameters, wrapped), Fails(Reason::kBadImportToken));
  EXPECT_EQ(kms->RunDueWork()->forgotten, 1U);
  EXPECT_THAT(Import(key, parameters, wrapped), Fails(Reason::kBadImportToken));
}

TEST_F(ImportServiceTest, TenFailuresVoidAToken) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  for (int i = 0; i < 10; ++i)
    EXPECT_THAT(Import(key, parameters, Bytes(256, 1)), Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Import(key, parameters, Wrap(parameters, material)),
              Fails(Reason::kBadImportToken));
  const auto fresh = ParametersFor(key);
  EXPECT_OK(Import(key, fresh, Wrap(fresh, material)));
}

TEST_F(ImportServiceTest, ASuccessGivesItsAttemptBack) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  const Bytes wrapped = Wrap(parameters, material);
  for (int i = 0; i < 9; ++i)
    EXPECT_THAT(Import(key, parameters, Bytes(256, 1)), Fails(Reason::kBadCiphertext));
  for (int i = 0; i < 3; ++i) EXPECT_OK(Import(key, parameters, wrapped));
  EXPECT_THAT(Import(key, parameters, Bytes(256, 1)), Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Import(key, parameters, wrapped), Fails(Reason::kBadImportToken));
}

TEST_F(ImportServiceTest, ARootKeyThatIsAwayIsNoBadToken) {
  auto leaving = std::make_unique<LeavingRootKey>(std::move(root));
  bool& away = leaving->away;
  root = std::move(leaving);
  Reopen();
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  const Bytes wrapped = Wrap(parameters, material);
  away = true;
  for (int i = 0; i < 11; ++i)
    EXPECT_THAT(Import(key, parameters, wrapped), Fails(Reason::kHsmUnavailable));
  away = false;
  EXPECT_OK(Import(key, parameters, wrapped));
}

TEST_F(ImportServiceTest, LiveTokensAreLimited) {
  limits.import_tokens = 2;
  Reopen();
  const std::string key = MakeExternal();
  ParametersFor(key);
  ParametersFor(key);
  EXPECT_THAT(kms->imports().GetParameters(me, key, kOaepSha256),
              Fails(Reason::kQuotaUsedUp));
  clock.Advance(kDay);
  EXPECT_OK(kms->imports().GetParameters(me, key, kOaepSha256));
}

TEST_F(ImportServiceTest, ExpiredMaterialIsUnusableThatInstant) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  const Bytes wrapped = Wrap(parameters, material);
  EXPECT_THAT(Import(key, parameters, wrapped, clock.Now()),
              Fails(Reason::kBadParameter));
  const UnixMillis expires = clock.Now() + 1000;
  ASSERT_OK(Import(key, parameters, wrapped, expires));
  EXPECT_EQ(kms->keys().Describe(me, key)->material_expires, expires);
  const auto blob = kms->compute().Encrypt(me, key, AsBytes("x"))->blob;
  clock.Advance(999);
  EXPECT_OK(kms->compute().Decrypt(me, blob));
  clock.Advance(1);
  EXPECT_THAT(kms->compute().Decrypt(me, blob), Fails(Reason::kKeyDisabled));
  EXPECT_EQ(StateOf(key), KeyState::kPendingImport);
  EXPECT_EQ(kms->RunDueWork()->expired, 1U);
  clock.Jump(-kDay / 2);
  EXPECT_EQ(StateOf(key), KeyState::kPendingImport) << "once expired stays expired";
  ASSERT_OK(Import(key, parameters, wrapped));
  EXPECT_TRUE(testing::Holds(kms->compute().Decrypt(me, blob)->plaintext, "x"));
}

TEST_F(ImportServiceTest, ANewExpiryReplacesTheOld) {
  const std::string key = MakeExternal();
  const auto parameters = ParametersFor(key);
  const Bytes wrapped = Wrap(parameters, material);
  ASSERT_OK(Import(key, parameters, wrapped, clock.Now() + 1000));
  ASSERT_OK(Import(key, parameters, wrapped));
  clock.Advance(kDay);
  EXPECT_EQ(kms->RunDueWork()->expired, 0U);
  EXPECT_EQ(StateOf(key), KeyState::kEnabled);
}

TEST_F(ImportServiceTest, EqualMaterialDoesNotOpenTheOtherKeysBlobs) {
  Bytes blobs[2];
  std::string keys[2];
  for (int i = 0; i < 2; ++i) {
    keys[i] = MakeExternal();
    const auto parameters = ParametersFor(keys[i]);
    ASSERT_OK(Import(keys[i], parameters, Wrap(parameters, material)));
    blobs[i] = kms->compute().Encrypt(me, keys[i], AsBytes("x"))->blob;
  }
  Bytes mixed(blobs[0].begin(), blobs[0].begin() + 104);
  mixed.insert(mixed.end(), blobs[1].begin() + 104, blobs[1].end());
  EXPECT_THAT(kms->compute().Decrypt(me, mixed), Fails(Reason::kBadCiphertext));
}

}  // namespace
}  // namespace kms
