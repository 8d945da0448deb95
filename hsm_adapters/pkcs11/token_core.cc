#include "hsm_adapters/pkcs11/token_core.h"

#include <algorithm>
#include <exception>
#include <future>
#include <utility>

namespace kms::pkcs11 {
namespace {

// Each kind of trouble is put right once in a call; they may come one after another:
// session, login, objects.
constexpr int kMaxAttempts = 4;
// Opening a token takes several calls.
constexpr int kCallsToConnect = 3;
constexpr const char* kHangs = "a call into the module does not come back";

// No exception leaves a thread: at worst memory has run out.
bool Attempt(Job& job, Access& access) {
  try {
    return job.Attempt(access);
  } catch (const std::exception& e) {
    job.Refuse(Error(Reason::kInternal, e.what()));
    access.Settle();
    return true;
  }
}

// Posted calls have nobody to tell.
class PostedJob final : public Job {
 public:
  explicit PostedJob(Token::Use call) : call_(std::move(call)) {}
  bool Attempt(Access& access) override {
    (void)call_(access);
    return true;
  }
  void Refuse(Error) override {}

 private:
  const Token::Use call_;
};

Pkcs11Config CopyOf(const Pkcs11Config& config) {
  Pkcs11Config copy;
  copy.module = config.module;
  copy.token = config.token;
  copy.serial = config.serial;
  copy.pin = config.pin.Clone();
  copy.sessions = std::clamp(config.sessions, 1, 64);
  copy.call_timeout_millis = std::max(config.call_timeout_millis, 1);
  copy.probe_interval_millis = std::max(config.probe_interval_millis, 1);
  copy.sync_folder = config.sync_folder;
  copy.vendor = config.vendor;
  copy.copy_token_objects = config.copy_token_objects;
  copy.use_only = config.use_only;
  return copy;
}

}  // namespace

TokenCore::TokenCore(const Pkcs11Config& config, Token::Use examine, Token::Use probe)
    : config_(CopyOf(config)), examine_(std::move(examine)), probe_(std::move(probe)) {}

Result<void> TokenCore::Connect(std::shared_ptr<void> kept) {
  // On a thread of its own, because a module may hang here, too.
  auto promise = std::make_shared<std::promise<Result<void>>>();
  auto connected = promise->get_future();
  std::thread connecting([self = shared_from_this(), promise, kept = std::move(kept)] {
    Stopwatch stopwatch;
    promise->set_value(self->ConnectNow(stopwatch));
  });
  if (connected.wait_for(patience() * kCallsToConnect) != std::future_status::ready) {
    connecting.detach();
    return Failed("the module does not come back from the opening of the token");
  }
  connecting.join();
  KMS_CHECK_OK(connected.get());
  up_ = true;
  return {};
}

Result<void> TokenCore::ConnectNow(Stopwatch& stopwatch) {
  KMS_TRY(module_, Module::Load(config_.module));
  KMS_TRY(slot_, FindSlot());
  KMS_TRY(mechanisms_, ReadMechanisms(module_->functions(), slot_));
  KMS_CHECK_OK(LogIn());
  return Examine(stopwatch);
}

void TokenCore::Start() {
  const auto self = shared_from_this();
  for (int i = 0; i < config_.sessions; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    free_.push_back(slots_.back().get());
  }
  running_ = slots_.size();
  for (std::size_t i = 0; i < slots_.size(); ++i)
    threads_.emplace_back([self] { self->Work(); });
  watch_ended_ = false;
  watcher_ = std::thread([self] { self->Watch(); });
}

bool TokenCore::Close() {
  std::deque<std::shared_ptr<Job>> left;
  bool clean = false;
  {
    std::unique_lock lock(mutex_);
    if (stopping_) return module_ == nullptr;
    stopping_ = true;
    up_ = false;
    reason_ = "it is being closed";
    left.swap(jobs_);
    wake_.notify_all();
    slot_wake_.notify_all();
    watch_wake_.notify_all();
  }
  // Before the wait for the threads, of which one may wait for one of these.
  for (const auto& job : left) {
    job->Refuse(DownError());
    job->Finish();
  }
  {
    std::unique_lock lock(mutex_);
    clean = ended_.wait_for(lock, patience(), [&] {
      return watch_ended_ && running_ == 0 && free_.size() == slots_.size();
    });
  }
  for (std::thread& thread : threads_)
    if (thread.joinable()) clean ? thread.join() : thread.detach();
  if (watcher_.joinable()) clean ? watcher_.join() : watcher_.detach();
  if (clean) {
    module_.reset();
  } else {
    module_->Abandon();
  }
  return clean;
}

void TokenCore::Enqueue(std::shared_ptr<Job> job) {
  if (up_) {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      jobs_.push_back(std::move(job));
      wake_.notify_one();
      return;
    }
  }
  job->Refuse(DownError());
  job->Finish();
}

