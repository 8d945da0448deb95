// Pkcs11Hsm behind a module that fails on command: whatever it does, an answer is right
// or says that the token is not available, and when it is well again, so is the adapter.

#include "pkcs11/hsm_faults.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace kms::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(HsmFaultsTest, EachFaultHasItsRemedy) {
  ReopenUnprobed();
  const Loaded keys = Load();
  for (const char* code :
       {"CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED", "CKR_USER_NOT_LOGGED_IN",
        "CKR_OBJECT_HANDLE_INVALID", "CKR_KEY_HANDLE_INVALID", "CKR_OPERATION_ACTIVE"})
    for (const auto& [call, use] : UsesOf(keys)) {
      SCOPED_TRACE(call + " " + code);
      const int met = trace_.Count(call, code);
      rules_.Set({call + " return " + code + " times=1"});
      EXPECT_OK(use());
      EXPECT_EQ(trace_.Count(call, code), met + 1);
    }
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.reconnects, 0u);
}

TEST_F(HsmFaultsTest, ATokenThatIsGoneForAMomentIsOpenedAnewAtOnce) {
  ReopenUnprobed();
  const Loaded keys = Load();
  std::uint64_t reconnects = 0;
  for (const auto& [call, use] : UsesOf(keys)) {
    SCOPED_TRACE(call);
    rules_.Set({call + " return CKR_DEVICE_REMOVED times=1"});
    EXPECT_THAT(use(), Fails(Reason::kHsmUnavailable));
    ASSERT_TRUE(Eventually([&] { return hsm_.backend().Check().has_value(); }));
    EXPECT_OK(use());
    EXPECT_EQ(hsm_.hsm().Status().reconnects, ++reconnects);
  }
}

TEST_F(HsmFaultsTest, AFaultInOneSignatureIsToldAndLeavesTheTokenUp) {
  ReopenUnprobed();
  const Loaded keys = Load();
  const auto sign = [&] {
    return keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Digest());
  };
  // Nobody decrypts here but the probe.
  const int decrypted = trace_.Count("C_Decrypt", "CKR_OK");
  rules_.Set({"C_Sign return CKR_GENERAL_ERROR times=1"});
  EXPECT_THAT(sign(), Fails(Reason::kHsmUnavailable));
  ASSERT_TRUE(
      Eventually([&] { return trace_.Count("C_Decrypt", "CKR_OK") == decrypted + 1; }));
  EXPECT_OK(sign());
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.reconnects, 0u);
  EXPECT_EQ(status.failures, 1u);
}

TEST_F(HsmFaultsTest, AFaultInDecryptingIsNoWrongCiphertext) {
  const Made made = Make();
  for (const bool rsa : {false, true}) {
    ReopenUnprobed();
    const Loaded keys = Load(made);
    const auto decrypt = [&] {
      return rsa ? keys.rsa->Decrypt(EncryptionAlgorithm::kRsaOaepSha256, keys.encrypted)
                 : keys.aes->Open({}, {}, keys.aes_sealed);
    };
    // Once: it is tried again, in a new session.
    rules_.Set({"C_Decrypt return CKR_GENERAL_ERROR times=1"});
    EXPECT_OK(decrypt());
    EXPECT_EQ(hsm_.hsm().Status().failures, 0u);
    // From now on: the token cannot decrypt what is right, either.
    rules_.Set({"C_Decrypt return CKR_GENERAL_ERROR"});
    EXPECT_THAT(decrypt(), Fails(Reason::kHsmUnavailable));
    rules_.Clear();
  }
}

TEST_F(HsmFaultsTest, ATokenThatDoesNotComputeIsOutOfServiceUntilItDoes) {
  const Loaded keys = Load();
  rules_.Set({"C_Decrypt return CKR_GENERAL_ERROR"});
  // Nobody has to use it for that.
  ASSERT_TRUE(Eventually([&] { return !hsm_.backend().Check(); }));
  const int looks = trace_.Count("C_Initialize");
  ASSERT_TRUE(Eventually([&] { return trace_.Count("C_Initialize") >= looks + 4; }));
  Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_FALSE(status.up);
  EXPECT_THAT(status.reason, HasSubstr("CKR_GENERAL_ERROR"));
  EXPECT_EQ(status.reconnects, 0u);
  rules_.Clear();
  ASSERT_TRUE(Eventually([&] { return IsWell(keys); }));
  status = hsm_.hsm().Status();
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.reconnects, 1u);
}

