// Pkcs11Hsm behind a module that fails on command: whatever it does, an answer is right
// or says that the token is not available, and when it is well again, so is the adapter.

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pkcs11/fault_rules.h"
#include "pkcs11/soft_hsm.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr Place kPlace{"account", "key", "1", "material", "one"};
constexpr KeySpec kAllSpecs[] = {KeySpec::kAes256, KeySpec::kSm4, KeySpec::kRsa2048,
                                 KeySpec::kSm2};

bool Eventually(const std::function<bool()>& happened) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < until) {
    if (happened()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

// Counts the lines of the module's trace that begin with `call`.
class Trace {
 public:
  Trace() { ::setenv("KMS_FAULT_TRACE", path().c_str(), 1); }
  ~Trace() { ::unsetenv("KMS_FAULT_TRACE"); }
  std::string path() const { return folder_.path() + "/trace"; }
  int Count(const std::string& call) const {
    std::ifstream file(path());
    int count = 0;
    for (std::string line; std::getline(file, line);) count += line.starts_with(call);
    return count;
  }

 private:
  const ScratchDirectory folder_;
};

class HsmFaultsTest : public ::testing::Test {
 protected:
  static void Configure(Pkcs11Config& config) {
    config.module = SoftToken::FaultModule();
    config.probe_interval_millis = 20;
    config.call_timeout_millis = 2000;
    config.sessions = 3;
  }

  // Keys of each kind, loaded, with something that each has made.
  struct Loaded {
    std::shared_ptr<SymmetricKey> aes, sm4;
    std::shared_ptr<PrivateKey> rsa, sm2;
    std::shared_ptr<PublicKey> rsa_public, sm2_public;
    Bytes aes_sealed, sm4_sealed, encrypted;
  };

  Loaded Load() {
    Loaded keys;
    CryptoBackend& backend = hsm_.backend();
    const auto symmetric = [&](KeySpec spec) {
      const WrappedKey made = backend.Generate(spec, kPlace).value();
      return backend.LoadSymmetric(spec, kPlace, made.sealed).value();
    };
    keys.aes = symmetric(KeySpec::kAes256);
    keys.sm4 = symmetric(KeySpec::kSm4);
    const WrappedKey rsa = backend.Generate(KeySpec::kRsa2048, kPlace).value();
    const WrappedKey sm2 = backend.Generate(KeySpec::kSm2, kPlace).value();
    keys.rsa = backend.LoadPrivate(KeySpec::kRsa2048, kPlace, rsa.sealed).value();
    keys.sm2 = backend.LoadPrivate(KeySpec::kSm2, kPlace, sm2.sealed).value();
    keys.rsa_public = backend.LoadPublic(rsa.public_key).value();
    keys.sm2_public = backend.LoadPublic(sm2.public_key).value();
    keys.aes_sealed = keys.aes->Seal({}, {}, text_).value();
    keys.sm4_sealed = keys.sm4->Seal({}, {}, text_).value();
    keys.encrypted =
        keys.rsa_public->Encrypt(EncryptionAlgorithm::kRsaOaepSha256, text_).value();
    return keys;
  }

  // Uses every key once. Every answer is right, or kHsmUnavailable; `all_right` is
  // cleared by the latter.
  void UseOnce(const Loaded& keys, std::atomic<bool>& all_right) {
    const auto check = [&](const auto& result, const auto& is_right) {
      if (result) {
        if (!is_right(*result)) ADD_FAILURE() << "a wrong answer";
      } else {
        all_right = false;
        EXPECT_THAT(result, Fails(Reason::kHsmUnavailable));
      }
    };
    const auto is_text = [&](const SecretBytes& opened) {
      return std::ranges::equal(opened.Reveal(), text_);
    };
    const Bytes digest(32, 7);
    check(keys.aes->Open({}, {}, keys.aes_sealed), is_text);
    check(keys.sm4->Open({}, {}, keys.sm4_sealed), is_text);
    check(keys.rsa->Decrypt(EncryptionAlgorithm::kRsaOaepSha256, keys.encrypted),
          is_text);
    check(keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, digest),
          [&](const Bytes& signature) {
            return keys.rsa_public
                ->Verify(SignatureAlgorithm::kRsaPssSha256, digest, signature)
                .value();
          });
    check(keys.sm2->Sign(SignatureAlgorithm::kSm2, digest), [&](const Bytes& signature) {
      return keys.sm2_public->Verify(SignatureAlgorithm::kSm2, digest, signature).value();
    });
    // What was sealed while the token misbehaved must open when it does not.
    const auto sealed = keys.aes->Seal({}, {}, text_);
    if (!sealed) {
      all_right = false;
      EXPECT_THAT(sealed, Fails(Reason::kHsmUnavailable));
    } else {
      const std::lock_guard lock(mutex_);
      sealed_.push_back(*sealed);
    }
  }

  bool AllRight(const Loaded& keys) {
    std::atomic<bool> right = true;
    UseOnce(keys, right);
    return right;
  }

  // Everything that was sealed meanwhile opens.
  void ExpectNothingLost(const Loaded& keys) {
    for (const Bytes& sealed : sealed_) {
      const auto opened = keys.aes->Open({}, {}, sealed);
      ASSERT_OK(opened);
      EXPECT_TRUE(std::ranges::equal(opened->Reveal(), text_));
    }
    sealed_.clear();
  }

  const Bytes text_ = {1, 2, 3, 4, 5};
  std::mutex mutex_;
  std::vector<Bytes> sealed_;
  Trace trace_;
  FaultRules rules_;
  SoftHsm hsm_{Configure};
};

TEST_F(HsmFaultsTest, AnswersAreRightOrUnavailableUnderLoad) {
  const Loaded keys = Load();
  std::atomic<bool> stop = false;
  std::vector<std::thread> users;
  for (int i = 0; i < 4; ++i)
    users.emplace_back([&] {
      std::atomic<bool> ignored = true;
      while (!stop) UseOnce(keys, ignored);
    });

  std::vector<std::string> rules;
  for (const char* call : {"C_Encrypt", "C_EncryptInit", "C_Decrypt", "C_DecryptInit",
                           "C_Sign", "C_SignInit", "C_UnwrapKey", "C_DeriveKey",
                           "C_OpenSession", "C_GetAttributeValue", "C_Login"})
    for (const char* code : {"CKR_GENERAL_ERROR", "CKR_DEVICE_ERROR",
                             "CKR_DEVICE_REMOVED", "CKR_SESSION_HANDLE_INVALID",
                             "CKR_USER_NOT_LOGGED_IN", "CKR_OBJECT_HANDLE_INVALID",
                             "CKR_CRYPTOKI_NOT_INITIALIZED", "CKR_DEVICE_MEMORY"})
      rules.push_back(std::string(call) + " return " + code + " times=3");
  for (const char* rule :
       {"C_Decrypt short 1 times=3", "C_Decrypt long 1 times=3",
        "C_Decrypt empty times=3", "C_Encrypt short 1 times=3",
        "C_Encrypt long 9 times=3", "C_Encrypt empty times=3", "C_Sign short 1 times=3",
        "C_Sign long 1 times=3", "C_Sign empty times=3",
        "C_Encrypt lose-sessions times=1", "C_Decrypt logout times=1",
        "C_Sign lose-sessions times=2", "* delay 1 times=100"})
    rules.emplace_back(rule);
  for (const std::string& rule : rules) {
    SCOPED_TRACE(rule);
    rules_.Set({rule});
    // Until the load has met it, as far as its call is used at all; then it is over.
    std::this_thread::sleep_for(15ms);
    rules_.Clear();
    ASSERT_TRUE(Eventually([&] { return hsm_.backend().Check() && AllRight(keys); }));
  }
  rules_.Set({"* vanish"});
  EXPECT_TRUE(Eventually([&] { return !hsm_.backend().Check(); }));
  rules_.Clear();
  EXPECT_TRUE(Eventually([&] { return hsm_.backend().Check() && AllRight(keys); }));
  stop = true;
  for (std::thread& user : users) user.join();
  ExpectNothingLost(keys);
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
  ASSERT_TRUE(Eventually([&] { return hsm_.backend().Check() && AllRight(keys); }));
}

TEST_F(HsmFaultsTest, AHangHoldsUpNobodyForLong) {
  hsm_.Close();
  hsm_.SetChange([](Pkcs11Config& config) {
    Configure(config);
    config.call_timeout_millis = 300;
  });
  ASSERT_OK(hsm_.Open());
  const Loaded keys = Load();
  rules_.Set({"C_Sign hang"});
  // More callers than there are sessions: all come back.
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i)
    callers.emplace_back([&] {
      EXPECT_THAT(keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Bytes(32, 1)),
                  Fails(Reason::kHsmUnavailable));
    });
  for (std::thread& caller : callers) caller.join();
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_FALSE(status.up);
  EXPECT_GE(status.hanging, 1u);
  EXPECT_LE(status.hanging, 3u);  // as many as there are sessions
  EXPECT_THAT(status.reason, HasSubstr("does not come back"));
  // At once: nothing more goes into the module.
  const int before = trace_.Count("");
  EXPECT_THAT(keys.aes->Seal({}, {}, text_), Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(keys.sm4->Seal({}, {}, text_), Fails(Reason::kHsmUnavailable));
  EXPECT_EQ(trace_.Count(""), before);
  rules_.Clear();
  ASSERT_TRUE(Eventually([&] { return hsm_.backend().Check() && AllRight(keys); }));
  EXPECT_EQ(hsm_.hsm().Status().hanging, 0u);
  EXPECT_GE(hsm_.hsm().Status().reconnects, 1u);
}

