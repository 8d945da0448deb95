// Keys of HSM level, on a backend that counts, fails, waits, and keeps objects.

#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "keys/fake_hsm.h"
#include "keys/fixture.h"
#include "keys/records.h"
#include "kms/encoding.h"
#include "kms/placement.h"

namespace kms {
namespace {

using testing::Fails;
using testing::FailsAs;
using testing::Holds;
using testing::kDay;
using testing::kOaepSha256;
using testing::kPkcs1v15;

constexpr UnixMillis kHour = 60LL * 60 * 1000;
constexpr ProtectionLevel kHsmLevel = ProtectionLevel::kHsm;

template <typename T>
Result<void> Drop(const Result<T>& result) {
  if (!result) return result.error();
  return {};
}

class HsmKeyTest : public testing::KmsTest {
 protected:
  HsmKeyTest() {
    hsm = &token;
    Reopen();
    io.may_wait_for_token = false;
  }

  std::string MakeExternal() {
    return MakeKey({.level = kHsmLevel, .origin = KeyOrigin::kExternal});
  }
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
  std::size_t Discards() {
    return memory->Read().value()->Scan(place::Discards(), {}, SIZE_MAX).value().size();
  }
  KeyPlacement PlaceOf(const std::string& key) {
    return FindKeyPlacement(*memory, key).value().at(0);
  }
  std::vector<Record> Everything() {
    return memory->Read().value()->Scan("", "", SIZE_MAX).value();
  }
  Bytes Sealed(const std::string& key) {
    return kms->compute().Encrypt(me, key, AsBytes("x")).value().blob;
  }
  bool Opens(const Bytes& blob) {
    const auto opened = kms->compute().Decrypt(me, blob);
    return opened && Holds(opened->plaintext, "x");
  }

