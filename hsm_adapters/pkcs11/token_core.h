// TokenCore: what the threads of a Token share. It lives as long as the last of them,
// because a thread that hangs in the module cannot be ended.

#ifndef KMS_PKCS11_TOKEN_CORE_H_
#define KMS_PKCS11_TOKEN_CORE_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hsm_adapters/pkcs11/gate.h"
#include "hsm_adapters/pkcs11/module.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/slots.h"
#include "hsm_adapters/pkcs11/token.h"

namespace kms::pkcs11 {

class TokenCore : public std::enable_shared_from_this<TokenCore> {
 public:
  TokenCore(const Pkcs11Config& config, Token::Use examine, Token::Use probe);

  // The first connection; then the threads may start. `kept` lives as long as a module
  // that hangs in it.
  Result<void> Connect(std::shared_ptr<void> kept);
  void Start();
  bool Close();

  void Enqueue(std::shared_ptr<Job> job);
  void RunHere(Job& job);
  void Post(Token::Use call);
  void MarkDown(std::string reason);
  // For a caller whose patience is over: marks the token down if a call hangs in it, and
  // returns what to tell.
  Error GivenUp();
  Error DownError() const;

  bool up() const { return up_; }
  bool Has(CK_MECHANISM_TYPE mechanism, CK_FLAGS use) const;
  void Describe(Pkcs11Status* status) const;
  const Pkcs11Config& config() const { return config_; }
  std::chrono::milliseconds patience() const {
    return std::chrono::milliseconds(config_.call_timeout_millis);
  }

 private:
  // A session, and whoever is inside the module with it.
  struct Slot {
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    std::uint64_t generation = 0;  // that the session is of
    Stopwatch stopwatch;
  };

  Connection Reach() {
    return {module_->functions(), slot_, SessionFlags(config_), keeper_,
            keeper_mutex_,        epoch_};
  }
  CK_RV NewSession(CK_SESSION_HANDLE* session);
  void Work();
  void Serve(Slot& slot, Job& job);
  void GiveBack(Slot& slot);
  Result<void> OpenSession(Slot& slot, CK_RV* fault);
  // Puts right what `fault` says; true if the call may be tried again.
  bool Repair(CK_RV fault, std::uint64_t epoch, Stopwatch& stopwatch);
  std::size_t Hanging() const;
  void LookNow();
  void Watch();
  void Probe();
  void Reload();

  // With the token to oneself:
  Result<void> ConnectNow(Stopwatch& stopwatch);
  Result<void> LogIn();
  Result<CK_SLOT_ID> FindSlot();
  Result<void> CheckMechanisms();
  Result<void> OpenKeeper();
  void CloseSessions();
  Result<void> Examine(Stopwatch& stopwatch);

  const Pkcs11Config config_;
  const Token::Use examine_;
  const Token::Use probe_;
  std::unique_ptr<Module> module_;
  UseGate gate_;  // many for calls, alone for whoever puts things right

  // Written alone.
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE keeper_ = CK_INVALID_HANDLE;
  std::atomic<std::uint64_t> epoch_{0};  // of object handles
  std::uint64_t generation_ = 0;         // of session handles
  bool pin_refused_ = false;
  std::string serial_;     // of the token that was opened first
  Mechanisms mechanisms_;  // that it had then; written before the threads start

  std::mutex keeper_mutex_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;       // the threads: a job and a slot for it
  std::condition_variable slot_wake_;  // callers that go in themselves
  std::condition_variable watch_wake_;
  std::condition_variable ended_;
  std::deque<std::shared_ptr<Job>> jobs_;
  std::vector<Slot*> free_;
  std::size_t running_ = 0;  // threads
  bool stopping_ = false;
  bool look_now_ = false;
  bool watch_ended_ = true;
  std::string reason_;
  Pkcs11Status facts_;  // of the token

  std::atomic<bool> up_{false};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> reconnects_{0};
  std::vector<std::unique_ptr<Slot>> slots_;  // as many as sessions
  std::vector<std::thread> threads_;
  std::thread watcher_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_TOKEN_CORE_H_
