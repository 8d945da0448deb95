// Every operation in every state: the table of states, asked through the services.

#include <functional>
#include <optional>
#include <string>

#include "keys/fixture.h"
#include "kms/encoding.h"

namespace kms {
namespace {

using enum Reason;
using Cell = std::optional<Reason>;
constexpr Cell kOk = std::nullopt;

struct Row {
  const char* name;
  // Enabled, disabled, pending deletion, pending import.
  Cell cells[4];
  std::function<Result<void>(Kms&, const RequestContext&, const std::string& key)> call;
};

template <typename T>
Result<void> Drop(Result<T> result) {
  if (!result) return std::move(result).error();
  return {};
}

class StateTableTest : public testing::KmsTest {
 protected:
  static constexpr KeyState kStates[] = {KeyState::kEnabled, KeyState::kDisabled,
                                         KeyState::kPendingDeletion,
                                         KeyState::kPendingImport};

  // A key of its own in the given state; nothing if there is none of that origin.
  std::string KeyIn(KeyState state, NewKey wanted) {
    const bool external = wanted.origin == KeyOrigin::kExternal;
    std::string key = MakeKey(wanted);
    if (external && state != KeyState::kPendingImport) Import(key);
    if (state == KeyState::kDisabled) {
      EXPECT_OK(kms->keys().Disable(me, key));
    }
    if (state == KeyState::kPendingDeletion) {
      EXPECT_OK(kms->keys().ScheduleDeletion(me, key, 7));
    }
    EXPECT_EQ(StateOf(key), state);
    return key;
  }

  void Import(const std::string& key) {
    const auto parameters =
        kms->imports()
            .GetParameters(me, key, EncryptionAlgorithm::kRsaOaepSha256)
            .value();
    const auto wrapped =
        backend->LoadPublic(parameters.public_key)
            .value()
            ->Encrypt(EncryptionAlgorithm::kRsaOaepSha256, Bytes(32, std::uint8_t{7}))
            .value();
    ASSERT_OK(
        kms->imports().ImportMaterial(me, key, parameters.token, wrapped, std::nullopt));
  }