  testing::FakeHsm token;
  RequestContext io = me;  // a thread that may not wait
  const Bytes material = Bytes(32, 0x11);
  const Bytes other_material = Bytes(32, 0x22);
};

// The whole life, whether the token wraps or keeps, and whether its keys wait.
class HsmLifeTest : public HsmKeyTest,
                    public ::testing::WithParamInterface<std::pair<bool, bool>> {
 protected:
  HsmLifeTest() { std::tie(token.objects, token.waits) = GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Tokens, HsmLifeTest,
                         ::testing::Values(std::pair(false, false),
                                           std::pair(false, true), std::pair(true, false),
                                           std::pair(true, true)));

TEST_P(HsmLifeTest, EverySymmetricSpecIsMadeAndUsed) {
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const std::string key = MakeKey({.spec = spec, .level = kHsmLevel});
    const Bytes blob = Sealed(key);
    Reopen();
    EXPECT_TRUE(Opens(blob));
    const auto data_key = kms->compute().GenerateDataKey(me, key, 32).value();
    EXPECT_TRUE(ConstantTimeEqual(
        kms->compute().Decrypt(me, data_key.encrypted.blob)->plaintext.Reveal(),
        data_key.plaintext.Reveal()));
    const auto mac = kms->compute().ComputeMac(me, key, {}, AsBytes("x")).value();
    EXPECT_TRUE(kms->compute().VerifyMac(me, key, {}, AsBytes("x"), mac.mac)->valid);
    const KeyPlacement placed = PlaceOf(key);
    EXPECT_EQ(placed.root, 3U);
    EXPECT_EQ(placed.in_token, token.objects);
    EXPECT_TRUE(placed.primary);
  }
  EXPECT_EQ(Discards(), 0U);
}

TEST_P(HsmLifeTest, EveryKeyPairIsMadeAndUsed) {
  for (const auto& [spec, signature, encryption] :
       {std::tuple(KeySpec::kRsa2048, SignatureAlgorithm::kRsaPssSha256, kOaepSha256),
        std::tuple(KeySpec::kSm2, SignatureAlgorithm::kSm2, EncryptionAlgorithm::kSm2)}) {
    const std::string signer =
        MakeKey({.spec = spec, .usage = KeyUsage::kSignVerify, .level = kHsmLevel});
    const std::string first = VersionOf(signer);
    const std::string second = kms->versions().Create(me, signer).value().id;
    const Digest32 digest{7};
    for (const std::string& version : {first, second}) {
      const auto made =
          kms->asymmetric().Sign(me, {signer, version}, signature, digest).value();
      EXPECT_TRUE(kms->asymmetric()
                      .Verify(me, {signer, version}, signature, digest, made.signature)
                      ->valid);
    }
    const std::string key = MakeKey({.spec = spec, .level = kHsmLevel});
    const std::string version = VersionOf(key);
    const VersionName name = {key, version};
    const auto sealed =
        kms->asymmetric().Encrypt(me, name, encryption, AsBytes("x")).value();
    EXPECT_TRUE(Holds(
        kms->asymmetric().Decrypt(me, name, encryption, sealed.blob)->plaintext, "x"));
  }
  EXPECT_EQ(Discards(), 0U);
}

TEST_P(HsmLifeTest, RotatesAndDeletesByDate) {
  const std::string key = MakeKey({.level = kHsmLevel, .rotation_days = 7});
  const Bytes before = Sealed(key);
  clock.Advance(7 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated, 1U);
  const Bytes after = Sealed(key);
  EXPECT_TRUE(Opens(before));
  EXPECT_TRUE(Opens(after));
  EXPECT_EQ(FindKeyPlacement(*memory, key)->size(), 2U);
  EXPECT_EQ(token.object_count(), token.objects ? 2U : 0U);
  ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
  clock.Advance(7 * kDay);
  EXPECT_EQ(kms->RunDueWork()->deleted, 1U);
  EXPECT_FALSE(Opens(before));
  (void)kms->RunDueWork();
  EXPECT_EQ(token.object_count(), 0U);
  EXPECT_EQ(Discards(), 0U);
}

TEST_P(HsmLifeTest, ReEncryptsBetweenLevelsAndExports) {
  const std::string soft = MakeKey();
  const std::string hard = MakeKey({.level = kHsmLevel});
  const auto up = kms->compute().ReEncrypt(me, Sealed(soft), hard, nullptr).value();
  EXPECT_TRUE(Opens(up.blob));
  EXPECT_TRUE(Opens(kms->compute().ReEncrypt(me, up.blob, soft, nullptr)->blob));
  const WrappedKey pair = backend->Generate(KeySpec::kRsa2048, {}).value();
  EXPECT_OK(kms->compute().ExportDataKey(me, up.blob, pair.public_key, kOaepSha256));
}

TEST_P(HsmLifeTest, TakesMaterialInForEver) {
  for (const auto algorithm : {kOaepSha256, kPkcs1v15}) {
    const Reason other =
        algorithm == kPkcs1v15 ? Reason::kBadCiphertext : Reason::kOtherKeyMaterial;
    const std::string key = MakeExternal();
    const auto parameters = ParametersFor(key, algorithm);
    const Bytes wrapped = Wrap(parameters, material, algorithm);
    const Bytes wrong = Wrap(parameters, other_material, algorithm);
    ASSERT_OK(Import(key, parameters, wrapped));
    const Bytes blob = Sealed(key);
    EXPECT_THAT(Import(key, parameters, wrong), Fails(other));
    ASSERT_OK(Import(key, parameters, wrapped, clock.Now() + kHour));
    EXPECT_TRUE(Opens(blob)) << "the object that was loaded is gone";
    ASSERT_OK(kms->imports().DeleteMaterial(me, key));
    EXPECT_FALSE(PlaceOf(key).has_material);
    EXPECT_FALSE(PlaceOf(key).in_token);
    (void)kms->RunDueWork();
    EXPECT_THAT(Import(key, parameters, wrong), Fails(other));
    ASSERT_OK(Import(key, parameters, wrapped, clock.Now() + kHour));
    EXPECT_TRUE(Opens(blob));
    clock.Advance(kHour);
    EXPECT_EQ(kms->RunDueWork()->expired, 1U);
  }
  clock.Advance(2 * kHour);
  (void)RunDueWork();
  (void)kms->RunDueWork();
  EXPECT_EQ(token.object_count(), 0U);
  EXPECT_EQ(Discards(), 0U);
}

TEST_P(HsmLifeTest, AnInterruptionAnywhereLosesNoObject) {
  // Every call of the store and of the token fails once, in each of these.
  std::string key;
  ImportParameters parameters;
  Bytes wrapped;
  const std::vector<std::function<void()>> steps = {
      [&] { (void)kms->keys().Create(me, {.level = kHsmLevel}); },
      [&] {
        const auto made = kms->keys().Create(
            me,
            {.spec = KeySpec::kSm2, .usage = KeyUsage::kSignVerify, .level = kHsmLevel});
        if (made) (void)kms->versions().Create(me, made->id);
      },
      [&] { (void)Import(key, parameters, wrapped); },
      [&] { (void)kms->imports().DeleteMaterial(me, key); },
      [&] { (void)kms->RunDueWork(); },
  };
  for (const bool of_token : {false, true}) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      for (int n = 1;; ++n) {
        key = MakeExternal();
        parameters = ParametersFor(key);
        wrapped = Wrap(parameters, material);
        if (i >= 3) {
          ASSERT_OK(Import(key, parameters, wrapped));
        }
        if (i == 4) {
          ASSERT_OK(kms->imports().DeleteMaterial(me, key));
        }
        of_token ? token.FailCall(n) : store.FailCall(n);
        steps[i]();
        const bool failed = of_token ? token.HasFailed() : store.HasFailed();
        token.FailCall(0);
        store.FailCall(0);
        Reopen();
        if (!failed) break;
      }
    }
  }
  clock.Advance(kHour);
  (void)RunDueWork();
  (void)kms->RunDueWork();
  EXPECT_EQ(Discards(), 0U);
  std::size_t referred = 0;
  for (const Record& record : Everything()) {
    if (!record.key.starts_with(JoinKey({"version"}))) continue;
    const auto version = FromJson<VersionRecord>(record.value).value();
    if (!version.in_token.value_or(false)) continue;
    ++referred;
    EXPECT_TRUE(token.Has(*version.instance)) << "an object is lost";
  }
  EXPECT_EQ(token.object_count(), referred) << "an object is orphaned";
}