// Four threads use keys, load some, and make some, while one rule after another is met.
// Two of them go into the module themselves.
TEST_F(HsmFaultsTest, AnswersAreRightOrUnavailableUnderLoad) {
  const Loaded keys = Load();
  std::mutex mutex;
  std::vector<Bytes> sealed;
  std::vector<WrappedKey> made;
  const auto keep = [&](auto& list) {
    return [&](const auto& answer) {
      const std::lock_guard lock(mutex);
      list.push_back(answer);
      return true;
    };
  };
  const auto any = [](const auto&) { return true; };
  const auto is_text = [&](const SecretBytes& opened) { return IsText(opened); };
  CryptoBackend& backend = hsm_.backend();
  std::atomic<bool> stop = false;
  std::vector<std::thread> users;
  for (int i = 0; i < 4; ++i)
    users.emplace_back([&, direct = i % 2 == 0] {
      std::optional<DirectCalls> calls;
      if (direct) calls.emplace();
      while (!stop) {
        Use(keys);
        Check(keys.aes->Seal({}, {}, text_), keep(sealed));
        // What keys in use do not need: objects are made, read and destroyed.
        Check(backend.Generate(KeySpec::kAes256, kPlace), keep(made));
        Check(backend.LoadPrivate(KeySpec::kRsa2048, kPlace, keys.made.rsa.sealed), any);
        const auto aes =
            backend.LoadSymmetric(KeySpec::kAes256, kPlace, keys.made.aes.sealed);
        if (Check(aes, any)) Check((*aes)->Open({}, {}, keys.aes_sealed), is_text);
      }
    });

  // Sets the rule until it has been met, and tells whether all is well again then.
  const auto meet = [&](const std::vector<std::string>& rules,
                        const std::function<bool()>& met) {
    rules_.Set(rules);
    const bool was_met = Eventually(met);
    rules_.Clear();
    return was_met && Eventually([&] { return IsWell(keys); });
  };
  for (const std::string call :
       {"C_EncryptInit", "C_Encrypt", "C_DecryptInit", "C_Decrypt", "C_SignInit",
        "C_Sign", "C_GenerateKey", "C_WrapKey", "C_UnwrapKey", "C_DeriveKey",
        "C_GetAttributeValue", "C_DestroyObject", "C_OpenSession", "C_Login",
        "C_FindObjectsInit", "C_FindObjects"})
    for (const std::string code : {"CKR_GENERAL_ERROR", "CKR_DEVICE_ERROR",
                                   "CKR_DEVICE_REMOVED", "CKR_SESSION_HANDLE_INVALID",
                                   "CKR_USER_NOT_LOGGED_IN", "CKR_OBJECT_HANDLE_INVALID",
                                   "CKR_CRYPTOKI_NOT_INITIALIZED", "CKR_DEVICE_MEMORY"}) {
      SCOPED_TRACE(call + " " + code);
      const int before = trace_.Count(call, code);
      std::vector<std::string> rules = {call + " return " + code + " times=2"};
      // Only after a loss the token is logged in to, and its root looked for.
      if (call == "C_Login" || call.starts_with("C_FindObjects"))
        rules.emplace_back("C_Sign lose-sessions times=1");
      ASSERT_TRUE(meet(rules, [&] { return trace_.Count(call, code) >= before + 2; }));
    }
  for (const std::string call : {"C_Encrypt", "C_Decrypt", "C_Sign", "*"})
    for (const std::string fault :
         {"short 1", "long 1", "empty", "lose-sessions", "logout", "delay 1"}) {
      SCOPED_TRACE(call + " " + fault);
      if (call == "*" && fault != "delay 1") continue;
      // Calls that had begun before, one in each session, do not know the rule.
      const std::string counted = call == "*" ? "" : call;
      const int enough = trace_.Count(counted, "CKR_OK") + 3 + 3;
      ASSERT_TRUE(meet({call + " " + fault + " times=3"},
                       [&] { return trace_.Count(counted, "CKR_OK") >= enough; }));
    }
  rules_.Set({"* vanish"});
  EXPECT_TRUE(Eventually([&] { return !backend.Check(); }));
  rules_.Clear();
  EXPECT_TRUE(Eventually([&] { return IsWell(keys); }));
  stop = true;
  for (std::thread& user : users) user.join();

  // What was sealed and made while the token misbehaved is right.
  for (const Bytes& one : sealed)
    ASSERT_TRUE(Check(keys.aes->Open({}, {}, one), is_text));
  for (const WrappedKey& one : made) {
    const auto key = backend.LoadSymmetric(KeySpec::kAes256, kPlace, one.sealed);
    ASSERT_OK(key);
    ASSERT_OK((*key)->Seal({}, {}, text_));
  }
  EXPECT_GE(hsm_.hsm().Status().reconnects, 1u);
}