void TokenCore::RunHere(Job& job) {
  Slot* slot = nullptr;
  {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return stopping_ || !up_ || !free_.empty(); };
    if (!ready()) slot_wake_.wait_for(lock, patience(), ready);
    if (up_ && !stopping_ && !free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    }
  }
  if (slot == nullptr) {
    job.Refuse(up_ ? GivenUp() : DownError());
    return;
  }
  Serve(*slot, job);
  GiveBack(*slot);
}

void TokenCore::GiveBack(Slot& slot) {
  bool for_thread = false;
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(&slot);
    for_thread = !jobs_.empty();
    if (stopping_) ended_.notify_all();
  }
  if (for_thread) wake_.notify_one();
  slot_wake_.notify_one();
}

void TokenCore::Post(Token::Use call) {
  if (up_) Enqueue(std::make_shared<PostedJob>(std::move(call)));
}

void TokenCore::MarkDown(std::string reason) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  reason_ = std::move(reason);
  up_ = false;
  slot_wake_.notify_all();
}

std::size_t TokenCore::Hanging() const {
  // Somewhat sooner than the caller that waits for it gives up.
  const auto since = std::chrono::steady_clock::now() - patience() * 3 / 4;
  return static_cast<std::size_t>(std::ranges::count_if(
      slots_, [&](const auto& slot) { return slot->stopwatch.RunsSince(since); }));
}

Error TokenCore::GivenUp() {
  if (Hanging() == 0) return Failed("the token has too much to do");
  MarkDown(kHangs);
  return DownError();
}

Error TokenCore::DownError() const {
  const std::lock_guard lock(mutex_);
  return Failed("the token is not available: " + reason_);
}

bool TokenCore::Has(CK_MECHANISM_TYPE mechanism, CK_FLAGS use) const {
  const auto found = mechanisms_.find(mechanism);
  return found != mechanisms_.end() && (found->second & use) == use;
}

void TokenCore::Describe(Pkcs11Status* status) const {
  status->up = up_;
  status->calls = calls_;
  status->failures = failures_;
  status->reconnects = reconnects_;
  status->hanging = Hanging();
  const std::lock_guard lock(mutex_);
  status->reason = up_ ? "" : reason_;
  status->token = facts_.token;
  status->serial = facts_.serial;
  status->manufacturer = facts_.manufacturer;
  status->model = facts_.model;
  status->firmware = facts_.firmware;
}

void TokenCore::Work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (jobs_.empty() || free_.empty()) {
      wake_.wait(lock);
      continue;
    }
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    Slot& slot = *free_.back();
    free_.pop_back();
    lock.unlock();
    if (!job->given_up()) Serve(slot, *job);
    job->Finish();
    job.reset();  // a key that goes with it posts a job
    GiveBack(slot);
    lock.lock();
  }
  --running_;
  ended_.notify_all();
}

