#include "auth/replay_guard.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "kms/bytes.h"

namespace kms::server {
namespace {

constexpr std::int64_t kMinute = 60'000;
// A slot holds 54 bits of the print, and the minute modulo 1024; 0 is a free slot.
constexpr unsigned kMinuteBits = 10;
constexpr std::uint64_t kMinuteMask = (std::uint64_t{1} << kMinuteBits) - 1;
// Far enough below 1024 that a minute to come is told from one that is over.
constexpr std::int64_t kMaxMinutes = 960;
constexpr std::size_t kMaxShards = 64;
constexpr std::size_t kMinShardSlots = 8 * 1024;
constexpr std::size_t kFirstSlots = 256;
constexpr std::size_t kShare = 3;

std::int64_t MinuteOf(UnixMillis time) { return time / kMinute; }

std::uint64_t PrintOf(const Digest32& key, std::string_view access_key,
                      std::string_view request_id) {
  // Neither holds a line break, since both are header values. A hash is as good as a MAC
  // here: the key has a fixed length and comes first, and nobody sees a print.
  const Digest32 hash =
      Digest(DigestAlgorithm::kSha256,
             {key, AsBytes(access_key), AsBytes("\n"), AsBytes(request_id)});
  std::uint64_t print;
  std::memcpy(&print, hash.data(), sizeof print);
  return print;
}

}  // namespace

// Open addressing with linear probing. Nothing is erased one by one: when a minute has
// passed, the table is built anew without what has expired.
class ReplayGuard::Shard {
 public:
  explicit Shard(std::size_t max_slots) : max_slots_(max_slots) {}

  static std::size_t Room(std::size_t slots) { return slots / 8 * 7; }

  Answer Insert(std::uint64_t print, std::int64_t minute, std::int64_t now) {
    const std::lock_guard lock(mutex_);
    if (now > swept_) Sweep(now);
    // While the clock stands back, `swept_` is later than `now`.
    minute = std::max(minute, swept_);
    if (slots_.empty()) slots_.resize(std::min(kFirstSlots, max_slots_));
    const std::uint64_t tag = print << kMinuteBits;
    if (*Find(slots_, tag) != 0) return Answer::kSeen;
    if (used_ == Room(slots_.size())) {
      if (slots_.size() == max_slots_) return Answer::kFull;
      Rebuild(slots_.size() * 2, [](std::uint64_t) { return true; });
    }
    *Find(slots_, tag) = Entry(tag, minute);
    ++used_;
    return Answer::kNew;
  }

 private:
  static std::uint64_t Entry(std::uint64_t tag, std::int64_t minute) {
    const std::uint64_t entry = tag | (static_cast<std::uint64_t>(minute) & kMinuteMask);
    // One print in 2^54 is kept as its neighbour, in one minute of 1024.
    return entry == 0 ? std::uint64_t{1} << kMinuteBits : entry;
  }

  // The slot with this tag, or the free one where it would go.
  static std::uint64_t* Find(std::vector<std::uint64_t>& slots, std::uint64_t tag) {
    const std::size_t mask = slots.size() - 1;
    // The upper bits of the tag, since the lower ones are the minute.
    std::size_t at = static_cast<std::size_t>(tag >> kMinuteBits) & mask;
    while (slots[at] != 0 && (slots[at] & ~kMinuteMask) != tag) at = (at + 1) & mask;
    return &slots[at];
  }

  void Sweep(std::int64_t now) {
    const std::int64_t passed = now - swept_;
    const std::int64_t swept = std::exchange(swept_, now);
    if (used_ == 0) return;
    if (passed > kMaxMinutes) {
      slots_.assign(slots_.size(), 0);
      used_ = 0;
      return;
    }
    // An entry expires within kMaxMinutes from when it was made, so that the minutes
    // since the last sweep are over, and all others are to come.
    const auto over = [&](std::uint64_t entry) {
      const std::uint64_t ahead =
          (entry - static_cast<std::uint64_t>(swept)) & kMinuteMask;
      return ahead < static_cast<std::uint64_t>(passed);
    };
    const auto left = static_cast<std::size_t>(std::ranges::count_if(
        slots_, [&](std::uint64_t entry) { return entry != 0 && !over(entry); }));
    if (left == used_) return;
    // Not smaller than half of what it was: traffic comes back.
    const std::size_t needed = std::bit_ceil(left * 8 / 7 + 1);
    Rebuild(
        std::clamp(needed, std::max(slots_.size() / 2, std::min(kFirstSlots, max_slots_)),
                   slots_.size()),
        [&](std::uint64_t entry) { return !over(entry); });
  }

