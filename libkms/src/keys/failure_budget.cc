#include "keys/failure_budget.h"

#include <algorithm>
#include <iterator>

namespace kms {

void FailureBudget::Recover(Used& used, UnixMillis now) {
  // A clock that was set back gives nothing back, and takes nothing away.
  if (now <= used.since) return;
  const UnixMillis recovered = (now - used.since) / kMillisPerFailure;
  used.failures -= static_cast<int>(std::min<UnixMillis>(recovered, used.failures));
  used.since += recovered * kMillisPerFailure;
}

bool FailureBudget::Take(std::string_view key, UnixMillis now) {
  const std::lock_guard lock(mutex_);
  auto found = used_.find(key);
  if (found == used_.end()) {
    // What has recovered is forgotten whenever something new is remembered.
    for (auto at = used_.begin(); at != used_.end();) {
      Recover(at->second, now);
      at = at->second.failures == 0 ? used_.erase(at) : std::next(at);
    }
    found = used_.emplace(key, Used{0, now}).first;
  }
  Used& used = found->second;
  Recover(used, now);
  if (used.failures == 0) used.since = now;
  if (used.failures >= kMost) return false;
  ++used.failures;
  return true;
}

void FailureBudget::GiveBack(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(key);
  if (found == used_.end()) return;
  if (--found->second.failures <= 0) used_.erase(found);
}

}  // namespace kms