void TokenCore::Serve(Slot& slot, Job& job) {
  bool doubted = false;
  for (int attempt = 1;; ++attempt) {
    CK_RV fault = CKR_OK;
    std::uint64_t epoch = 0;
    bool again = false;
    gate_.Enter();
    if (!up_) {
      gate_.Leave();
      job.Refuse(DownError());
      return;
    }
    epoch = epoch_;
    slot.stopwatch.Start();
    if (const auto opened = OpenSession(slot, &fault); !opened) {
      job.Refuse(opened.error());
    } else {
      Access access(Reach(), slot.session, slot.stopwatch, doubted);
      ++calls_;
      const bool settled = Attempt(job, access);
      fault = settled ? CKR_OK : access.fault();
      again = !settled && access.doubts() && attempt < kMaxAttempts;
      doubted = doubted || again;
      // A session in which something unexpected has happened is in a state that nobody
      // knows. The handle of one that is gone may be another's by now.
      if (access.fault() != CKR_OK) {
        if (access.fault() != CKR_SESSION_HANDLE_INVALID &&
            access.fault() != CKR_SESSION_CLOSED)
          module_->functions().C_CloseSession(slot.session);
        slot.session = CK_INVALID_HANDLE;
      }
    }
    slot.stopwatch.Stop();
    gate_.Leave();
    if (again) continue;
    if (fault == CKR_OK || RemedyOf(fault) == Remedy::kRefuse) return;
    ++failures_;
    if (attempt == kMaxAttempts || !Repair(fault, epoch, slot.stopwatch)) return;
  }
}

Result<void> TokenCore::OpenSession(Slot& slot, CK_RV* fault) {
  if (slot.session != CK_INVALID_HANDLE && slot.generation == generation_) return {};
  slot.session = CK_INVALID_HANDLE;
  *fault = NewSession(&slot.session);
  if (*fault != CKR_OK) return Failed("C_OpenSession", *fault);
  slot.generation = generation_;
  return {};
}

void TokenCore::LookNow() {
  const std::lock_guard lock(mutex_);
  look_now_ = true;
  watch_wake_.notify_all();
}

bool TokenCore::Repair(CK_RV fault, std::uint64_t epoch, Stopwatch& stopwatch) {
  switch (RemedyOf(fault)) {
    case Remedy::kNone:
    case Remedy::kRefuse:
      return false;
    case Remedy::kReport:
      // Perhaps the token's fault, perhaps the way of this one to say that what it was
      // given is wrong: the probe will tell.
      LookNow();
      return false;
    case Remedy::kReload:
      if (epoch != epoch_) return true;  // the token has been opened anew since
      MarkDown(NameOf(fault));
      LookNow();
      return false;
    case Remedy::kNewSession:
    case Remedy::kLogin:
    case Remedy::kNewObject:
      break;
  }
  if (!gate_.EnterAlone(patience())) {
    if (Hanging() != 0) MarkDown(kHangs);
    return false;
  }
  stopwatch.Start();
  const auto repaired = [&]() -> Result<void> {
    if (!up_) return DownError();
    if (epoch != epoch_) return {};  // somebody else has done it
    // In what state the session of the objects is, nobody knows. All that is lost with
    // sessions and login is made anew by whoever needs it.
    CloseSessions();
    KMS_CHECK_OK(LogIn());
    return Examine(stopwatch);
  }();
  if (!repaired && up_) MarkDown(repaired.error().detail());
  stopwatch.Stop();
  gate_.LeaveAlone();
  return repaired.has_value();
}

void TokenCore::Watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    watch_wake_.wait_for(lock, std::chrono::milliseconds(config_.probe_interval_millis),
                         [&] { return stopping_ || look_now_; });
    if (stopping_) break;
    look_now_ = false;
    lock.unlock();
    // Somebody who has gone in himself cannot say that it hangs.
    if (up_ && Hanging() != 0) MarkDown(kHangs);
    up_ ? Probe() : Reload();
    lock.lock();
  }
  watch_ended_ = true;
  ended_.notify_all();
}

void TokenCore::Probe() {
  class ProbeJob final : public Job {
   public:
    explicit ProbeJob(const Token::Use& probe) : probe_(probe) {}
    bool Attempt(Access& access) override {
      answer = probe_(access);
      return answer.has_value() || access.settled();
    }
    void Refuse(Error error) override { answer = std::move(error); }
    Result<void> answer;

   private:
    const Token::Use& probe_;
  };
  const auto job = std::make_shared<ProbeJob>(probe_);
  Enqueue(job);
  if (!job->Wait(patience())) {
    if (Hanging() != 0) MarkDown(kHangs);
  } else if (!job->answer) {
    MarkDown(job->answer.error().detail());
  }
}