using HsmFaultsDeathTest = HsmFaultsTest;

// In a process of its own, which ends as kmsd does.
TEST_F(HsmFaultsDeathTest, ClosingWhileACallHangsIsSaid) {
  hsm_.Close();
  EXPECT_EXIT(
      {
        hsm_.SetChange([](Pkcs11Config& config) {
          Configure(config);
          config.call_timeout_millis = 1500;
        });
        hsm_.Open().value();
        const Loaded keys = Load();
        rules_.Set({"C_Sign hang"});
        const auto hung = keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Bytes(32, 1));
        const bool closed = hsm_.hsm().Close();
        ::_exit(!hung && !closed ? 42 : 1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST_F(HsmFaultsTest, GarbageFromClientsDoesNotTakeTheTokenDown) {
  const Loaded keys = Load();
  for (int i = 0; i < 3000; ++i) {
    Bytes bad = keys.aes_sealed;
    bad[static_cast<std::size_t>(i) % bad.size()] ^= 1;
    ASSERT_THAT(keys.aes->Open({}, {}, bad), Fails(Reason::kBadCiphertext));
  }
  EXPECT_TRUE(AllRight(keys));
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_TRUE(status.up);
  EXPECT_EQ(status.reconnects, 0u);
  EXPECT_EQ(status.failures, 0u);
}

TEST_F(HsmFaultsTest, ALoadedKeyIsNotSearchedFor) {
  const Loaded keys = Load();
  ASSERT_TRUE(AllRight(keys));
  const auto searches = [&] {
    return trace_.Count("C_FindObjects") + trace_.Count("C_Login") +
           trace_.Count("C_UnwrapKey") + trace_.Count("C_DeriveKey");
  };
  // Each of the three sessions has been used, and each sealer has its key.
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(AllRight(keys));
  const int before = searches();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(AllRight(keys));
  EXPECT_EQ(searches(), before);
}

TEST_F(HsmFaultsTest, ARefusedPinIsNotTriedAgain) {
  const Loaded keys = Load();
  rules_.Set({"* vanish"});
  ASSERT_TRUE(Eventually([&] { return !hsm_.backend().Check(); }));
  const int before = trace_.Count("C_Login");
  rules_.Set({"C_Login return CKR_PIN_INCORRECT"});
  ASSERT_TRUE(Eventually(
      [&] { return hsm_.hsm().Status().reason.find("PIN") != std::string::npos; }));
  std::this_thread::sleep_for(200ms);  // ten probes
  EXPECT_EQ(trace_.Count("C_Login"), before + 1);
  EXPECT_THAT(keys.aes->Seal({}, {}, text_), Fails(Reason::kHsmUnavailable));
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

// Every call that an action makes fails once, one after the other. The action then says
// so, or has been put right; done again it succeeds, and leaves nothing behind.
TEST_F(HsmFaultsTest, TheNthCallFails) {
  const std::string fault = "CKR_DEVICE_MEMORY";
  const auto actions = std::vector<std::pair<std::string, std::function<Result<void>()>>>{
      {"generate AES",
       [&]() -> Result<void> {
         KMS_TRY(const WrappedKey made,
                 hsm_.backend().Generate(KeySpec::kAes256, kPlace));
         KMS_TRY(const auto key,
                 hsm_.backend().LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed));
         KMS_TRY(const Bytes sealed, key->Seal({}, {}, text_));
         KMS_TRY(const SecretBytes opened, key->Open({}, {}, sealed));
         EXPECT_TRUE(std::ranges::equal(opened.Reveal(), text_));
         return {};
       }},
      {"generate RSA",
       [&]() -> Result<void> {
         KMS_TRY(const WrappedKey made,
                 hsm_.backend().Generate(KeySpec::kRsa2048, kPlace));
         return {};
       }},
      {"import", [&]() -> Result<void> {
         KMS_TRY(const WrappedKey made,
                 hsm_.backend().Import(KeySpec::kAes256, kPlace,
                                       SecretBytes::CopyOf(Bytes(32, 3))));
         return {};
       }}};
  for (const auto& [name, act] : actions) {
    int failed = 0;
    for (int n = 0;; ++n) {
      SCOPED_TRACE(name + ", call " + std::to_string(n));
      ASSERT_LT(n, 200);
      const int before = trace_.Count("");
      rules_.Set({"* return " + fault + " skip=" + std::to_string(n) + " times=1"});
      const auto result = act();
      rules_.Clear();
      if (!result) {
        ++failed;
        EXPECT_NE(result.error().error_class(), ErrorClass::kAuthFailed);
      }
      ASSERT_TRUE(Eventually([&] { return hsm_.backend().Check().has_value(); }));
      ASSERT_OK(act());
      // A rule beyond what the action calls was met by nobody, or by a probe.
      if (result && n > 12 && trace_.Count("") > before && failed > 0 && n > 40) break;
    }
    EXPECT_GT(failed, 0);
  }
  // Nothing is left in the token but its root.
  const Pkcs11Status status = hsm_.hsm().Status();
  EXPECT_TRUE(status.up);
}

}  // namespace
}  // namespace kms::testing