TEST_F(HsmKeyTest, MaterialThatComesTooLateIsNotCommitted) {
  token.objects = true;
  const std::string key = MakeKey({.spec = KeySpec::kSm2, .level = kHsmLevel});
  // While the token makes it, an hour passes, and another process gives it up.
  token.on_generate = [&] {
    clock.Advance(kHour);
    (void)RunDueWork();
  };
  EXPECT_THAT(kms->versions().Create(me, key), Fails(Reason::kConflict));
  token.on_generate = nullptr;
  EXPECT_EQ(kms->versions().List(me, key, {})->total, 1U);
}

TEST_F(HsmKeyTest, AnObjectIsNotDestroyedByAJumpOfTheClock) {
  token.objects = true;
  int n = 1;
  for (; Discards() == 0; ++n) {
    store.FailCall(n);
    (void)kms->keys().Create(me, {.level = kHsmLevel});
  }
  store.FailCall(0);
  (void)kms->RunDueWork();
  const std::size_t objects = token.object_count();
  clock.Advance(kHour);
  clock.Jump(kDay);
  (void)kms->RunDueWork();
  EXPECT_EQ(token.object_count(), objects);
  (void)RunDueWork();
  EXPECT_EQ(Discards(), 0U);
}

TEST_F(HsmKeyTest, ATokenThatIsAwayIsAskedAgainForItsObjects) {
  token.objects = true;
  const std::string key = MakeKey({.level = kHsmLevel});
  ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
  clock.Advance(7 * kDay);
  token.away = true;
  EXPECT_EQ(RunDueWork().deleted, 1U) << "a planned deletion needs no token";
  const DueWork work = kms->RunDueWork().value();
  EXPECT_EQ(work.destroyed, 0U);
  EXPECT_EQ(work.failed, 1U);
  EXPECT_GT(work.next, clock.Now()) << "a busy loop";
  EXPECT_EQ(token.object_count(), 1U);
  token.away = false;
  EXPECT_EQ(kms->RunDueWork()->destroyed, 1U);
  EXPECT_EQ(token.object_count(), 0U);
}

