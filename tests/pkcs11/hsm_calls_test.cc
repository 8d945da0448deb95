// Which calls the adapter makes of the token, each of which may fail, and what they
// leave behind.

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pkcs11/hsm_faults.h"

namespace kms::testing {
namespace {

using ::testing::HasSubstr;

// With one session, and no probe of its own accord, an action makes the same calls each
// time.
class HsmCallsTest : public HsmFaultsTest {
 protected:
  using Act = std::function<Result<void>()>;
  using Calls = std::map<std::string, int>;

  void SetUp() override { ReopenUnprobed(1); }

  // Returns when what was posted has been done: the first call waits for the thread, the
  // second for what that has posted itself, at the end of a job.
  Result<void> Drain() {
    for (int i = 0; i < 2; ++i) {
      KMS_TRY([[maybe_unused]] const Bytes sealed, hsm_.hsm().root().Seal(kPlace, text_));
    }
    return {};
  }

  Result<void> Run(const Act& act) {
    auto done = act();
    auto drained = Drain();
    return done ? drained : done;
  }

  // Runs it while one call fails. After a failure the token is looked at, which this
  // waits for: it takes a session of its own, besides the one that takes the place of the
  // session that has failed.
  Result<void> RunWith(const std::string& rule, const Act& act) {
    const auto failures = hsm_.hsm().Status().failures;
    const int sessions = trace_.Count("C_OpenSession");
    rules_.Set({rule});
    auto done = Run(act);
    rules_.Clear();
    if (hsm_.hsm().Status().failures != failures) {
      EXPECT_TRUE(
          Eventually([&] { return trace_.Count("C_OpenSession") >= sessions + 2; }));
    }
    EXPECT_OK(Drain());
    return done;
  }

  // How often each function is called when `act` is run.
  Calls CallsOf(const Act& act) {
    const Calls before = trace_.PerFunction();
    EXPECT_OK(Run(act));
    Calls calls = trace_.PerFunction();
    for (const auto& [function, count] : before)
      if ((calls[function] -= count) == 0) calls.erase(function);
    return calls;
  }

  // What is kept of opened salts has its room filled, so that no more objects stay
  // from now on. A seal that fails spoils its salt.
  void FillCaches() {
    const RootKey& root = hsm_.hsm().root();
    for (int i = 0; i < 20; ++i) {
      EXPECT_FALSE(RunWith("C_EncryptInit return CKR_DEVICE_MEMORY times=1",
                           [] { return Result<void>(); }));
      EXPECT_OK(root.Open(kPlace, root.Seal(kPlace, text_).value()));
    }
    EXPECT_OK(Drain());
  }

  // An action says that the token has failed, or has been put right.
  static void ExpectFailsWell(const Result<void>& done) {
    if (!done) {
      EXPECT_THAT(done, Fails(Reason::kHsmUnavailable));
    }
  }

  // Nothing has been left by what was done since there were `before`, but what could not
  // be destroyed when it was to be.
  void ExpectNothingLeft(std::size_t before, int undestroyed) {
    EXPECT_EQ(CountObjects(), before + static_cast<std::size_t>(undestroyed));
  }

