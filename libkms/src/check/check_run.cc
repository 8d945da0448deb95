#include "check/check_run.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>

namespace kms::check {
namespace {

constexpr std::size_t kScanned = 256;

bool IsPrintable(std::string_view part) {
  return std::ranges::all_of(part, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string ShowPart(std::string_view part) {
  if (IsPrintable(part)) return std::string(part);
  return part.size() == 8 ? std::to_string(NumberOf(part)) : ToHex(AsBytes(part));
}

bool SameJson(std::string_view one, std::string_view other) {
  boost::system::error_code failed;
  const auto first = boost::json::parse(one, failed);
  if (failed) return false;
  const auto second = boost::json::parse(other, failed);
  return !failed && first == second;
}

}  // namespace

Result<void> ForEachRecord(const Snapshot& snapshot, const std::string& prefix,
                           const std::function<Result<void>(const Record&)>& visit) {
  for (std::string from;;) {
    KMS_TRY(const auto batch, snapshot.Scan(prefix, from, kScanned));
    for (const Record& record : batch) KMS_CHECK_OK(visit(record));
    if (batch.size() < kScanned) return {};
    from = batch.back().key + '\0';
  }
}

std::uint64_t NumberOf(std::string_view part) {
  std::uint64_t number = 0;
  for (const char c : part) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

std::string ShowPlace(std::string_view store_key) {
  std::string shown;
  for (const std::string& part : SplitKey(store_key)) {
    if (!shown.empty()) shown += '/';
    shown += ShowPart(part);
  }
  // What is behind the last part: the suffix of an appended key, or what belongs to none.
  const auto end = store_key.rfind('\0');
  const auto rest = end == std::string_view::npos ? store_key : store_key.substr(end + 1);
  if (!rest.empty()) shown += (shown.empty() ? "" : "/") + ShowPart(rest);
  return shown;
}

Result<void> CheckRun::Begin() {
  KMS_CHECK_OK(ForEachRecord(snapshot_, place::Accounts(),
                             [&](const Record& record) -> Result<void> {
                               const auto parts = SplitKey(record.key);
                               if (parts.size() == 2) accounts_.insert(parts[1]);
                               return {};
                             }));
  KMS_CHECK_OK(FindRegions("key"));
  return FindRegions("certificate");
}

// From each account and region goes on behind its last record.
Result<void> CheckRun::FindRegions(std::string_view kind) {
  const std::string prefix = JoinKey({kind});
  for (std::string from;;) {
    KMS_TRY(const auto next, snapshot_.Scan(prefix, from, 1));
    if (next.empty()) return {};
    const auto parts = SplitKey(next.front().key);
    if (parts.size() < 3) {
      from = next.front().key + '\0';
      continue;
    }
    regions_[parts[1]].insert(parts[2]);
    from = JoinKey({kind, parts[1], parts[2]});
    from.back() = '\1';
  }
}

void CheckRun::End() {
  for (const auto& [store_key, tally] : counted_) {
    const auto found = counters_.find(store_key);
    if (found == counters_.end()) {
      Report(store_key, "is missing: there are " + std::to_string(tally.live));
      continue;
    }
    const CounterRecord& counter = found->second;
    if (counter.live != tally.live)
      Report(store_key, "counts " + std::to_string(counter.live) + ", and there are " +
                            std::to_string(tally.live));
    if (counter.next < tally.next)
      Report(store_key, "goes on at " + std::to_string(counter.next) + ", and " +
                            std::to_string(tally.next - 1) + " is taken");
  }
  for (const auto& [store_key, counter] : counters_) {
    if (counter.live != 0 && !counted_.contains(store_key))
      Report(store_key,
             "counts " + std::to_string(counter.live) + ", and there are none");
    if (counter.next < counter.live)
      Report(store_key, "counts more than there ever were");
  }
  for (const auto& [account, newest] : newest_change_) {
    const auto found = changes_.find(account);
    if (found == changes_.end()) {
      Report(place::Iam(account), "is missing");
    } else if (found->second < newest) {
      Report(place::Iam(account), "counts " + std::to_string(found->second) +
                                      " changes, and there were " +
                                      std::to_string(newest));
    }
  }
}

void CheckRun::Report(std::string_view store_key, std::string fault) {
  ++summary_.findings;
  tell_({ShowPlace(store_key), std::move(fault)});
}

void CheckRun::CheckWritten(const Entry& entry, const std::string& canonical) {
  if (entry.record.value != canonical && !SameJson(entry.record.value, canonical))
    Report(entry, "has members that its kind does not have, or not of that form");
}

void CheckRun::StandsAt(const Entry& entry, std::string_view expected) {
  if (entry.key() != expected) Report(entry, "is the record of " + ShowPlace(expected));
}

Result<bool> CheckRun::Needs(const Entry& entry, std::string_view store_key) {
  KMS_TRY(const auto found, snapshot_.Get(store_key));
  if (!found) Report(entry, "refers to " + ShowPlace(store_key) + ", which is missing");
  return found.has_value();
}

Result<void> CheckRun::HasIndex(const Entry& entry, const Index& index) {
  for (const IndexEntry& follows : index) {
    KMS_TRY(const auto found, snapshot_.Get(follows.key));
    if (!found) {
      Report(entry, "has no index entry " + ShowPlace(follows.key));
    } else if (found->value != follows.value && !SameJson(found->value, follows.value)) {
      Report(entry, "has an index entry that says otherwise: " + ShowPlace(follows.key));
    }
  }
  return {};
}

void CheckRun::IsIn(const Entry& entry, const Index& index, std::string_view owner) {
  if (std::ranges::find(index, entry.key(), &IndexEntry::key) == index.end())
    Report(entry, "does not follow from " + ShowPlace(owner));
}

void CheckRun::NeedsAccount(const Entry& entry, std::string_view account) {
  if (!accounts_.empty() && !accounts_.contains(account))
    Report(entry,
           "refers to " + ShowPlace(place::Account(account)) + ", which is missing");
}

Result<void> CheckRun::NeedsProject(const Entry& entry, std::string_view account,
                                    std::string_view project) {
  if (project.empty() || project == kDefaultProject) return {};
  KMS_CHECK_OK(Needs(entry, place::Project(account, project)));
  return {};
}

Result<const Owner*> CheckRun::FindOwner(std::string_view account, std::string_view id) {
  if (account == owner_account_ && id == owner_id_) return &owner_;
  owner_account_ = account;
  owner_id_ = id;
  owner_ = Owner();
  const auto regions = regions_.find(account);
  if (regions == regions_.end()) return &owner_;
  for (const std::string& region : regions->second) {
    const std::string key = place::Key(account, region, id);
    KMS_TRY(const auto found_key, snapshot_.Get(key));
    if (found_key) {
      KMS_TRY(owner_.key, ReadAt<KeyRecord>(key));
      owner_.unreadable = !owner_.key;
      return &owner_;
    }
    const std::string certificate = place::Certificate(account, region, id);
    KMS_TRY(const auto found_certificate, snapshot_.Get(certificate));
    if (found_certificate) {
      KMS_TRY(owner_.certificate, ReadAt<CertificateRecord>(certificate));
      owner_.unreadable = !owner_.certificate;
      return &owner_;
    }
  }
  return &owner_;
}

Result<void> CheckRun::Opened(const Entry& entry, std::string_view what,
                              const Error* failure) {
  if (failure == nullptr) {
    ++summary_.opened;
    return {};
  }
  if (failure->error_class() == ErrorClass::kUnavailable) return *failure;
  Report(entry, std::string(what) + " does not open under the root key");
  return {};
}

void CheckRun::Count(const std::string& store_key, std::uint64_t position,
                     std::uint64_t by) {
  Tally& tally = counted_[store_key];
  tally.live += by;
  tally.next = std::max(tally.next, position + 1);
}

void CheckRun::FoundCounter(const Entry& entry, const CounterRecord& counter) {
  counters_[entry.key()] = counter;
}

void CheckRun::CountChange(std::string_view account, std::uint64_t position) {
  std::uint64_t& newest = newest_change_[std::string(account)];
  newest = std::max(newest, position);
}

void CheckRun::FoundChanges(std::string_view account, std::uint64_t changes) {
  changes_[std::string(account)] = changes;
}

bool CheckRun::KeepsRequest(std::string_view request_place) {
  return kept_requests_.insert(std::hash<std::string_view>()(request_place)).second;
}

bool CheckRun::IsKept(std::string_view request_place) const {
  return kept_requests_.contains(std::hash<std::string_view>()(request_place));
}

}  // namespace kms::check