TEST_F(HsmKeyTest, ARequestThatMayNotWaitChangesNothing) {
  token.waits = true;
  const std::string key = MakeKey({.level = kHsmLevel});
  const std::string pair = MakeKey(
      {.spec = KeySpec::kRsa2048, .usage = KeyUsage::kSignVerify, .level = kHsmLevel});
  const std::string pair_version = VersionOf(pair);
  const VersionName version = {pair, pair_version};
  const Bytes blob = Sealed(key);
  const std::string external = MakeExternal();
  const auto parameters = ParametersFor(external);
  const Bytes wrapped = Wrap(parameters, material);
  const std::string soft = MakeKey();
  const Bytes soft_blob = Sealed(soft);
  const std::vector<std::function<Result<void>(const RequestContext&)>> asked = {
      [&](const auto& who) {
        return Drop(kms->keys().Create(who, {.level = kHsmLevel}));
      },
      [&](const auto& who) { return Drop(kms->versions().Create(who, pair)); },
      [&](const auto& who) {
        return Drop(kms->compute().Encrypt(who, key, AsBytes("x")));
      },
      [&](const auto& who) { return Drop(kms->compute().Decrypt(who, blob)); },
      [&](const auto& who) { return Drop(kms->compute().GenerateDataKey(who, key, 32)); },
      [&](const auto& who) {
        return Drop(kms->compute().ComputeMac(who, key, {}, AsBytes("x")));
      },
      [&](const auto& who) {
        return Drop(kms->compute().VerifyMac(who, key, {}, AsBytes("x"), {}));
      },
      [&](const auto& who) {
        return Drop(kms->compute().ReEncrypt(who, soft_blob, key, nullptr));
      },
      [&](const auto& who) {
        return Drop(kms->compute().ReEncrypt(who, blob, soft, nullptr));
      },
      [&](const auto& who) {
        return Drop(kms->asymmetric().Sign(
            who, version, SignatureAlgorithm::kRsaPssSha256, Digest32{7}));
      },
      [&](const auto& who) {
        return Drop(kms->imports().GetParameters(who, external, kOaepSha256));
      },
      [&](const auto& who) {
        return kms->imports().ImportMaterial(who, external, parameters.token, wrapped,
                                             {});
      },
  };
  for (const bool loaded : {true, false}) {
    if (!loaded) Reopen();
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const Revision revision = memory->Read().value()->revision();
      const int calls = token.calls();
      RequestContext request = io;
      request.request_id = std::to_string(i) + (loaded ? "a" : "b");
      EXPECT_THAT(asked[i](request), FailsAs(ErrorClass::kMustWait)) << i;
      EXPECT_EQ(token.calls(), calls) << i;
      EXPECT_EQ(memory->Read().value()->revision(), revision) << i;
      if (loaded) continue;
      request.may_wait_for_token = true;  // the same request again
      // A token may never answer; nothing of the store waits with it.
      token.on_call = [&] { EXPECT_EQ(store.snapshots(), 0) << i; };
      EXPECT_OK(asked[i](request)) << i;
      token.on_call = nullptr;
    }
  }
}

TEST_F(HsmKeyTest, ALoadedKeyThatDoesNotWaitIsUsedAtOnce) {
  const std::string key = MakeKey({.spec = KeySpec::kSm4, .level = kHsmLevel});
  const std::string pair = MakeKey({.spec = KeySpec::kSm2, .level = kHsmLevel});
  const std::string pair_version = VersionOf(pair);
  const VersionName name = {pair, pair_version};
  const auto sealed = kms->asymmetric()
                          .Encrypt(io, name, EncryptionAlgorithm::kSm2, AsBytes("x"))
                          .value();
  const auto decrypt = [&](const RequestContext& who) {
    return kms->asymmetric().Decrypt(who, name, EncryptionAlgorithm::kSm2, sealed.blob);
  };
  EXPECT_THAT(kms->compute().Encrypt(io, key, AsBytes("x")),
              FailsAs(ErrorClass::kMustWait));
  EXPECT_THAT(decrypt(io), FailsAs(ErrorClass::kMustWait));
  ASSERT_OK(kms->compute().Encrypt(me, key, AsBytes("x")));
  ASSERT_OK(decrypt(me));
  const int calls = token.calls();
  EXPECT_OK(kms->compute().Encrypt(io, key, AsBytes("x")));
  EXPECT_OK(decrypt(io));
  EXPECT_EQ(token.calls(), calls);
}