  int Undestroyed() {
    return trace_.Count("C_DestroyObject") - trace_.Count("C_DestroyObject", "CKR_OK");
  }
};

TEST_F(HsmCallsTest, TheNthCallOfEachFunctionFails) {
  std::optional<Loaded> keys = Load();
  FillCaches();
  CryptoBackend& backend = hsm_.backend();
  const Place pair_place = {"account", "key", "token", "import-key"};
  const WrappedKey pair = backend.Generate(KeySpec::kRsa2048, pair_place).value();
  const Bytes material(32, 6);
  const auto wrapped = [&](EncryptionAlgorithm algorithm) {
    return backend.LoadPublic(pair.public_key)
        .value()
        ->Encrypt(algorithm, material)
        .value();
  };
  const auto import = [&](EncryptionAlgorithm algorithm) -> Act {
    return [&, algorithm, wrapped = wrapped(algorithm)]() -> Result<void> {
      KMS_TRY(
          const ImportedKey imported,
          backend.ImportWrapped(KeySpec::kAes256, kPlace,
                                {pair_place, pair.sealed, algorithm}, wrapped, text_));
      EXPECT_EQ(imported.print, Hmac(DigestAlgorithm::kSha256, material, text_));
      return {};
    };
  };
  const std::pair<const char*, Act> actions[] = {
      {"make an AES key and use it",
       [&]() -> Result<void> {
         KMS_TRY(const WrappedKey made, backend.Generate(KeySpec::kAes256, kPlace));
         KMS_TRY(const auto key,
                 backend.LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed));
         KMS_TRY(const Bytes sealed, key->Seal({}, {}, text_));
         KMS_TRY(const SecretBytes opened, key->Open({}, {}, sealed));
         EXPECT_TRUE(IsText(opened));
         return {};
       }},
      {"import a key",
       [&]() -> Result<void> {
         KMS_TRY(const WrappedKey made,
                 backend.Import(KeySpec::kAes256, kPlace, SecretBytes::CopyOf(material)));
         KMS_TRY(const auto key,
                 backend.LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed));
         KMS_TRY([[maybe_unused]] const Bytes sealed, key->Seal({}, {}, text_));
         return {};
       }},
      {"load an RSA key and use it",
       [&]() -> Result<void> {
         KMS_TRY(const auto key,
                 backend.LoadPrivate(KeySpec::kRsa2048, kPlace, keys->made.rsa.sealed));
         KMS_TRY(const SecretBytes opened,
                 key->Decrypt(EncryptionAlgorithm::kRsaOaepSha256, keys->encrypted));
         EXPECT_TRUE(IsText(opened));
         KMS_TRY(const Bytes signature,
                 key->Sign(SignatureAlgorithm::kRsaPssSha256, Digest()));
         EXPECT_TRUE(keys->rsa_public
                         ->Verify(SignatureAlgorithm::kRsaPssSha256, Digest(), signature)
                         .value());
         return {};
       }},
      {"unwrap a key in the token", import(EncryptionAlgorithm::kRsaOaepSha1)},
      {"open a wrapped key and import it", import(EncryptionAlgorithm::kRsaOaepSha256)}};
  for (const auto& [name, act] : actions) {
    ASSERT_OK(Run(act));
    const Calls calls = CallsOf(act);
    const std::size_t objects = CountObjects();
    const int undestroyed = Undestroyed();
    for (const std::string code : {"CKR_DEVICE_MEMORY", "CKR_GENERAL_ERROR"})
      for (const auto& [function, count] : calls)
        for (int n = 0; n < count; ++n) {
          const std::string skip = " skip=" + std::to_string(n);
          SCOPED_TRACE(std::string(name) + ": " + function + skip + " " + code);
          const int met = trace_.Count(function, code);
          ExpectFailsWell(RunWith(function + " return " + code + skip + " times=1", act));
          ASSERT_EQ(trace_.Count(function, code), met + 1);
          ASSERT_OK(Run(act));
        }
    ExpectNothingLeft(objects, Undestroyed() - undestroyed);
  }
  EXPECT_TRUE(Use(*keys));
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.reconnects, 0u);
  keys.reset();
  EXPECT_EQ(CountTokenObjects(), 1u);
}

// Of each kind one, because RSA keys take their time.
TEST_F(HsmCallsTest, TheMakingOfAnRsaKeyFails) {
  const Act act = [&]() -> Result<void> {
    KMS_TRY([[maybe_unused]] const WrappedKey made,
            hsm_.backend().Generate(KeySpec::kRsa2048, kPlace));
    return {};
  };
  FillCaches();
  const Calls calls = CallsOf(act);
  const std::size_t objects = CountObjects();
  const int undestroyed = Undestroyed();
  for (const auto& [function, count] : calls) {
    SCOPED_TRACE(function);
    const int met = trace_.Count(function, "CKR_DEVICE_MEMORY");
    const auto done = RunWith(function + " return CKR_DEVICE_MEMORY times=1", act);
    EXPECT_EQ(trace_.Count(function, "CKR_DEVICE_MEMORY"), met + 1);
    ExpectFailsWell(done);
    // It has come as far as that: the faults of before are overcome.
    if (!done) {
      EXPECT_THAT(done.error().detail(), HasSubstr(function + ":"));
    }
  }
  ASSERT_OK(Run(act));
  ExpectNothingLeft(objects, Undestroyed() - undestroyed);
  EXPECT_EQ(CountTokenObjects(), 1u);
}