void TokenCore::Reload() {
  {
    const std::lock_guard lock(mutex_);
    if (pin_refused_) return;  // asking again might lock the token
  }
  if (!gate_.EnterAlone(std::chrono::milliseconds(config_.probe_interval_millis))) return;
  Stopwatch stopwatch;
  const auto reloaded = [&]() -> Result<void> {
    KMS_CHECK_OK(module_->Restart());
    KMS_TRY(slot_, FindSlot());
    KMS_CHECK_OK(CheckMechanisms());
    keeper_ = CK_INVALID_HANDLE;
    KMS_CHECK_OK(LogIn());
    KMS_CHECK_OK(Examine(stopwatch));
    // One that is there again and does not compute would be gone with the next probe.
    Access access(Reach(), keeper_, stopwatch, true);
    return probe_(access);
  }();
  if (reloaded) ++reconnects_;
  {
    const std::lock_guard lock(mutex_);
    if (!reloaded) {
      reason_ = reloaded.error().detail();
    } else if (!stopping_) {
      up_ = true;
    }
  }
  gate_.LeaveAlone();
}

Result<CK_SLOT_ID> TokenCore::FindSlot() {
  // Another token of the same label is not to get our PIN.
  const std::string& serial = config_.serial.empty() ? serial_ : config_.serial;
  KMS_TRY(const SlotToken found, FindToken(module_->functions(), config_, serial));
  const CK_TOKEN_INFO& info = found.info;
  const std::lock_guard lock(mutex_);
  facts_.token = config_.token;
  facts_.serial = serial_ = TextOf(info.serialNumber);
  facts_.manufacturer = TextOf(info.manufacturerID);
  facts_.model = TextOf(info.model);
  facts_.firmware = std::to_string(info.firmwareVersion.major) + "." +
                    std::to_string(info.firmwareVersion.minor);
  return found.slot;
}

Result<void> TokenCore::CheckMechanisms() {
  KMS_TRY(Mechanisms found, ReadMechanisms(module_->functions(), slot_));
  for (const auto& [type, flags] : mechanisms_)
    if ((found[type] & flags) != flags)
      return Failed("the token has come back without mechanism " + std::to_string(type) +
                    ", which it had");
  return {};
}

void TokenCore::CloseSessions() {
  module_->functions().C_CloseAllSessions(slot_);
  keeper_ = CK_INVALID_HANDLE;
}

CK_RV TokenCore::NewSession(CK_SESSION_HANDLE* session) {
  return module_->functions().C_OpenSession(slot_, SessionFlags(config_), nullptr,
                                            nullptr, session);
}

Result<void> TokenCore::OpenKeeper() {
  if (keeper_ != CK_INVALID_HANDLE) return {};
  ++generation_;
  if (const CK_RV code = NewSession(&keeper_); code != CKR_OK) {
    keeper_ = CK_INVALID_HANDLE;
    return Failed("no session with the token can be opened", code);
  }
  return {};
}

Result<void> TokenCore::LogIn() {
  KMS_CHECK_OK(OpenKeeper());
  ++epoch_;
  const ByteView pin = config_.pin.Reveal();
  const CK_RV code = module_->functions().C_Login(
      keeper_, CKU_USER, const_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size());
  if (RemedyOf(code) == Remedy::kNone) return {};  // also if it was logged in already
  if (code == CKR_PIN_INCORRECT || code == CKR_PIN_LOCKED || code == CKR_PIN_INVALID ||
      code == CKR_PIN_LEN_RANGE || code == CKR_PIN_EXPIRED) {
    const std::lock_guard lock(mutex_);
    pin_refused_ = true;
    return Failed("the token refuses the PIN (it is not tried again before a restart)",
                  code);
  }
  return Failed("the login fails", code);
}

Result<void> TokenCore::Examine(Stopwatch& stopwatch) {
  Access access(Reach(), keeper_, stopwatch);
  return examine_(access);
}

}  // namespace kms::pkcs11
