// ReplayGuard: remembers which request ids an access key has used, for as long as the
// same request could be accepted again, in memory of a fixed bound.
//
// An id is kept as a keyed print of 60 bits in 8 bytes, tagged with the minute in which
// it expires; the ids of a minute go together. What does not fit is refused, and
// nothing is forgotten before its time. A process that starts knows no ids: operations
// that change state keep theirs in the store as well.
//
// How much it takes: a mebibyte holds about 114,000 ids. Ids of clients whose clock is
// right live for 15 minutes under a single reading of the time, so a mebibyte sustains
// about 127 requests a second; under both readings, the ids of Beijing clocks live for
// 8 hours and a quarter, and it sustains about 3.9. An access key gets at most three
// times as much room as is left free, so that one that floods is refused while others
// find room: alone it can fill three quarters.
//
// The wall clock decides: what has expired by a clock that ran ahead is forgotten, even
// if the clock is set back.
//
// Threads: may be used from many threads at once; one of many that insert the same id
// at once gets kNew.

#ifndef KMS_SERVER_AUTH_REPLAY_GUARD_H_
#define KMS_SERVER_AUTH_REPLAY_GUARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kms/clock.h"
#include "kms/digest.h"

namespace kms::server {

class ReplayGuard {
 public:
  enum class Answer : std::uint8_t {
    kNew,   // and kept from now on
    kSeen,  // was used before
    kFull   // this access key has no room left; nothing is kept
  };

  // `max_bytes` bounds the memory of prints; `key` is secret and fresh in each process,
  // so that nobody can look for ids with equal prints.
  ReplayGuard(std::size_t max_bytes, const Digest32& key);
  ~ReplayGuard();
  ReplayGuard(const ReplayGuard&) = delete;
  ReplayGuard& operator=(const ReplayGuard&) = delete;

  // Insert keeps `request_id` of `access_key` until `replayable_until`, unless it is
  // known already. An id is kept for at most 16 hours.
  Answer Insert(std::string_view access_key, std::string_view request_id, UnixMillis now,
                UnixMillis replayable_until);

  // How many ids are kept, and how many there is room for.
  std::size_t size() const { return total_; }
  std::size_t capacity() const { return capacity_; }

 private:
  class Shard;
  // What an access key has kept, by the minute of expiry.
  struct Account {
    std::size_t kept = 0;
    std::map<std::int64_t, std::size_t> by_minute;
  };

  bool Reserve(std::string_view access_key, std::int64_t minute, std::int64_t now);
  void GiveBack(std::string_view access_key, std::int64_t minute);
  void DropExpired(std::int64_t now);

  const Digest32 key_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::size_t capacity_ = 0;
  std::atomic<std::size_t> total_{0};
  std::mutex accounts_mutex_;
  std::int64_t accounted_minute_ = 0;
  std::map<std::string, Account, std::less<>> accounts_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_AUTH_REPLAY_GUARD_H_
