// Hsm: the token of this kmsd, if it has one: a SoftHSM of its own under the data
// directory, or one behind a module that the operator has named.
//
// A token that the store's keys need and that is not there does not keep kmsd from
// starting, where it is the own SoftHSM: what software protects is served, /readyz is red
// and says why, and a restart takes the token up again. One that the operator has named
// is there, or kmsd does not start.
//
// Threads: LogChanges belongs to one thread; the rest may be used from many.

#ifndef KMS_SERVER_KMSD_HSM_H_
#define KMS_SERVER_KMSD_HSM_H_

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <vector>

#include "api/metrics.h"
#include "api/service_pages.h"
#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/key_store.h"
#include "kms/pkcs11.h"
#include "kmsd/config.h"

namespace kms::server {

class Hsm {
 public:
  // PrepareEnvironment does what must be done before any thread starts.
  // Fails: kUnavailable.
  static Result<void> PrepareEnvironment(const Config& config);

  // Open opens the token, makes what is missing of the own SoftHSM, and tests that it
  // computes right. `store` and `clock` outlive the object.
  // Fails: kUnavailable, kCorrupt, kInternal; the detail says what to mend.
  static Result<std::unique_ptr<Hsm>> Open(const Config& config, KeyStore& store,
                                           const Clock& clock, spdlog::logger& log);

  // The destructor is Close.
  ~Hsm();
  Hsm(const Hsm&) = delete;
  Hsm& operator=(const Hsm&) = delete;

  // Null: there is no token.
  CryptoBackend* backend() const;

  // AddRoot is Pkcs11Hsm::AddRoot. Fails: kUnavailable, also where there is no token.
  Result<void> AddRoot();

  // What readiness depends on. The object outlives the probes and the gauges.
  std::vector<Probe> Probes() const;
  void AddGauges(Metrics& metrics) const;

  // LogChanges logs that the token has gone or come back since the last call. Call it
  // about once a second.
  void LogChanges(spdlog::logger& log);

  // Close is Pkcs11Hsm::Close: false if a call hangs in the module, and the process must
  // end by _exit. All that was loaded has gone before it.
  bool Close();

 private:
  Hsm() = default;
  void LogStart(int sessions, spdlog::logger& log) const;

  std::unique_ptr<Pkcs11Hsm> token_;
  std::string missing_;  // why the token that the store's keys need is not there
  bool hangs_ = false;   // perhaps, in the module
  bool was_up_ = true;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_HSM_H_