TEST_F(HsmKeyTest, ATokenThatIsAwayStopsItsKeysAlone) {
  const std::string key = MakeKey({.level = kHsmLevel, .rotation_days = 7});
  const std::string soft = MakeKey({.rotation_days = 7});
  const std::string external = MakeExternal();
  const auto parameters = ParametersFor(external);
  const Bytes wrapped = Wrap(parameters, material);
  const Bytes blob = Sealed(key);
  Reopen();
  token.away = true;
  EXPECT_THAT(kms->keys().Create(me, {.level = kHsmLevel}),
              Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(kms->compute().Decrypt(me, blob), Fails(Reason::kHsmUnavailable));
  for (int i = 0; i < 11; ++i)
    EXPECT_THAT(Import(external, parameters, wrapped), Fails(Reason::kHsmUnavailable))
        << "an attempt that was not the caller's fault voided the token";
  EXPECT_EQ(StateOf(key), KeyState::kEnabled);
  EXPECT_TRUE(Opens(Sealed(soft)));
  EXPECT_OK(kms->keys().Disable(me, key));
  EXPECT_OK(kms->keys().Enable(me, key));
  clock.Advance(7 * kDay);
  const DueWork away = kms->RunDueWork().value();
  EXPECT_EQ(away.rotated, 1U);
  EXPECT_EQ(away.failed, 1U);
  EXPECT_GT(away.next, clock.Now());
  token.away = false;
  EXPECT_EQ(kms->RunDueWork()->rotated, 1U);
  EXPECT_TRUE(Opens(blob));
}

TEST_F(HsmKeyTest, WithoutAnHsmItsKeysCannotBeUsed) {
  const std::string key = MakeKey({.level = kHsmLevel});
  const Bytes blob = Sealed(key);
  hsm = nullptr;
  Reopen();
  EXPECT_THAT(kms->keys().Create(me, {.level = kHsmLevel}),
              Fails(Reason::kHsmKeyCreationFailed));
  EXPECT_THAT(kms->compute().Decrypt(me, blob), Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(kms->compute().Decrypt(io, blob), Fails(Reason::kHsmUnavailable));
  EXPECT_OK(kms->keys().Describe(me, key));
}

TEST_F(HsmKeyTest, MaterialThatWasMovedDoesNotOpen) {
  const std::string key = MakeKey({.level = kHsmLevel});
  const Bytes blob = Sealed(key);
  ASSERT_OK(memory->Update([&](Transaction& transaction) -> Result<void> {
    const std::string where = place::Version("account-1", key, VersionOf(key));
    KMS_TRY(const auto stored, transaction.Get(where));
    KMS_TRY(VersionRecord version, FromJson<VersionRecord>(stored->value));
    version.instance->back() ^= 1;
    transaction.Put(where, ToJson(version));
    return {};
  }));
  Reopen();
  EXPECT_THAT(kms->compute().Decrypt(me, blob), FailsAs(ErrorClass::kCorrupt));
}

TEST_F(HsmKeyTest, ATokenPairOfTheSoftwareBackendStillOpens) {
  for (const auto algorithm : {kOaepSha256, kPkcs1v15}) {
    const std::string key = MakeExternal();
    token.objects = true;  // pairs are of the software backend then
    const auto parameters = ParametersFor(key, algorithm);
    token.objects = false;
    EXPECT_THAT(Import(key, parameters, Wrap(parameters, Bytes(31, 1), algorithm)),
                Fails(algorithm == kPkcs1v15 ? Reason::kBadCiphertext
                                             : Reason::kBadAesKeyLength));
    ASSERT_OK(Import(key, parameters, Wrap(parameters, material, algorithm)));
    EXPECT_TRUE(Opens(Sealed(key)));
    EXPECT_THAT(Import(key, parameters, Wrap(parameters, other_material, algorithm)),
                Fails(algorithm == kPkcs1v15 ? Reason::kBadCiphertext
                                             : Reason::kOtherKeyMaterial));
  }
}

}  // namespace
}  // namespace kms