TEST_F(HsmCallsTest, KeysAreMadeAndWrappedInTheToken) {
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kRsa2048}) {
    Calls calls = CallsOf([&]() -> Result<void> {
      KMS_TRY([[maybe_unused]] const WrappedKey made,
              hsm_.backend().Generate(spec, kPlace));
      return {};
    });
    EXPECT_EQ(calls["C_GenerateKey"], IsSymmetric(spec) ? 1 : 0);
    EXPECT_EQ(calls["C_GenerateKeyPair"], IsSymmetric(spec) ? 0 : 1);
    EXPECT_EQ(calls["C_WrapKey"], 1);
    EXPECT_EQ(calls["C_CreateObject"], 0);
  }
}

TEST_F(HsmCallsTest, WhatTheTokenCanUnwrapIsNeverOutsideIt) {
  CryptoBackend& backend = hsm_.backend();
  const Place place = {"account", "key", "token", "import-key"};
  const WrappedKey pair = backend.Generate(KeySpec::kRsa2048, place).value();
  const auto open = backend.LoadPublic(pair.public_key).value();
  const auto calls_of_import = [&](EncryptionAlgorithm algorithm) {
    const Bytes wrapped = open->Encrypt(algorithm, Bytes(32, 6)).value();
    return CallsOf([&]() -> Result<void> {
      KMS_TRY([[maybe_unused]] const ImportedKey imported,
              backend.ImportWrapped(KeySpec::kAes256, kPlace,
                                    {place, pair.sealed, algorithm}, wrapped, text_));
      return {};
    });
  };
  // The record of the pair is decrypted, and the pair unwrapped, each time.
  Calls calls = calls_of_import(EncryptionAlgorithm::kRsaOaepSha1);
  EXPECT_EQ(calls["C_Decrypt"], 1);
  EXPECT_EQ(calls["C_UnwrapKey"], 1 + 2);  // as AES, and as what prints it
  EXPECT_EQ(calls["C_WrapKey"], 1);
  EXPECT_EQ(calls["C_CreateObject"], 0);
  for (const auto algorithm :
       {EncryptionAlgorithm::kRsaOaepSha256, EncryptionAlgorithm::kRsaPkcs1}) {
    calls = calls_of_import(algorithm);
    EXPECT_EQ(calls["C_Decrypt"], 1 + 1);
    EXPECT_EQ(calls["C_UnwrapKey"], 1);
    EXPECT_EQ(calls["C_CreateObject"], 1);
    EXPECT_EQ(calls["C_WrapKey"], 1);
  }
}

TEST_F(HsmCallsTest, AKeyThatNobodyHoldsLeavesTheToken) {
  const Made made = Make();
  FillCaches();
  const std::size_t objects = CountObjects();
  auto aes =
      hsm_.backend().LoadSymmetric(KeySpec::kAes256, kPlace, made.aes.sealed).value();
  auto rsa =
      hsm_.backend().LoadPrivate(KeySpec::kRsa2048, kPlace, made.rsa.sealed).value();
  ASSERT_OK(aes->Open({}, {}, aes->Seal({}, {}, text_).value()));
  ASSERT_OK(rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Digest()));
  ASSERT_OK(Drain());
  // Of the AES key itself, and of what seals and opens with its salt.
  EXPECT_EQ(CountObjects(), objects + 4);

  const auto destroyed = [&] { return trace_.Count("C_DestroyObject", "CKR_OK"); };
  const int before = destroyed();
  auto holder = rsa;
  rsa.reset();
  ASSERT_OK(Drain());
  EXPECT_EQ(destroyed(), before);
  holder.reset();
  ASSERT_OK(Drain());
  EXPECT_EQ(destroyed(), before + 1);
  aes.reset();
  ASSERT_OK(Drain());
  EXPECT_EQ(destroyed(), before + 4);
  EXPECT_EQ(CountObjects(), objects);
}

TEST_F(HsmFaultsTest, ALoadedKeyIsNotSearchedFor) {
  const Loaded keys = Load();
  ASSERT_TRUE(Use(keys));
  const auto searches = [&] {
    return trace_.Count("C_FindObjects") + trace_.Count("C_FindObjectsInit") +
           trace_.Count("C_Login") + trace_.Count("C_UnwrapKey") +
           trace_.Count("C_DeriveKey");
  };
  // Each of the three sessions has been used, and each sealer has its key.
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Use(keys));
  const int before = searches();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Use(keys));
  EXPECT_EQ(searches(), before);
}

}  // namespace
}  // namespace kms::testing