  template <typename Stays>
  void Rebuild(std::size_t size, Stays stays) {
    std::vector<std::uint64_t> slots(size);
    used_ = 0;
    for (const std::uint64_t entry : slots_) {
      if (entry == 0 || !stays(entry)) continue;
      *Find(slots, entry & ~kMinuteMask) = entry;
      ++used_;
    }
    slots_ = std::move(slots);
  }

  const std::size_t max_slots_;
  std::mutex mutex_;
  std::vector<std::uint64_t> slots_;
  std::size_t used_ = 0;
  std::int64_t swept_ = 0;  // what expires before this minute is gone
};

ReplayGuard::ReplayGuard(std::size_t max_bytes, const Digest32& key) : key_(key) {
  const std::size_t slots =
      std::bit_floor(std::max(max_bytes / sizeof(std::uint64_t), kFirstSlots));
  const std::size_t shards =
      std::clamp(slots / kMinShardSlots, std::size_t{1}, kMaxShards);
  for (std::size_t i = 0; i < shards; ++i)
    shards_.push_back(std::make_unique<Shard>(slots / shards));
  capacity_ = shards * Shard::Room(slots / shards);
}

ReplayGuard::~ReplayGuard() = default;

ReplayGuard::Answer ReplayGuard::Insert(std::string_view access_key,
                                        std::string_view request_id, UnixMillis now,
                                        UnixMillis replayable_until) {
  const std::int64_t this_minute = MinuteOf(now);
  const std::int64_t minute =
      std::clamp(MinuteOf(replayable_until), this_minute, this_minute + kMaxMinutes);
  const std::uint64_t print = PrintOf(key_, access_key, request_id);
  if (!Reserve(access_key, minute, this_minute)) return Answer::kFull;
  // The shard is chosen by bits that its slots do not keep.
  Shard& shard = *shards_[static_cast<std::size_t>(print >> 58) % shards_.size()];
  const Answer answer = shard.Insert(print, minute, this_minute);
  if (answer != Answer::kNew) GiveBack(access_key, minute);
  return answer;
}

bool ReplayGuard::Reserve(std::string_view access_key, std::int64_t minute,
                          std::int64_t now) {
  const std::lock_guard lock(accounts_mutex_);
  if (now > accounted_minute_) DropExpired(now);
  auto account = accounts_.find(access_key);
  const std::size_t kept = account == accounts_.end() ? 0 : account->second.kept;
  if (total_ >= capacity_ || kept / kShare >= capacity_ - total_) return false;
  if (account == accounts_.end())
    account = accounts_.emplace(access_key, Account()).first;
  ++account->second.kept;
  ++account->second.by_minute[minute];
  ++total_;
  return true;
}

void ReplayGuard::GiveBack(std::string_view access_key, std::int64_t minute) {
  const std::lock_guard lock(accounts_mutex_);
  const auto account = accounts_.find(access_key);
  if (account == accounts_.end()) return;
  const auto count = account->second.by_minute.find(minute);
  // Its minute may have passed, and taken it along.
  if (count == account->second.by_minute.end()) return;
  if (--count->second == 0) account->second.by_minute.erase(count);
  --account->second.kept;
  --total_;
  if (account->second.kept == 0) accounts_.erase(account);
}

void ReplayGuard::DropExpired(std::int64_t now) {
  accounted_minute_ = now;
  for (auto account = accounts_.begin(); account != accounts_.end();) {
    auto& [kept, by_minute] = account->second;
    while (!by_minute.empty() && by_minute.begin()->first < now) {
      kept -= by_minute.begin()->second;
      total_ -= by_minute.begin()->second;
      by_minute.erase(by_minute.begin());
    }
    account = kept == 0 ? accounts_.erase(account) : std::next(account);
  }
}

}  // namespace kms::server