TEST_F(HsmFaultsTest, GarbageFromTheTokenIsNoSignatureAndNoKey) {
  const Loaded keys = Load();
  rules_.Set({"C_WrapKey garbage"});
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kRsa2048}) {
    const auto made = hsm_.backend().Generate(spec, kPlace);
    // A pair is tried before it is handed out; a secret key when it is used.
    if (!IsSymmetric(spec)) {
      EXPECT_FALSE(made);
    }
    if (made && IsSymmetric(spec)) {
      const auto key = hsm_.backend().LoadSymmetric(spec, kPlace, made->sealed);
      EXPECT_FALSE(key && (*key)->Seal({}, {}, text_));
    }
  }
  rules_.Set({"C_WrapKey short 8"});
  EXPECT_FALSE(hsm_.backend().Generate(KeySpec::kAes256, kPlace));
  rules_.Set({"C_GetAttributeValue short 1"});
  EXPECT_FALSE(hsm_.backend().Generate(KeySpec::kRsa2048, kPlace));
  rules_.Clear();
  ASSERT_TRUE(Eventually([&] { return IsWell(keys); }));
}

TEST_F(HsmFaultsTest, TheSelfTestNamesWhatTheTokenGetsWrong) {
  ReopenUnprobed();
  const std::pair<const char*, const char*> wrong[] = {
      {"C_Encrypt", "AES key derivation and GCM"},
      {"C_WrapKey", "AES key wrap with padding"},
      {"C_Sign", "RSA PKCS#1 v1.5 signature"},
      {"C_Decrypt", "RSA OAEP-SHA-256 decryption"}};
  for (const auto& [call, algorithm] : wrong) {
    rules_.Set({std::string(call) + " garbage"});
    const auto tested = hsm_.backend().SelfTest();
    ASSERT_THAT(tested, Fails(Reason::kInternal)) << call;
    EXPECT_THAT(tested.error().detail(), HasSubstr(algorithm));
  }
  // A token that fails is none whose policy keeps it from being tested.
  rules_.Set({"C_CreateObject return CKR_DEVICE_MEMORY times=1"});
  EXPECT_THAT(hsm_.backend().SelfTest(), Fails(Reason::kHsmUnavailable));
  rules_.Set({"C_CreateObject return CKR_TEMPLATE_INCONSISTENT"});
  EXPECT_OK(hsm_.backend().SelfTest());
  rules_.Clear();
  EXPECT_OK(hsm_.backend().SelfTest());
}

TEST_F(HsmFaultsTest, AHangHoldsUpNobodyForLong) {
  const Made made = Make();
  Reopen([](Pkcs11Config& config) { config.call_timeout_millis = 1000; });
  const Loaded keys = Load(made);
  rules_.Set({"C_Sign hang"});
  // More callers than there are sessions: all come back.
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i)
    callers.emplace_back([&] {
      EXPECT_THAT(keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Digest()),
                  Fails(Reason::kHsmUnavailable));
    });
  for (std::thread& caller : callers) caller.join();
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_FALSE(status.up);
  EXPECT_GE(status.hanging, 1u);
  EXPECT_LE(status.hanging, 3u);  // as many as there are sessions
  EXPECT_THAT(status.reason, HasSubstr("does not come back"));
  // At once: nothing more goes into the module.
  const int before = trace_.Count();
  EXPECT_THAT(keys.aes->Seal({}, {}, text_), Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(keys.sm4->Seal({}, {}, text_), Fails(Reason::kHsmUnavailable));
  EXPECT_EQ(trace_.Count(), before);
  rules_.Clear();
  ASSERT_TRUE(Eventually([&] { return IsWell(keys); }));
  EXPECT_EQ(hsm_.hsm().Status().hanging, 0u);
  EXPECT_GE(hsm_.hsm().Status().reconnects, 1u);
}

// A thread that goes in itself and hangs there keeps nobody else from learning of it.
TEST_F(HsmFaultsTest, ADirectCallThatHangsIsNoticed) {
  const Made made = Make();
  Reopen([](Pkcs11Config& config) { config.call_timeout_millis = 1000; });
  const Loaded keys = Load(made);
  rules_.Set({"C_Sign hang"});
  std::thread direct([&] {
    const DirectCalls calls;
    // Comes back when the module does, whatever it says then.
    (void)keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Digest());
  });
  ASSERT_TRUE(Eventually([&] { return !hsm_.backend().Check(); }));
  EXPECT_EQ(hsm_.hsm().Status().hanging, 1u);
  EXPECT_THAT(hsm_.hsm().Status().reason, HasSubstr("does not come back"));
  {
    const DirectCalls calls;
    EXPECT_THAT(keys.aes->Seal({}, {}, text_), Fails(Reason::kHsmUnavailable));
  }
  rules_.Clear();
  direct.join();
  ASSERT_TRUE(Eventually([&] { return IsWell(keys); }));
  EXPECT_EQ(hsm_.hsm().Status().hanging, 0u);
}

