// HsmFaultsTest: Pkcs11Hsm behind a module that fails on command, and keys of each kind
// to use with it.

#ifndef KMS_TESTS_PKCS11_HSM_FAULTS_H_
#define KMS_TESTS_PKCS11_HSM_FAULTS_H_

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pkcs11/call_trace.h"
#include "pkcs11/fault_rules.h"
#include "pkcs11/outsider.h"
#include "pkcs11/soft_hsm.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {

inline constexpr Place kPlace{"account", "key", "1", "material", "one"};
inline constexpr int kHourMillis = 3'600'000;

// Waits for something that another thread brings about.
inline bool Eventually(const std::function<bool()>& happened) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < until) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

class HsmFaultsTest : public ::testing::Test {
 protected:
  // Patient, because an RSA key may take long to make.
  static void Configure(Pkcs11Config& config) {
    config.module = SoftToken::FaultModule();
    config.probe_interval_millis = 20;
    config.call_timeout_millis = 30'000;
    config.sessions = 3;
  }

  // Opens the adapter anew, configured as above and then by `change`.
  void Reopen(const SoftHsm::Change& change = {}) {
    hsm_.Close();
    hsm_.SetChange([change](Pkcs11Config& config) {
      Configure(config);
      if (change) change(config);
    });
    ASSERT_OK(hsm_.Open());
  }

  // Opens it anew with a token that is looked at only when a call gives cause.
  void ReopenUnprobed(int sessions = 3) {
    Reopen([sessions](Pkcs11Config& config) {
      config.probe_interval_millis = kHourMillis;
      config.sessions = sessions;
    });
  }

  // Keys of each kind, as they are stored.
  struct Made {
    WrappedKey aes, sm4, rsa, sm2;
  };

  // They loaded, with something that each has made.
  struct Loaded {
    Made made;
    std::shared_ptr<SymmetricKey> aes, sm4;
    std::shared_ptr<PrivateKey> rsa, sm2;
    std::shared_ptr<PublicKey> rsa_public, sm2_public;
    Bytes aes_sealed, sm4_sealed, encrypted;
  };

  Made Make() {
    CryptoBackend& backend = hsm_.backend();
    return {backend.Generate(KeySpec::kAes256, kPlace).value(),
            backend.Generate(KeySpec::kSm4, kPlace).value(),
            backend.Generate(KeySpec::kRsa2048, kPlace).value(),
            backend.Generate(KeySpec::kSm2, kPlace).value()};
  }

  Loaded Load(const Made& made) {
    CryptoBackend& backend = hsm_.backend();
    Loaded keys;
    keys.made = made;
    keys.aes = backend.LoadSymmetric(KeySpec::kAes256, kPlace, made.aes.sealed).value();
    keys.sm4 = backend.LoadSymmetric(KeySpec::kSm4, kPlace, made.sm4.sealed).value();
    keys.rsa = backend.LoadPrivate(KeySpec::kRsa2048, kPlace, made.rsa.sealed).value();
    keys.sm2 = backend.LoadPrivate(KeySpec::kSm2, kPlace, made.sm2.sealed).value();
    keys.rsa_public = backend.LoadPublic(made.rsa.public_key).value();
    keys.sm2_public = backend.LoadPublic(made.sm2.public_key).value();
    keys.aes_sealed = keys.aes->Seal({}, {}, text_).value();
    keys.sm4_sealed = keys.sm4->Seal({}, {}, text_).value();
    keys.encrypted =
        keys.rsa_public->Encrypt(EncryptionAlgorithm::kRsaOaepSha256, text_).value();
    return keys;
  }
  Loaded Load() { return Load(Make()); }

  bool IsText(const SecretBytes& opened) const {
    return std::ranges::equal(opened.Reveal(), text_);
  }

  // An answer is right, or kHsmUnavailable. Returns whether it is the former.
  template <typename T, typename IsRight>
  static bool Check(const Result<T>& answer, const IsRight& is_right) {
    if (!answer) {
      EXPECT_THAT(answer, Fails(Reason::kHsmUnavailable));
      return false;
    }
    const bool right = is_right(*answer);
    EXPECT_TRUE(right) << "a wrong answer";
    return right;
  }

  // Uses every key once, and checks the answers. Returns whether all are right.
  bool Use(const Loaded& keys) const {
    const auto is_text = [&](const SecretBytes& opened) { return IsText(opened); };
    const auto verifies = [](PublicKey& key, SignatureAlgorithm algorithm) {
      return [&key, algorithm](const Bytes& signature) {
        return key.Verify(algorithm, Digest(), signature).value();
      };
    };
    bool right = Check(keys.aes->Open({}, {}, keys.aes_sealed), is_text);
    right &= Check(keys.sm4->Open({}, {}, keys.sm4_sealed), is_text);
    right &= Check(keys.rsa->Decrypt(EncryptionAlgorithm::kRsaOaepSha256, keys.encrypted),
                   is_text);
    right &= Check(keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Digest()),
                   verifies(*keys.rsa_public, SignatureAlgorithm::kRsaPssSha256));
    right &= Check(keys.sm2->Sign(SignatureAlgorithm::kSm2, Digest()),
                   verifies(*keys.sm2_public, SignatureAlgorithm::kSm2));
    right &= Check(keys.aes->Seal({}, {}, text_), [](const Bytes&) { return true; });
    return right;
  }

  // Uses of keys that the token computes with, each by the call that it begins
  // with. None of these twice in a row, so that each rule for it is a new one.
  using Uses = std::vector<std::pair<std::string, std::function<Result<void>()>>>;
  Uses UsesOf(const Loaded& keys) const {
    const auto once = [](auto use) -> std::function<Result<void>()> {
      return [use]() -> Result<void> {
        KMS_TRY([[maybe_unused]] const auto answer, use());
        return {};
      };
    };
    return {
        {"C_EncryptInit", once([&] { return keys.aes->Seal({}, {}, text_); })},
        {"C_DecryptInit", once([&] { return keys.aes->Open({}, {}, keys.aes_sealed); })},
        {"C_SignInit", once([&] {
           return keys.rsa->Sign(SignatureAlgorithm::kRsaPssSha256, Digest());
         })},
        {"C_DecryptInit", once([&] {
           return keys.rsa->Decrypt(EncryptionAlgorithm::kRsaOaepSha256, keys.encrypted);
         })}};
  }

  // Whether the token is in service, and does what it is asked.
  bool IsWell(const Loaded& keys) { return hsm_.backend().Check() && Use(keys); }

  static Bytes Digest() { return Bytes(32, 7); }

  // The objects in the token while the adapter is open. Past the rules and the trace; the
  // adapter must be at rest.
  std::size_t CountObjects() {
    return Outsider(*FunctionsOf(SoftToken::Module())).Objects().size();
  }

  // What is in the token when the adapter is closed, which it is then.
  std::size_t CountTokenObjects() {
    hsm_.Close();
    return Outsider(
               PrepareSoftHsm({.folder = hsm_.folder(), .module = {}}, false).value())
        .Objects()
        .size();
  }

  const Bytes text_ = {1, 2, 3, 4, 5};
  CallTrace trace_;
  FaultRules rules_;
  SoftHsm hsm_{Configure};
};

}  // namespace kms::testing

#endif  // KMS_TESTS_PKCS11_HSM_FAULTS_H_