  void Check(const Row& row, const NewKey& wanted) {
    for (std::size_t i = 0; i < 4; ++i) {
      // Only a key of external origin can wait for its material.
      if (kStates[i] == KeyState::kPendingImport && wanted.origin != KeyOrigin::kExternal)
        continue;
      const std::string key = KeyIn(kStates[i], wanted);
      SCOPED_TRACE(std::string(row.name) + " in state " + std::to_string(i));
      const KeyDescription before = kms->keys().Describe(me, key).value();
      const Result<void> result = row.call(*kms, me, key);
      if (row.cells[i]) {
        EXPECT_THAT(result, testing::Fails(*row.cells[i]));
        const KeyDescription after = kms->keys().Describe(me, key).value();
        EXPECT_EQ(after.updated, before.updated) << "a refusal changes nothing";
        EXPECT_EQ(after.state, before.state);
      } else {
        EXPECT_OK(result);
      }
    }
  }
};

const Row kAnyKey[] = {
    {"enableKey",
     {kOk, kOk, kCannotEnable, kCannotEnable},
     [](Kms& kms, auto& me, auto& key) { return kms.keys().Enable(me, key); }},
    {"disableKey",
     {kOk, kOk, kDeletionPending, kKeyDisabled},
     [](Kms& kms, auto& me, auto& key) { return kms.keys().Disable(me, key); }},
    {"scheduleKeyDeletion",
     {kOk, kOk, kDeletionPending, kOk},
     [](Kms& kms, auto& me, auto& key) {
       return kms.keys().ScheduleDeletion(me, key, 30);
     }},
    {"cancelKeyDeletion",
     {kNoDeletionPending, kNoDeletionPending, kOk, kNoDeletionPending},
     [](Kms& kms, auto& me, auto& key) { return kms.keys().CancelDeletion(me, key); }},
    {"deleteProtect",
     {kOk, kOk, kDeletionPending, kOk},
     [](Kms& kms, auto& me, auto& key) {
       return kms.keys().SetDeletionProtection(me, key, true);
     }},
    {"cancelDeleteProtect",
     {kOk, kOk, kOk, kOk},
     [](Kms& kms, auto& me, auto& key) {
       return kms.keys().SetDeletionProtection(me, key, false);
     }},
    {"updateKeyDescription",
     {kOk, kOk, kDeletionPending, kOk},
     [](Kms& kms, auto& me, auto& key) {
       return kms.keys().UpdateDescription(me, key, "new");
     }},
    {"createAlias",
     {kOk, kOk, kDeletionPending, kOk},
     [](Kms& kms, auto& me, auto& key) {
       return kms.aliases().Create(me, key, "alias/" + key.substr(0, 8));
     }},
    {"describeKey",
     {kOk, kOk, kOk, kOk},
     [](Kms& kms, auto& me, auto& key) { return Drop(kms.keys().Describe(me, key)); }},
};

TEST_F(StateTableTest, OfAKeyMadeByTheKms) {
  for (const Row& row : kAnyKey) Check(row, {});
}

TEST_F(StateTableTest, OfAKeyOfExternalOrigin) {
  for (const Row& row : kAnyKey) Check(row, {.origin = KeyOrigin::kExternal});
}

TEST_F(StateTableTest, OfUse) {
  const Row encrypt = {"encrypt",
                       {kOk, kKeyDisabled, kKeyDisabled, kKeyDisabled},
                       [](Kms& service, auto& who, auto& key) {
                         return Drop(service.compute().Encrypt(who, key, AsBytes("x")));
                       }};
  Check(encrypt, {});
  Check(encrypt, {.origin = KeyOrigin::kExternal});
}

TEST_F(StateTableTest, OfRotation) {
  const auto set = [](Kms& service, auto& who, auto& key) {
    return service.versions().SetRotation(who, key, 30);
  };
  Check({"updateRotationPolicy", {kOk, kRotationPaused, kRotationPaused, {}}, set}, {});
  const Row never = {"updateRotationPolicy",
                     {kNoAutomaticRotation, kNoAutomaticRotation, kNoAutomaticRotation,
                      kNoAutomaticRotation},
                     set};
  Check(never, {.origin = KeyOrigin::kExternal});
  Check(never, {.spec = KeySpec::kSm2});
}

TEST_F(StateTableTest, OfVersions) {
  const auto create = [](Kms& service, auto& who, auto& key) {
    return Drop(service.versions().Create(who, key));
  };
  Check({"createKeyVersion", {kOk, kKeyDisabled, kKeyDisabled, {}}, create},
        {.spec = KeySpec::kSm2});
  Check(
      {"createKeyVersion", {kNotAsymmetric, kNotAsymmetric, kNotAsymmetric, {}}, create},
      {});
}

TEST_F(StateTableTest, OfImport) {
  const auto get = [](Kms& service, auto& who, auto& key) {
    return Drop(
        service.imports().GetParameters(who, key, EncryptionAlgorithm::kRsaOaepSha256));
  };
  const auto remove = [](Kms& service, auto& who, auto& key) {
    return service.imports().DeleteMaterial(who, key);
  };
  const NewKey external = {.origin = KeyOrigin::kExternal};
  Check({"getParametersForImport", {kOk, kKeyDisabled, kDeletionPending, kOk}, get},
        external);
  Check({"deleteKeyMaterial", {kOk, kOk, kDeletionPending, kOk}, remove}, external);
  Check(
      {"getParametersForImport", {kCannotImport, kCannotImport, kCannotImport, {}}, get},
      {});
  Check({"deleteKeyMaterial", {kCannotImport, kCannotImport, kCannotImport, {}}, remove},
        {});
}

// What a default key is not for is refused before anything else about it is told.
TEST_F(StateTableTest, OfADefaultKey) {
  const auto spki = [&] {
    return backend->Generate(KeySpec::kRsa2048, {"a", "k", "v", "p"}).value().public_key;
  }();
  const std::string other = MakeKey({.alias = "alias/other"});
  const Tag tag = kms->tags().Create(me, "a", "1").value();
  const std::string key =
      kms->default_keys().Of(me, "ecs", "kms:cmk:generateDataKey").value();
  const std::string version = VersionOf(key);
  const auto sealed = kms->compute().Encrypt(me, key, AsBytes("x")).value();
  const auto sealed_under_other = kms->compute().Encrypt(me, other, AsBytes("x")).value();
  const std::string material(32, 'm');
  const PublicKeySource source{key, version, EncryptionAlgorithm::kRsaOaepSha256};
  ComputeService& compute = kms->compute();
  AsymmetricService& asymmetric = kms->asymmetric();
  const auto oaep = EncryptionAlgorithm::kRsaOaepSha256;
  const auto pss = SignatureAlgorithm::kRsaPssSha256;
  const ByteView digest = AsBytes(material);

  const std::pair<const char*, Result<void>> allowed[] = {
      {"encrypt", Drop(compute.Encrypt(me, key, AsBytes("x")))},
      {"decrypt", Drop(compute.Decrypt(me, sealed.blob))},
      {"generateDataKey", Drop(compute.GenerateDataKey(me, key, 32))},
      {"generateDataKeyWithoutPlaintext",
       Drop(compute.GenerateDataKeyWithoutPlaintext(me, key, 32))},
      {"exportDataKey", Drop(compute.ExportDataKey(me, sealed.blob, spki, oaep))},
      {"generateAndExportDataKey",
       Drop(compute.GenerateAndExportDataKey(me, key, 32, spki, oaep))},
      {"describeKey", Drop(kms->keys().Describe(me, key))},
      {"listKeyVersions", Drop(kms->versions().List(me, key, {}))},
      {"describeKeyVersion", Drop(kms->versions().Describe(me, key, version))},
      {"listAliasByUuid", Drop(kms->aliases().ListOfKey(me, key, {}))},
      {"listResourceLebal", Drop(kms->tags().ListOfResource(me, key))}};
  for (const auto& [name, result] : allowed) {
    EXPECT_OK(result) << name;
  }

  const auto before = memory->Read().value()->revision();
  const std::pair<const char*, Result<void>> refused[] = {
      {"enableKey", kms->keys().Enable(me, key)},
      {"disableKey", kms->keys().Disable(me, key)},
      {"scheduleKeyDeletion", kms->keys().ScheduleDeletion(me, key, 7)},
      {"cancelKeyDeletion", kms->keys().CancelDeletion(me, key)},
      {"deleteProtect", kms->keys().SetDeletionProtection(me, key, true)},
      {"cancelDeleteProtect", kms->keys().SetDeletionProtection(me, key, false)},
      {"updateKeyDescription", kms->keys().UpdateDescription(me, key, "new")},
      {"updateRotationPolicy", kms->versions().SetRotation(me, key, 30)},
      {"createKeyVersion", Drop(kms->versions().Create(me, key))},
      {"getParametersForImport", Drop(kms->imports().GetParameters(me, key, oaep))},
      {"importKeyMaterial",
       kms->imports().ImportMaterial(me, key, AsBytes("t"), AsBytes("m"), std::nullopt)},
      {"deleteKeyMaterial", kms->imports().DeleteMaterial(me, key)},
      {"moveKey", kms->iam().projects.MoveKey(me, key, "default")},
      {"bindResource", kms->tags().Bind(me, key, {tag.id, "a", "1"})},
      {"unbindResource", kms->tags().Unbind(me, key, {tag.id, "a", "1"})},
      {"reEncrypt from it", Drop(compute.ReEncrypt(me, sealed.blob, other, nullptr))},
      {"reEncrypt to it",
       Drop(compute.ReEncrypt(me, sealed_under_other.blob, key, nullptr))},
      {"reEncrypt from it as a key pair",
       Drop(compute.ReEncrypt(me, AsBytes("c"), other, &source))},
      {"hmac", Drop(compute.ComputeMac(me, key, {}, AsBytes("x")))},
      {"hmacVerify", Drop(compute.VerifyMac(me, key, {}, AsBytes("x"), Digest32{}))},
      {"asymmetricSign", Drop(asymmetric.Sign(me, {key, version}, pss, digest))},
      {"asymmetricVerify",
       Drop(asymmetric.Verify(me, {key, version}, pss, digest, AsBytes("s")))},
      {"asymmetricEncrypt",
       Drop(asymmetric.Encrypt(me, {key, version}, oaep, AsBytes("x")))},
      {"asymmetricDecrypt",
       Drop(asymmetric.Decrypt(me, {key, version}, oaep, AsBytes("x")))},
      {"getPublicKey", Drop(asymmetric.GetPublicKey(me, {key, version}))}};
  for (const auto& [name, result] : refused) {
    EXPECT_THAT(result, testing::Fails(kKeyNotAvailable)) << name;
  }
  EXPECT_THAT(kms->aliases().Create(me, key, "alias/a"),
              testing::Fails(kDefaultKeyAlias));
  EXPECT_THAT(kms->aliases().Update(me, key, "alias/other"),
              testing::Fails(kDefaultKeyAlias));
  EXPECT_THAT(kms->aliases().Delete(me, "alias_ecs"), testing::Fails(kDefaultKeyAlias));
  EXPECT_EQ(memory->Read().value()->revision(), before) << "a refusal changes nothing";

  // To a stranger it is absent, whatever is asked.
  const RequestContext stranger = ContextOf("account-2");
  EXPECT_THAT(kms->keys().Disable(stranger, key), testing::Fails(kKeyNotFound));
  EXPECT_THAT(kms->tags().Bind(stranger, key, {tag.id, "a", "1"}),
              testing::Fails(kKeyNotFound));
  EXPECT_THAT(kms->asymmetric().GetPublicKey(stranger, {key, version}),
              testing::Fails(kKeyNotFound));
  EXPECT_THAT(kms->compute().Decrypt(stranger, sealed.blob),
              testing::Fails(kKeyNotFound));
}

TEST_F(StateTableTest, AProtectedKeyCannotBeDeletedInAnyState) {
  const auto schedule = [](Kms& service, auto& who, auto& key) -> Result<void> {
    KMS_CHECK_OK(service.keys().SetDeletionProtection(who, key, true));
    return service.keys().ScheduleDeletion(who, key, 7);
  };
  for (const KeyState state : {KeyState::kEnabled, KeyState::kDisabled}) {
    const std::string key = KeyIn(state, {});
    EXPECT_THAT(schedule(*kms, me, key), testing::Fails(kDeletionProtected));
    EXPECT_EQ(StateOf(key), state);
  }
}

}  // namespace
}  // namespace kms