using HsmFaultsDeathTest = HsmFaultsTest;

// In a process of its own, which ends as kmsd does.
TEST_F(HsmFaultsDeathTest, ClosingWhileACallHangsIsSaid) {
  const Made made = Make();
  hsm_.Close();
  EXPECT_EXIT(
      {
        Reopen([](Pkcs11Config& config) { config.call_timeout_millis = 1000; });
        const Loaded keys = Load(made);
        rules_.Set({"C_Sign hang"});
        const auto hung = keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Digest());
        const bool closed = hsm_.hsm().Close();
        ::_exit(!hung && !closed ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST_F(HsmFaultsTest, GarbageFromClientsDoesNotTakeTheTokenDown) {
  const Loaded keys = Load();
  for (int i = 0; i < 1000; ++i) {
    Bytes bad = keys.aes_sealed;
    bad[static_cast<std::size_t>(i) % bad.size()] ^= 1;
    ASSERT_THAT(keys.aes->Open({}, {}, bad), Fails(Reason::kBadCiphertext));
  }
  EXPECT_TRUE(Use(keys));
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.reconnects, 0u);
  EXPECT_EQ(status.failures, 0u);
}

TEST_F(HsmFaultsTest, ATokenThatCannotWrapAnyMoreIsRefused) {
  hsm_.Close();
  rules_.Set({"* hide CKM_AES_KEY_WRAP_PAD"});
  // A token that cannot wrap cannot open what one that could has wrapped.
  const auto refused = hsm_.Open();
  ASSERT_THAT(refused, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(refused.error().detail(), HasSubstr("wrap"));
}

TEST_F(HsmFaultsTest, WhatTheTokenLacksIsNamed) {
  hsm_.Close();
  const std::vector<std::string> needed = {
      "CKM_AES_GCM", "CKM_RSA_PKCS_PSS", "CKM_AES_KEY_GEN", "CKM_RSA_PKCS_KEY_PAIR_GEN"};
  for (const std::string& lacking : needed) {
    rules_.Set({"* hide " + lacking});
    const auto opened = hsm_.Open();
    ASSERT_THAT(opened, Fails(Reason::kHsmUnavailable));
    for (const std::string& name : needed)
      EXPECT_EQ(opened.error().detail().find("(" + name) != std::string::npos,
                name == lacking)
          << opened.error().detail();
  }
  rules_.Clear();
  EXPECT_OK(hsm_.Open());
}

TEST_F(HsmFaultsTest, WithoutRawRsaTheTokenDecryptsWhatItCan) {
  const Made made = Make();
  rules_.Set({"* hide CKM_RSA_X_509"});
  ReopenUnprobed();
  EXPECT_OK(hsm_.backend().SelfTest());
  const Loaded keys = Load(made);
  const auto decrypt = [&](EncryptionAlgorithm algorithm) {
    return keys.rsa->Decrypt(algorithm,
                             keys.rsa_public->Encrypt(algorithm, text_).value());
  };
  // SoftHSM knows OAEP with SHA-1 only; PKCS#1 v1.5 is never left to a token.
  const auto opened = decrypt(EncryptionAlgorithm::kRsaOaepSha1);
  ASSERT_OK(opened);
  EXPECT_TRUE(IsText(*opened));
  EXPECT_THAT(decrypt(EncryptionAlgorithm::kRsaOaepSha256),
              Fails(Reason::kAlgorithmNotSupported));
  EXPECT_THAT(decrypt(EncryptionAlgorithm::kRsaPkcs1),
              Fails(Reason::kAlgorithmNotSupported));
  EXPECT_OK(hsm_.backend().Generate(KeySpec::kRsa2048, kPlace));
}

TEST_F(HsmFaultsTest, ATokenWithoutUnwrapTemplatesWillDo) {
  hsm_.Close();
  rules_.Set({"C_GenerateKey return CKR_ATTRIBUTE_TYPE_INVALID times=1"});
  SoftHsm empty{Configure};
  EXPECT_EQ(trace_.Count("C_GenerateKey", "CKR_ATTRIBUTE_TYPE_INVALID"), 1);
  EXPECT_EQ(empty.hsm().Status().root, 1u);
  const WrappedKey made = empty.backend().Generate(KeySpec::kAes256, kPlace).value();
  const auto key =
      empty.backend().LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed).value();
  EXPECT_TRUE(IsText(key->Open({}, {}, key->Seal({}, {}, text_).value()).value()));
}

}  // namespace
}  // namespace kms::testing
