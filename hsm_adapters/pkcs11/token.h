// Token: one token, logged in to, kept alive. Calls run on its own threads, and come back
// in time or are given up; or on their callers', who have asked for it. Never are there
// more in the module than the token has sessions.
//
// What goes wrong is put right here, once for each call: a lost session is opened again,
// a lost login made again, lost objects are made again by whoever asks for them
// (TokenKey), and a token that is gone is looked for until it is back, while calls fail
// at once. A probe, run every second, notices what no call has met.
//
// Threads: everything may be used from many threads at once.

#ifndef KMS_PKCS11_TOKEN_H_
#define KMS_PKCS11_TOKEN_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "hsm_adapters/pkcs11/session.h"
#include "kms/pkcs11.h"

namespace kms::pkcs11 {

class TokenCore;

// For how long a thread has been inside the module, for whoever wants to know whether it
// hangs there. Waiting for other threads does not count.
class Stopwatch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  void Start() { since_ = std::chrono::steady_clock::now(); }
  void Stop() { since_ = Time::max(); }
  bool RunsSince(Time then) const { return since_.load() < then; }

 private:
  std::atomic<Time> since_{Time::max()};
};

// How sessions are opened.
inline CK_FLAGS SessionFlags(const Pkcs11Config& config) {
  return CKF_SERIAL_SESSION | (config.use_only ? 0 : CKF_RW_SESSION);
}

// How a module is reached, as long as nobody puts anything right.
struct Connection {
  CK_FUNCTION_LIST& functions;
  CK_SLOT_ID slot;
  CK_FLAGS session_flags;
  CK_SESSION_HANDLE keeper;
  std::mutex& keeper_mutex;
  std::uint64_t epoch;
};

// What a call has at hand while it runs.
class Access {
 public:
  Access(const Connection& connection, CK_SESSION_HANDLE session, Stopwatch& stopwatch,
         bool doubted = false)
      : connection_(connection),
        stopwatch_(stopwatch),
        session_(connection.functions, session, fault_),
        keeper_(connection.functions, connection.keeper, fault_),
        doubted_(doubted) {}
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // The session of this thread, for computing.
  Session& session() { return session_; }

  // Lock waits for `mutex`, which may be held by a thread that is in the module: that one
  // may hang there, not the one that waits.
  std::unique_lock<std::mutex> Lock(std::mutex& mutex) {
    std::unique_lock lock(mutex, std::try_to_lock);
    if (lock) return lock;
    stopwatch_.Stop();
    lock.lock();
    stopwatch_.Start();
    return lock;
  }

  // The session that all session objects belong to. Modules are at their weakest where
  // objects come and go, so that one thread at a time does that.
  class Keeper {
   public:
    explicit Keeper(Access& access)
        : lock_(access.Lock(access.connection_.keeper_mutex)), session_(access.keeper_) {}
    Session* operator->() { return &session_; }

   private:
    std::unique_lock<std::mutex> lock_;
    Session& session_;
  };
  Keeper Keep() { return Keeper(*this); }

  // Handles of one epoch mean nothing in another.
  std::uint64_t epoch() const { return connection_.epoch; }

  // A session for one thing, closed at its end, whatever state that leaves it in.
  class Scratch {
   public:
    explicit Scratch(Access& access);
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    bool open() const { return handle_ != CK_INVALID_HANDLE; }
    Session* operator->() { return &session_; }

   private:
    const Connection& connection_;
    const CK_SESSION_HANDLE handle_;
    Session session_;
  };

  // The last code that was not CKR_OK.
  CK_RV fault() const { return fault_; }

  // Settle says that the code was not the token's fault, but that of its input: nothing
  // is to be put right.
  void Settle() { settled_ = true; }
  bool settled() const { return settled_ || fault_ == CKR_OK; }

  // Doubt says that it may have been the one or the other: the call is made once more in
  // a new session, and then it is `doubted`.
  void Doubt() { doubts_ = true; }
  bool doubts() const { return doubts_ && !settled_; }
  bool doubted() const { return doubted_; }

 private:
  const Connection connection_;
  Stopwatch& stopwatch_;
  CK_RV fault_ = CKR_OK;
  bool settled_ = false;
  bool doubts_ = false;
  Session session_;
  Session keeper_;
  const bool doubted_;
};

