#include "store/optimistic_transaction.h"

#include <algorithm>
#include <limits>

#include "kms/encoding.h"

namespace kms {
namespace {

constexpr std::size_t kMaxAppends = std::size_t{1} << 16;
constexpr std::size_t kSuffixBytes = 10;

// 8 bytes of revision and 2 of position within the commit, both big-endian.
std::string Suffix(Revision revision, std::size_t position) {
  std::string suffix = KeyNumber(revision);
  suffix += static_cast<char>(position >> 8);
  suffix += static_cast<char>(position & 0xff);
  return suffix;
}

}  // namespace

Result<void> OptimisticTransaction::Run(const Snapshot& state) {
  writes_.clear();
  reads_.clear();
  scans_.clear();
  appended_ = 0;
  failure_.reset();
  outdated_ = false;

  state_ = &state;
  Result<void> result = change_(*this);
  state_ = nullptr;
  if (result && failure_) return *failure_;
  return result;
}

Result<void> OptimisticTransaction::Settle(const Snapshot& state) {
  if (!outdated_) {
    KMS_TRY(const bool current, IsCurrent(state));
    if (current) return {};
  }
  return Run(state);
}

std::vector<Write> OptimisticTransaction::Writes(Revision revision) const {
  std::vector<Write> writes;
  writes.reserve(writes_.size());
  for (const auto& [key, write] : writes_) {
    Write& made = writes.emplace_back(Write{key, std::nullopt});
    if (write.value) made.value = *write.value;
    if (write.appended)
      made.key.replace(key.size() - kSuffixBytes, sizeof(Revision), KeyNumber(revision));
  }
  return writes;
}

Result<std::optional<RecordView>> OptimisticTransaction::Get(std::string_view key) const {
  if (const auto own = writes_.find(key); own != writes_.end()) {
    if (!own->second.value) return std::optional<RecordView>();
    return std::optional<RecordView>(RecordView{*own->second.value, 0});
  }
  auto stored = state_->Get(key);
  if (!stored) {
    Fail(stored.error());
    return stored;
  }
  reads_.try_emplace(std::string(key), *stored ? (*stored)->revision : 0);
  return stored;
}

Result<std::vector<Record>> OptimisticTransaction::Scan(std::string_view prefix,
                                                        std::string_view from,
                                                        std::size_t limit) const {
  if (limit == 0) return std::vector<Record>();
  const std::string_view start = std::max(prefix, from);

  // Each own write may hide one stored record.
  const std::size_t enough = std::numeric_limits<std::size_t>::max() - limit;
  auto stored = state_->Scan(prefix, from, limit + std::min(enough, writes_.size()));
  if (!stored) {
    Fail(stored.error());
    return stored;
  }

  SeenScan scan{std::string(prefix), std::string(from), std::nullopt, {}};
  for (const Record& record : *stored)
    scan.seen.emplace_back(record.key, record.revision);

  auto merged = Merge(std::move(*stored), prefix, start, limit);
  if (merged && merged->size() == limit) {
    scan.last = merged->back().key;
    while (!scan.seen.empty() && scan.seen.back().first > *scan.last)
      scan.seen.pop_back();
  }
  scans_.push_back(std::move(scan));
  return merged;
}

// Merges what is stored with the own writes from `start` on, which win.
Result<std::vector<Record>> OptimisticTransaction::Merge(std::vector<Record> stored,
                                                         std::string_view prefix,
                                                         std::string_view start,
                                                         std::size_t limit) const {
  std::vector<Record> merged;
  auto theirs = stored.begin();
  auto own = writes_.lower_bound(start);
  const auto own_left = [&] {
    return own != writes_.end() && std::string_view(own->first).starts_with(prefix);
  };
  while (merged.size() < limit && (theirs != stored.end() || own_left())) {
    if (!own_left() || (theirs != stored.end() && theirs->key < own->first)) {
      merged.push_back(std::move(*theirs++));
      continue;
    }
    if (theirs != stored.end() && theirs->key == own->first) ++theirs;
    if (own->second.value) merged.push_back({own->first, *own->second.value, 0});
    ++own;
  }
  return merged;
}

void OptimisticTransaction::Put(std::string_view key, std::string_view value) {
  if (!Accept(key, key.size(), value)) return;
  writes_.insert_or_assign(std::string(key), BufferedWrite{std::string(value), false});
}

void OptimisticTransaction::Append(std::string_view prefix, std::string_view value) {
  if (!Accept(prefix, prefix.size() + kSuffixBytes, value)) return;
  if (appended_ == kMaxAppends)
    return Fail(Error(Reason::kTooLong, "too many appended records in one update"));
  // The guess is after everything in the snapshot, as the real one will be.
  const std::string key =
      std::string(prefix) + Suffix(state_->revision() + 1, appended_++);
  writes_.insert_or_assign(key, BufferedWrite{std::string(value), true});
}

void OptimisticTransaction::Erase(std::string_view key) {
  if (!Accept(key, key.size(), {})) return;
  writes_.insert_or_assign(std::string(key), BufferedWrite{});
}

bool OptimisticTransaction::Accept(std::string_view key, std::size_t key_bytes,
                                   std::string_view value) {
  if (key_bytes == 0) {
    Fail(Error(Reason::kBadParameter, "empty store key"));
    return false;
  }
  if (key_bytes > kMaxKeyBytes || value.size() > kMaxValueBytes) {
    Fail(Error(Reason::kTooLong, "record of " + std::to_string(key.size()) + " and " +
                                     std::to_string(value.size()) + " bytes"));
    return false;
  }
  return true;
}

void OptimisticTransaction::Fail(const Error& error) const {
  if (!failure_) failure_ = error;
}

Result<bool> OptimisticTransaction::IsCurrent(const Snapshot& state) const {
  for (const auto& [key, revision] : reads_) {
    KMS_TRY(const auto stored, state.Get(key));
    if ((stored ? stored->revision : 0) != revision) return false;
  }
  for (const SeenScan& scan : scans_) {
    KMS_TRY(const bool same, SeesTheSame(scan, state));
    if (!same) return false;
  }
  return true;
}

Result<bool> OptimisticTransaction::SeesTheSame(const SeenScan& scan,
                                                const Snapshot& state) {
  KMS_TRY(const auto stored, state.Scan(scan.prefix, scan.from, scan.seen.size() + 1));
  std::size_t same = 0;
  for (const Record& record : stored) {
    if (scan.last && record.key > *scan.last) break;
    if (same == scan.seen.size() || record.key != scan.seen[same].first ||
        record.revision != scan.seen[same].second)
      return false;
    ++same;
  }
  return same == scan.seen.size();
}

}  // namespace kms
