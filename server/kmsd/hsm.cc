#include "kmsd/hsm.h"

#include <algorithm>
#include <utility>

#include "kmsd/layout.h"
#include "kmsd/log.h"

namespace kms::server {
namespace {

// A look at the token's speed, which must not hold up the start.
constexpr int kMeasureMillis = 50;

SoftHsmFolder OwnFolder(const Config& config) {
  return {.folder = DataLayout(config.data).hsm(), .module = config.hsm.softhsm_module};
}

Error Explained(const Error& error, const std::string& hint) {
  return Error(error.error_class(), error.reason(), error.detail() + "; " + hint);
}

Result<std::unique_ptr<Pkcs11Hsm>> OpenToken(Pkcs11Config token, const HsmConfig& config,
                                             KeyStore& store, const Clock& clock) {
  token.sessions = config.sessions;
  token.call_timeout_millis = config.timeout_millis;
  KMS_TRY(auto opened, Pkcs11Hsm::Open(std::move(token), store, clock));
  KMS_CHECK_OK(opened->backend().SelfTest());
  return opened;
}

Result<std::unique_ptr<Pkcs11Hsm>> OpenNamed(const HsmConfig& config, KeyStore& store,
                                             const Clock& clock) {
  auto opened = OpenToken(NamedToken(config), config, store, clock);
  if (!opened)
    return Explained(opened.error(),
                     "with --hsm none kmsd serves without the keys of HSM level");
  return opened;
}

Result<std::unique_ptr<Pkcs11Hsm>> OpenOwn(const Config& config, bool needed,
                                           KeyStore& store, const Clock& clock) {
  KMS_TRY(Pkcs11Config token, PrepareSoftHsm(OwnFolder(config), !needed));
  return OpenToken(std::move(token), config.hsm, store, clock);
}

std::string Number(double value) {
  return std::to_string(static_cast<long long>(value + 0.5));
}

}  // namespace

Result<void> Hsm::PrepareEnvironment(const Config& config) {
  if (config.hsm.kind != HsmKind::kAuto) return {};
  return SetSoftHsmVariable(OwnFolder(config));
}

Result<std::unique_ptr<Hsm>> Hsm::Open(const Config& config, KeyStore& store,
                                       const Clock& clock, spdlog::logger& log) {
  std::unique_ptr<Hsm> hsm(new Hsm);
  KMS_TRY(const bool needed, HasHsmRoot(store));
  std::string unused;  // why there is none, where none is needed
  if (config.hsm.kind == HsmKind::kPkcs11) {
    KMS_TRY(hsm->token_, OpenNamed(config.hsm, store, clock));
  } else if (config.hsm.kind == HsmKind::kNone) {
    (needed ? hsm->missing_ : unused) = "--hsm none is set";
  } else {
    auto opened = OpenOwn(config, needed, store, clock);
    // For all that is known.
    hsm->hangs_ = !opened && opened.error().error_class() != ErrorClass::kNotFound;
    if (opened) {
      hsm->token_ = std::move(*opened);
    } else if (needed) {
      hsm->missing_ = opened.error().detail() +
                      "; or say with --hsm pkcs11 which token the keys are under";
    } else if (opened.error().error_class() == ErrorClass::kNotFound) {
      unused = opened.error().detail();
    } else {
      return Explained(opened.error(), "with --hsm none kmsd does without a token");
    }
  }
  if (hsm->token_) {
    hsm->LogStart(config.hsm.sessions, log);
  } else if (!hsm->missing_.empty()) {
    LogMessage(
        log, spdlog::level::err,
        "keys of HSM level cannot be used until kmsd is started with their token: " +
            hsm->missing_);
  } else {
    // Whoever has named a library expects it to be there.
    LogMessage(log,
               config.hsm.softhsm_module.empty() || config.hsm.kind == HsmKind::kNone
                   ? spdlog::level::info
                   : spdlog::level::warn,
               "there is no token, so no keys of HSM level: " + unused);
  }
  return hsm;
}

Hsm::~Hsm() { (void)Close(); }

CryptoBackend* Hsm::backend() const {
  return token_ == nullptr ? nullptr : &token_->backend();
}

Result<void> Hsm::AddRoot() {
  if (!token_)
    return Error(Reason::kHsmUnavailable,
                 missing_.empty() ? "there is no token" : missing_);
  return token_->AddRoot();
}

void Hsm::LogStart(int sessions, spdlog::logger& log) const {
  const Pkcs11Status status = token_->Status();
  LogMessage(log, spdlog::level::info,
             "keys of HSM level are under root key " + std::to_string(status.root) +
                 " (" + status.root_id + ") of the token \"" + status.token +
                 "\", serial " + status.serial + ", " + status.manufacturer + " " +
                 status.model + ", firmware " + status.firmware);
  if (!status.wraps)
    LogMessage(log, spdlog::level::warn,
               "the token cannot wrap keys: each lives as an object in it");
  const auto speeds = token_->Measure(sessions, kMeasureMillis);
  if (!speeds) {
    LogMessage(log, spdlog::level::warn,
               "the token could not be measured: " + speeds.error().detail());
    return;
  }
  for (const Pkcs11Speed& speed : *speeds)
    LogMessage(log, spdlog::level::info,
               "the token makes " + Number(speed.aes_per_second) +
                   " small AES messages or " + Number(speed.rsa_per_second) +
                   " RSA signatures a second with " + std::to_string(speed.sessions) +
                   (speed.sessions == 1 ? " session" : " sessions"));
}

std::vector<Probe> Hsm::Probes() const {
  if (token_) return {{"hsm", [this] { return token_->backend().Check(); }}};
  if (missing_.empty()) return {};
  return {{"hsm", [this]() -> Result<void> {
             return Error(Reason::kHsmUnavailable, missing_);
           }}};
}

void Hsm::AddGauges(Metrics& metrics) const {
  if (!token_ && missing_.empty()) return;
  const auto add = [&](const std::string& name, const std::string& help, auto read) {
    metrics.AddGauge(name, help, [this, read] {
      return token_ ? static_cast<double>(read(token_->Status())) : 0.0;
    });
  };
  add("kms_hsm_up", "Whether the token answers", [](const auto& s) { return s.up; });
  add("kms_hsm_calls_total", "Calls into the token",
      [](const auto& s) { return s.calls; });
  add("kms_hsm_failures_total", "Calls that failed by the token's fault",
      [](const auto& s) { return s.failures; });
  add("kms_hsm_reconnects_total", "How often the token was opened anew",
      [](const auto& s) { return s.reconnects; });
  add("kms_hsm_hanging_calls", "Calls that have not come back in time",
      [](const auto& s) { return s.hanging; });
}

void Hsm::LogChanges(spdlog::logger& log) {
  if (!token_) return;
  const Pkcs11Status status = token_->Status();
  if (status.up == was_up_) return;
  was_up_ = status.up;
  if (status.up) {
    LogMessage(log, spdlog::level::info, "the token is back");
  } else {
    LogMessage(log, spdlog::level::err, "the token is down: " + status.reason);
  }
}

bool Hsm::Close() {
  if (!token_) return !hangs_;
  const bool closed = token_->Close();
  hangs_ = !closed;
  // Its destructor would wait for the call that hangs.
  if (!closed) (void)token_.release();
  token_.reset();
  return closed;
}

}  // namespace kms::server