// A session object of one call, destroyed at its end.
class ScopedObject {
 public:
  ScopedObject(Access& access, CK_OBJECT_HANDLE handle)
      : access_(access), handle_(handle) {}
  ~ScopedObject() { (void)access_.Keep()->Destroy(handle_); }
  ScopedObject(const ScopedObject&) = delete;
  ScopedObject& operator=(const ScopedObject&) = delete;
  CK_OBJECT_HANDLE handle() const { return handle_; }

 private:
  Access& access_;
  const CK_OBJECT_HANDLE handle_;
};

// A call that waits for its turn, or runs, or has been given up.
class Job {
 public:
  virtual ~Job();
  // Attempt runs the call, and keeps its result until the next attempt. True if there is
  // nothing to put right.
  virtual bool Attempt(Access& access) = 0;
  virtual void Refuse(Error error) = 0;

  void Finish();
  bool Wait(std::chrono::milliseconds patience);  // false: given up
  bool given_up() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;
  bool given_up_ = false;
};

class Token {
 public:
  // Open loads the module and logs in. `examine` is run with the token to itself
  // whenever it has been opened, before anybody else may use it; `probe` every
  // `probe_interval_millis`, and before a token is taken back. `kept` lives as long as a
  // module that hangs in Open.
  // Fails: kUnavailable, with a detail for the operator; what `examine` returns.
  using Use = std::function<Result<void>(Access&)>;
  static Result<std::unique_ptr<Token>> Open(const Pkcs11Config& config, Use examine,
                                             Use probe, std::shared_ptr<void> kept);
  ~Token();
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  // Call runs `call`, which takes an Access& and returns a Result, and may be run again
  // after a repair. It owns everything that it uses, because it may outlast the caller.
  // Fails: kHsmUnavailable if the token is down or does not answer in time.
  template <typename Fn>
  auto Call(Fn call) -> std::invoke_result_t<Fn&, Access&>;

  // Post runs `call` when there is time, if the token is up then.
  void Post(Use call);

  bool Has(CK_MECHANISM_TYPE mechanism, CK_FLAGS use) const;
  bool up() const;
  Error DownError() const;
  // Fills in what the token knows of itself.
  void Describe(Pkcs11Status* status) const;
  const Pkcs11Config& config() const;

  // Close ends the threads and finalizes the module; false if a call hangs.
  bool Close();

 private:
  explicit Token(std::shared_ptr<TokenCore> core);
  void Enqueue(std::shared_ptr<Job> job);
  std::optional<Error> Await(Job& job);
  void RunHere(Job& job);

  std::shared_ptr<TokenCore> core_;
};

// An object in the token. `ours` is a session object that somebody must destroy.
struct KeyObject {
  CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
  bool ours = true;
};

// A key inside the token: found or made when it is first used, and again whenever the
// token has lost it. A session object is destroyed with it.
class TokenKey {
 public:
  using Make = std::function<Result<KeyObject>(Access&)>;
  TokenKey(Token& token, Make make) : token_(token), make_(std::move(make)) {}
  ~TokenKey();
  TokenKey(const TokenKey&) = delete;
  TokenKey& operator=(const TokenKey&) = delete;

  Result<CK_OBJECT_HANDLE> Handle(Access& access);

 private:
  Token& token_;
  const Make make_;
  std::mutex mutex_;
  KeyObject object_;
  std::uint64_t epoch_ = 0;
};

template <typename Fn>
auto Token::Call(Fn call) -> std::invoke_result_t<Fn&, Access&> {
  using Answer = std::invoke_result_t<Fn&, Access&>;
  class CallJob final : public Job {
   public:
    explicit CallJob(Fn call) : call_(std::move(call)) {}
    bool Attempt(Access& access) override {
      answer_.emplace(call_(access));
      return answer_->has_value() || access.settled();
    }
    void Refuse(Error error) override { answer_.emplace(std::move(error)); }
    Answer Take() { return *std::move(answer_); }

   private:
    Fn call_;
    std::optional<Answer> answer_;
  };
  if (DirectCalls::Made()) {
    CallJob job(std::move(call));
    RunHere(job);
    return job.Take();
  }
  const auto job = std::make_shared<CallJob>(std::move(call));
  Enqueue(job);
  if (auto late = Await(*job)) return *std::move(late);
  return job->Take();
}

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_TOKEN_H_
