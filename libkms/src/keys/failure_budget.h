// FailureBudget: how many ciphertexts that do not decrypt a key takes, before it takes
// none for a while.
//
// Whether the padding of PKCS#1 v1.5 was right is told by the answer, and some ten
// thousand such answers decrypt or sign anything (Bleichenbacher 1998). A key has
// kMost failures at once and gets one back every kMillisPerFailure, which makes that
// weeks; a client with right ciphertexts never notices.
//
// Kept in memory: a restart forgets it.
//
// Threads: may be used from many threads at once.

#ifndef KMS_KEYS_FAILURE_BUDGET_H_
#define KMS_KEYS_FAILURE_BUDGET_H_

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "kms/clock.h"

namespace kms {

class FailureBudget {
 public:
  static constexpr int kMost = 100;
  static constexpr UnixMillis kMillisPerFailure = 10LL * 60 * 1000;

  // Take counts a failure of `key` before it is known to be one, so that attempts at the
  // same time do not share the last. False: none is left.
  bool Take(std::string_view key, UnixMillis now);

  // GiveBack takes it back: it was none.
  void GiveBack(std::string_view key);

 private:
  struct Used {
    int failures = 0;
    UnixMillis since = 0;  // of the oldest that is still counted
  };

  static void Recover(Used& used, UnixMillis now);

  std::mutex mutex_;
  std::map<std::string, Used, std::less<>> used_;  // of keys with failures
};

}  // namespace kms

#endif  // KMS_KEYS_FAILURE_BUDGET_H_
