// CheckRun: what the checks of all kinds of records share while a store is read through
// once: reading what a record refers to, telling what is wrong, and counting what
// counters are to agree with.
//
// Threads: one.

#ifndef KMS_CHECK_CHECK_RUN_H_
#define KMS_CHECK_CHECK_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "check/codecs.h"
#include "core/index_entry.h"
#include "kms/store_check.h"

namespace kms::check {

// A record, and the parts of its store key.
struct Entry {
  Entry(const Record& of, std::vector<std::string> split)
      : record(of), parts(std::move(split)) {}

  const std::string& key() const { return record.key; }
  // Empty, if there is no such part.
  std::string_view part(std::size_t i) const {
    return i < parts.size() ? std::string_view(parts[i]) : std::string_view();
  }

  const Record& record;
  const std::vector<std::string> parts;
};

// ForEachRecord visits the records below `prefix`, in order.
// Fails: as Reader::Scan and `visit`.
Result<void> ForEachRecord(const Snapshot& snapshot, const std::string& prefix,
                           const std::function<Result<void>(const Record&)>& visit);

// A number that is a part of a store key.
std::uint64_t NumberOf(std::string_view part);

// ShowPlace is a store key for people: its parts between slashes, numbers in decimal,
// other bytes in hexadecimal.
std::string ShowPlace(std::string_view store_key);

// What owns versions, and has tags: one of the two.
struct Owner {
  std::optional<KeyRecord> key;
  std::optional<CertificateRecord> certificate;
  bool unreadable = false;  // there is one, which is told of where it stands
  std::string_view region() const {
    return key ? key->region : certificate ? certificate->region : std::string_view();
  }
  bool is_absent() const { return !key && !certificate && !unreadable; }
};

class CheckRun {
 public:
  CheckRun(const StoreCheckParts& parts, const TellFinding& tell,
           const Snapshot& snapshot)
      : parts_(parts), tell_(tell), snapshot_(snapshot) {}

  // Begin finds out which accounts and regions there are.
  Result<void> Begin();
  // End compares the counters with what was counted.
  void End();

  const StoreCheckParts& parts() const { return parts_; }
  const Snapshot& snapshot() const { return snapshot_; }
  StoreCheckSummary& summary() { return summary_; }

  void Report(std::string_view store_key, std::string fault);
  void Report(const Entry& entry, std::string fault) {
    Report(entry.key(), std::move(fault));
  }

  // Parse reports a record that does not parse, or has more than its kind has.
  template <typename R>
  std::optional<R> Parse(const Entry& entry) {
    auto record = Codec<R>::Read(entry.record.value);
    if (!record) {
      Report(entry, record.error().detail());
      return std::nullopt;
    }
    CheckWritten(entry, Codec<R>::Write(*record));
    return *std::move(record);
  }

  // ReadAt is the record under `store_key`; nothing if there is none, or it is malformed,
  // which is told of where it stands.
  template <typename R>
  Result<std::optional<R>> ReadAt(std::string_view store_key) {
    KMS_TRY(const auto found, snapshot_.Get(store_key));
    if (!found) return std::optional<R>();
    auto record = Codec<R>::Read(found->value);
    if (!record) return std::optional<R>();
    return std::optional<R>(*std::move(record));
  }

  // StandsAt reports a record whose content belongs under another store key.
  void StandsAt(const Entry& entry, std::string_view expected);

  // Needs reports a reference to a record that is not there, and returns whether it is.
  Result<bool> Needs(const Entry& entry, std::string_view store_key);

  // HasIndex reports entries that are missing, or say something else.
  Result<void> HasIndex(const Entry& entry, const Index& index);

  // FollowsFrom reports an index entry, if the record under `owner` is not there, or the
  // entry is not in what `index_of` makes of that record.
  template <typename R, typename IndexFunction>
  Result<void> FollowsFrom(const Entry& entry, const std::string& owner,
                           IndexFunction index_of) {
    KMS_TRY(const bool there, Needs(entry, owner));
    if (!there) return {};
    KMS_TRY(const auto record, ReadAt<R>(owner));
    if (record) IsIn(entry, index_of(*record), owner);
    return {};
  }
  void IsIn(const Entry& entry, const Index& index, std::string_view owner);

  // NeedsAccount reports an account that is not there. A program that embeds the library
  // may have accounts of its own, and then none in the store.
  void NeedsAccount(const Entry& entry, std::string_view account);
  // The default project, and none, are always there.
  Result<void> NeedsProject(const Entry& entry, std::string_view account,
                            std::string_view project);

  // FindOwner is the key or certificate of that id. The last one is kept.
  Result<const Owner*> FindOwner(std::string_view account, std::string_view id);

  // Opened counts a secret that was opened, and reports one that could not be.
  // Fails: kUnavailable.
  Result<void> Opened(const Entry& entry, std::string_view what, const Error* failure);
  // The same for a result.
  template <typename T>
  Result<void> Opened(const Entry& entry, std::string_view what,
                      const Result<T>& result) {
    return Opened(entry, what, result ? nullptr : &result.error());
  }

  // Count is told of what the counter under `store_key` counts: `by` at once, of which
  // the last has that position.
  void Count(const std::string& store_key, std::uint64_t position, std::uint64_t by = 1);
  void FoundCounter(const Entry& entry, const CounterRecord& counter);
  // The same for positions among all that was made in an account, which have one counter.
  void CountChange(std::string_view account, std::uint64_t position);
  void FoundChanges(std::string_view account, std::uint64_t changes);

  // KeepsRequest notes the due-date of a request id, and returns whether it is the first.
  bool KeepsRequest(std::string_view request_place);
  bool IsKept(std::string_view request_place) const;

 private:
  struct Tally {
    std::uint64_t live = 0;
    std::uint64_t next = 0;  // greater than every position
  };

  Result<void> FindRegions(std::string_view kind);
  void CheckWritten(const Entry& entry, const std::string& canonical);

  const StoreCheckParts& parts_;
  const TellFinding& tell_;
  const Snapshot& snapshot_;
  StoreCheckSummary summary_;
  std::set<std::string, std::less<>> accounts_;
  std::map<std::string, std::set<std::string>, std::less<>> regions_;  // by account
  std::string owner_account_;
  std::string owner_id_;
  Owner owner_;
  std::map<std::string, Tally> counted_;
  std::map<std::string, CounterRecord> counters_;
  std::map<std::string, std::uint64_t, std::less<>> newest_change_;  // by account
  std::map<std::string, std::uint64_t, std::less<>> changes_;
  std::unordered_set<std::size_t> kept_requests_;  // hashes of their places
};

}  // namespace kms::check

#endif  // KMS_CHECK_CHECK_RUN_H_
