// Time-driven work: rotation, planned deletion, expiry of imported material, and
// forgetting what is past its time. Due-dates are read from an index; each is done in
// one idempotent transaction, so that any number of processes may try.

#ifndef KMS_KEYS_DUE_WORK_H_
#define KMS_KEYS_DUE_WORK_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "keys/domain.h"
#include "kms/kms.h"

namespace kms {

// SteadyWatch tells for how long the wall clock has run beside the monotonic one. A
// deletion cannot be undone, so it does not follow a clock that has just jumped.
//
// Threads: one at a time.
class SteadyWatch {
 public:
  // Observe takes note of both clocks, and returns for how many milliseconds they have
  // agreed.
  std::int64_t Observe(const Clock& clock);

 private:
  bool started_ = false;
  UnixMillis wall_ = 0;
  std::int64_t steady_ = 0;
  std::int64_t agreed_since_ = 0;
};

class DueWorker {
 public:
  explicit DueWorker(std::shared_ptr<Domain> domain) : domain_(std::move(domain)) {}

  // Run does what is due now, up to some thousands of things; the next call goes on
  // behind them, so that what cannot be done keeps nothing else waiting. It ends between
  // two of them once `stop` is requested.
  // Fails: kUnavailable if the store cannot be read.
  Result<DueWork> Run(const std::stop_token& stop);

 private:
  struct Round {
    const std::stop_token& stop;
    const UnixMillis now;
    const bool may_delete;
    bool token_away = false;  // keys of HSM level wait for another round
    DueWork work = {};
  };

  // Returns whether all of it was due.
  bool DoBatch(const std::vector<Record>& batch, Round& round);
  Result<void> DestroyObjects(Round& round);
  Result<bool> Destroy(CryptoBackend& hsm, const DiscardRecord& discard);
  Result<bool> Rotate(const Due& due, Round& round);
  Result<bool> Delete(const Due& due);
  Result<bool> Expire(const Due& due);
  Result<void> ForgetAll(const std::vector<Due>& dues);

  const std::shared_ptr<Domain> domain_;
  std::mutex mutex_;
  SteadyWatch watch_;
  std::string from_;  // where the next round begins; empty: at the oldest
};

}  // namespace kms

#endif  // KMS_KEYS_DUE_WORK_H_
