#include "hsm_adapters/pkcs11/token.h"

#include "hsm_adapters/pkcs11/token_core.h"

namespace kms {
namespace {

thread_local int direct_calls = 0;

}  // namespace

DirectCalls::DirectCalls() { ++direct_calls; }
DirectCalls::~DirectCalls() { --direct_calls; }
bool DirectCalls::Made() { return direct_calls != 0; }

namespace pkcs11 {

namespace {

CK_SESSION_HANDLE NewSession(const Connection& connection, CK_RV* fault) {
  CK_SESSION_HANDLE made = CK_INVALID_HANDLE;
  const CK_RV code = connection.functions.C_OpenSession(
      connection.slot, connection.session_flags, nullptr, nullptr, &made);
  if (code == CKR_OK) return made;
  *fault = code;
  return CK_INVALID_HANDLE;
}

}  // namespace

Access::Scratch::Scratch(Access& access)
    : connection_(access.connection_),
      handle_(NewSession(connection_, &access.fault_)),
      session_(connection_.functions, handle_, access.fault_) {}

Access::Scratch::~Scratch() {
  if (open()) connection_.functions.C_CloseSession(handle_);
}

Job::~Job() = default;

void Job::Finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  // Whoever finishes it holds it, so that it is still there.
  changed_.notify_all();
}

bool Job::Wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  given_up_ = !changed_.wait_for(lock, patience, [&] { return finished_; });
  return !given_up_;
}

bool Job::given_up() const {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

Token::Token(std::shared_ptr<TokenCore> core) : core_(std::move(core)) {}

Result<std::unique_ptr<Token>> Token::Open(const Pkcs11Config& config, Use examine,
                                           Use probe, std::shared_ptr<void> kept) {
  auto core = std::make_shared<TokenCore>(config, std::move(examine), std::move(probe));
  KMS_CHECK_OK(core->Connect(std::move(kept)));
  core->Start();
  return std::unique_ptr<Token>(new Token(std::move(core)));
}

Token::~Token() { Close(); }

void Token::Enqueue(std::shared_ptr<Job> job) { core_->Enqueue(std::move(job)); }

std::optional<Error> Token::Await(Job& job) {
  if (job.Wait(core_->patience())) return std::nullopt;
  return core_->GivenUp();
}

void Token::RunHere(Job& job) { core_->RunHere(job); }

void Token::Post(Use call) { core_->Post(std::move(call)); }
bool Token::Has(CK_MECHANISM_TYPE mechanism, CK_FLAGS use) const {
  return core_->Has(mechanism, use);
}
bool Token::up() const { return core_->up(); }
Error Token::DownError() const { return core_->DownError(); }
void Token::Describe(Pkcs11Status* status) const { core_->Describe(status); }
const Pkcs11Config& Token::config() const { return core_->config(); }
bool Token::Close() { return core_->Close(); }

TokenKey::~TokenKey() {
  if (!object_.ours || object_.handle == CK_INVALID_HANDLE) return;
  token_.Post([handle = object_.handle, epoch = epoch_](Access& access) -> Result<void> {
    if (access.epoch() != epoch) return {};
    return access.Keep()->Destroy(handle);
  });
}

Result<CK_OBJECT_HANDLE> TokenKey::Handle(Access& access) {
  const auto lock = access.Lock(mutex_);
  if (object_.handle != CK_INVALID_HANDLE && epoch_ == access.epoch())
    return object_.handle;
  object_ = {};
  KMS_TRY(object_, make_(access));
  epoch_ = access.epoch();
  return object_.handle;
}

}  // namespace pkcs11
}  // namespace kms
