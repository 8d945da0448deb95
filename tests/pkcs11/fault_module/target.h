// Target: the module behind the fault module.
//
// SoftHSM frees sessions and objects that other threads still use when sessions are
// closed under them, so everything that closes sessions of others has the target alone.

#ifndef KMS_TESTS_PKCS11_FAULT_MODULE_TARGET_H_
#define KMS_TESTS_PKCS11_FAULT_MODULE_TARGET_H_

#include <p11-kit/pkcs11.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "rules.h"

namespace kms::fault {

class Target {
 public:
  // Load opens the library that KMS_FAULT_MODULE_TARGET names, once.
  CK_RV Load();
  bool loaded() const { return functions_.load() != nullptr; }
  CK_FUNCTION_LIST& functions() const { return *functions_.load(); }

  // Share is for calls that leave the sessions of others alone, Own for the rest.
  std::shared_lock<std::shared_mutex> Share();
  std::unique_lock<std::shared_mutex> Own();

  // Follow closes all sessions when the rules take the token away or bring it back, and
  // tells whether it did.
  bool Follow(const RuleSet& rules);

  void LoseSessions();
  void Logout();

 private:
  std::vector<CK_SLOT_ID> Slots() const;
  void CloseEverySession();

  std::mutex load_mutex_;
  std::atomic<CK_FUNCTION_LIST*> functions_ = nullptr;
  std::mutex turnstile_;  // so that those who share do not starve those who own
  std::shared_mutex calls_;
  std::atomic<std::uint64_t> followed_ = 0;  // the generation of rules
  bool vanished_ = false;                    // by calls_
};

}  // namespace kms::fault

#endif  // KMS_TESTS_PKCS11_FAULT_MODULE_TARGET_H_
