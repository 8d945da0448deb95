// KmsTest: a Kms over a memory store, with a clock that the test owns and a store that
// can be told to fail.

#ifndef KMS_TESTS_KEYS_FIXTURE_H_
#define KMS_TESTS_KEYS_FIXTURE_H_

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kms/kms.h"
#include "support/faulty_key_store.h"
#include "support/matchers.h"

namespace kms::testing {

inline constexpr UnixMillis kDay = 24LL * 60 * 60 * 1000;
inline constexpr EncryptionAlgorithm kOaepSha256 = EncryptionAlgorithm::kRsaOaepSha256;
inline constexpr EncryptionAlgorithm kPkcs1v15 = EncryptionAlgorithm::kRsaPkcs1;
inline constexpr UnixMillis kStart = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

// Keeps what it is handed.
class RecordingSink final : public AuditSink {
 public:
  Result<void> Write(std::span<const AuditEvent> events) override {
    if (fails) return Reason::kStoreUnavailable;
    written.insert(written.end(), events.begin(), events.end());
    return {};
  }
  std::vector<AuditEvent> written;
  bool fails = false;
};

class KmsTest : public ::testing::Test {
 protected:
  KmsTest() { Reopen(); }

  // Opens the Kms anew on the same store, as a restarted process does.
  void Reopen() {
    kms = Kms::Open({.store = store,
                     .root = *root,
                     .software = *backend,
                     .hsm = hsm,
                     .policy = *policy,
                     .clock = clock,
                     .limits = limits})
              .value();
  }

  static RequestContext ContextOf(const std::string& account,
                                  const std::string& region = "region-1") {
    RequestContext context;
    context.principal = {account, account + "-root", account + "-ak", true};
    context.region = region;
    context.operation = "test";
    return context;
  }

  // Runs due work as a server does that has been up for a while.
  DueWork RunDueWork() {
    (void)kms->RunDueWork().value();
    steady_clock_passes();
    return kms->RunDueWork().value();
  }
  void steady_clock_passes() { clock.Advance(limits.steady_millis); }

  std::string MakeKey(const NewKey& wanted = {}) {
    return kms->keys().Create(me, wanted).value().id;
  }
  KeyState StateOf(std::string_view key) {
    return kms->keys().Describe(me, key).value().state;
  }
  std::string VersionOf(std::string_view key) {
    return kms->versions().List(me, key, {}).value().items.at(0).id;
  }

  std::unique_ptr<KeyStore> memory = NewMemoryKeyStore();
  FaultyKeyStore store{*memory};
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewBotanBackend(*root);
  CryptoBackend* hsm = nullptr;  // none; set it, and Reopen
  std::unique_ptr<Policy> policy = NewRootPolicy();
  FixedClock clock{kStart};
  Limits limits;
  std::unique_ptr<Kms> kms;
  RequestContext me = ContextOf("account-1");
};

inline ByteView View(const std::string& text) { return AsBytes(text); }

inline bool Holds(const SecretBytes& secret, std::string_view text) {
  return ConstantTimeEqual(secret.Reveal(), AsBytes(text));
}

}  // namespace kms::testing

#endif  // KMS_TESTS_KEYS_FIXTURE_H_
