// Keys of HSM level through the services, in a token that cannot wrap: its objects are
// those of the versions that live, whatever becomes of the keys.

#include <algorithm>
#include <string>
#include <utility>

#include "keys/fixture.h"
#include "keys/records.h"
#include "kms/encoding.h"
#include "kms/placement.h"
#include "pkcs11/plain_token.h"

namespace kms::testing {
namespace {

constexpr UnixMillis kHour = 60LL * 60 * 1000;
constexpr EncryptionAlgorithm kOaep = EncryptionAlgorithm::kRsaOaepSha256;
constexpr ProtectionLevel kHsmLevel = ProtectionLevel::kHsm;

class TokenObjectsServiceTest : public KmsTest,
                                public ::testing::WithParamInterface<Rules> {
 protected:
  TokenObjectsServiceTest() {
    token_.Open().value();
    Serve();
  }
  // What it has loaded goes before the token.
  ~TokenObjectsServiceTest() override { kms.reset(); }

  // On the store that the token's own records are in.
  void Serve() {
    kms = Kms::Open({.store = token_.store(),
                     .root = *root,
                     .software = *backend,
                     .hsm = &token_.backend(),
                     .policy = *policy,
                     .clock = clock,
                     .limits = limits})
              .value();
  }
  void Restart() {
    kms.reset();
    token_.Reopen().value();
    Serve();
  }

  std::vector<Record> Stored(const std::string& prefix) {
    return token_.store().Read().value()->Scan(prefix, {}, SIZE_MAX).value();
  }
  std::size_t Discards() { return Stored(place::Discards()).size(); }

  // How many objects of keys the token has, which are those that the store refers to.
  std::size_t Objects() {
    std::multiset<std::string> referred;
    for (const Record& record : Stored(JoinKey({"version"}))) {
      const auto version = FromJson<VersionRecord>(record.value).value();
      if (version.in_token.value_or(false))
        referred.insert("libkms/" + *version.instance);
    }
    EXPECT_EQ(token_.Keys(), referred);
    return referred.size();
  }

  Bytes Sealed(const std::string& key) {
    return kms->compute().Encrypt(me, key, AsBytes("x")).value().blob;
  }
  bool Opens(const Bytes& blob) {
    const auto opened = kms->compute().Decrypt(me, blob);
    return opened && Holds(opened->plaintext, "x");
  }
  bool Signs(const std::string& key, const std::string& version) {
    const auto algorithm = SignatureAlgorithm::kRsaPssSha256;
    const Digest32 digest{7};
    const auto made = kms->asymmetric().Sign(me, {key, version}, algorithm, digest);
    return made && kms->asymmetric()
                       .Verify(me, {key, version}, algorithm, digest, made->signature)
                       .value()
                       .valid;
  }
  std::vector<KeyPlacement> PlacesOf(const std::string& key) {
    return FindKeyPlacement(token_.store(), key).value();
  }
  // What one round has deleted, the next destroys.
  void RunAllDueWork() {
    (void)RunDueWork();
    (void)kms->RunDueWork().value();
  }
  void Delete(const std::string& key) {
    ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
    clock.Advance(7 * kDay);
    RunAllDueWork();
    EXPECT_THAT(kms->keys().Describe(me, key), Fails(Reason::kKeyNotFound));
  }

  PlainToken token_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Tokens, TokenObjectsServiceTest,
                         ::testing::Values(kNoWrap, kNeither), [](const auto& tested) {
                           return tested.param == kNoWrap ? "Derives" : "DoesNotDerive";
                         });

TEST_P(TokenObjectsServiceTest, VersionsOfAnAesKeyComeAndGo) {
  const std::string key = MakeKey({.level = kHsmLevel, .rotation_days = 7});
  const std::string other = MakeKey({.level = kHsmLevel});
  EXPECT_EQ(Objects(), 2u);
  const Bytes before = Sealed(key), kept = Sealed(other);
  clock.Advance(7 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated, 1u);
  EXPECT_EQ(Objects(), 3u);
  const Bytes after = Sealed(key);
  for (const KeyPlacement& version : PlacesOf(key)) {
    EXPECT_TRUE(version.in_token);
    EXPECT_EQ(version.root, 1u);
    EXPECT_EQ(version.level, kHsmLevel);
  }
  Restart();
  EXPECT_TRUE(Opens(before));
  EXPECT_TRUE(Opens(after));
  Delete(key);
  EXPECT_EQ(Objects(), 1u);
  EXPECT_FALSE(Opens(after));
  EXPECT_TRUE(Opens(kept));
  EXPECT_EQ(Discards(), 0u);
  EXPECT_TRUE(Stored(place::TokenNonces("account-1", key)).empty());
}

TEST_P(TokenObjectsServiceTest, VersionsOfAnRsaKeyComeAndGo) {
  const std::string key = MakeKey(
      {.spec = KeySpec::kRsa2048, .usage = KeyUsage::kSignVerify, .level = kHsmLevel});
  const std::string first = VersionOf(key);
  const std::string second = kms->versions().Create(me, key).value().id;
  EXPECT_EQ(Objects(), 2u);
  EXPECT_EQ(PlacesOf(key).size(), 2u);
  for (const KeyPlacement& version : PlacesOf(key)) EXPECT_TRUE(version.in_token);
  EXPECT_TRUE(Signs(key, first));
  Restart();
  EXPECT_TRUE(Signs(key, first));
  EXPECT_TRUE(Signs(key, second));
  Delete(key);
  EXPECT_EQ(Objects(), 0u);
  EXPECT_EQ(Discards(), 0u);
}

TEST_P(TokenObjectsServiceTest, ImportedMaterialComesAndGoes) {
  const std::string key = MakeKey({.level = kHsmLevel, .origin = KeyOrigin::kExternal});
  const auto parameters = kms->imports().GetParameters(me, key, kOaep).value();
  EXPECT_EQ(Objects(), 0u);
  const Bytes wrapped = backend->LoadPublic(parameters.public_key)
                            .value()
                            ->Encrypt(kOaep, Bytes(32, 0x11))
                            .value();
  const auto import = [&](std::optional<UnixMillis> expires) {
    return kms->imports().ImportMaterial(me, key, parameters.token, wrapped, expires);
  };
  ASSERT_OK(import({}));
  EXPECT_EQ(Objects(), 1u);
  EXPECT_TRUE(PlacesOf(key).at(0).in_token);
  const Bytes blob = Sealed(key);
  // Once more: the object that the second has made goes.
  ASSERT_OK(import({}));
  (void)kms->RunDueWork().value();
  EXPECT_EQ(Objects(), 1u);
  EXPECT_TRUE(Opens(blob));

  ASSERT_OK(kms->imports().DeleteMaterial(me, key));
  (void)kms->RunDueWork().value();
  EXPECT_EQ(Objects(), 0u);
  EXPECT_FALSE(PlacesOf(key).at(0).in_token);
  EXPECT_FALSE(Opens(blob));

  ASSERT_OK(import(clock.Now() + kHour));
  EXPECT_EQ(Objects(), 1u);
  Restart();
  EXPECT_TRUE(Opens(blob));
  clock.Advance(kHour);
  RunAllDueWork();
  EXPECT_EQ(Objects(), 0u);
  EXPECT_EQ(Discards(), 0u);
}

TEST_P(TokenObjectsServiceTest, AFullTokenLeavesNothingBehind) {
  const std::string key = MakeKey({.level = kHsmLevel});
  token_.SetFault("* full");
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kRsa2048})
    EXPECT_THAT(kms->keys().Create(me, {.spec = spec, .level = kHsmLevel}),
                Fails(Reason::kHsmUnavailable));
  EXPECT_TRUE(Opens(Sealed(key)));
  token_.ClearFault();
  (void)MakeKey({.level = kHsmLevel});
  // What could not be made is looked for when it cannot come any more.
  clock.Advance(kHour);
  RunAllDueWork();
  EXPECT_EQ(Objects(), 2u);
  EXPECT_EQ(Discards(), 0u);
}

TEST_P(TokenObjectsServiceTest, AnObjectThatCameAndWasNotDurableGoes) {
  kms.reset();
  token_.SetChange(
      [](Pkcs11Config& config) { config.sync_folder = "/nonexistent/folder"; });
  ASSERT_OK(token_.Reopen());
  Serve();
  EXPECT_THAT(kms->keys().Create(me, {.level = kHsmLevel}),
              Fails(Reason::kHsmUnavailable));
  EXPECT_EQ(token_.Keys().size(), 1u) << "nothing to clean up";
  token_.SetChange({});
  Restart();
  clock.Advance(kHour);
  RunAllDueWork();
  EXPECT_EQ(Objects(), 0u);
  EXPECT_EQ(Discards(), 0u);
}

}  // namespace
}  // namespace kms::testing
