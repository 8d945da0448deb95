// OptimisticTransaction: one change on its way into a store, for every store that
// keeps revisions.
//
// It runs the change against a snapshot without any lock, remembers what the
// change read and what it wrote, and is settled later against the newest state,
// under the lock of the writer: when nothing that was read differs, the writes
// stand; otherwise the change runs once more, there and then. So a change runs at
// most twice, however hot the records are that it reads.
//
// Threads: one at a time; the thread that settles may be another one than the one
// that ran it first.

#ifndef KMS_STORE_OPTIMISTIC_TRANSACTION_H_
#define KMS_STORE_OPTIMISTIC_TRANSACTION_H_

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kms/key_store.h"

namespace kms {

constexpr std::size_t kMaxKeyBytes = 480;
constexpr std::size_t kMaxValueBytes = std::size_t{1} << 20;

using Change = std::function<Result<void>(Transaction&)>;

// One write, ready for the store. An absent value erases the record.
struct Write {
  std::string key;
  std::optional<std::string_view> value;
};

class OptimisticTransaction final : public Transaction {
 public:
  // `change` must outlive the transaction.
  explicit OptimisticTransaction(const Change& change) : change_(change) {}

  // Run forgets everything and runs the change on `state`, which it does not use
  // after it has returned.
  // Fails: what the change returns; what reading failed with; kInvalidArgument for
  // a write over its limit.
  Result<void> Run(const Snapshot& state);

  // Settle makes the transaction one that ran on `state`: it runs again if, and
  // only if, something that it read is different there.
  // Fails: as Run.
  Result<void> Settle(const Snapshot& state);

  // Outdate makes the next Settle run the change in any case: what it read was
  // never committed.
  void Outdate() { outdated_ = true; }

  bool HasWrites() const { return !writes_.empty(); }

  // Writes returns what a commit as `revision` has to write. The views are valid
  // until the next Run.
  std::vector<Write> Writes(Revision revision) const;

  Result<std::optional<RecordView>> Get(std::string_view key) const override;
  Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                   std::size_t limit) const override;
  void Put(std::string_view key, std::string_view value) override;
  void Append(std::string_view prefix, std::string_view value) override;
  void Erase(std::string_view key) override;

 private:
  struct BufferedWrite {
    std::optional<std::string> value;
    bool appended = false;  // the key holds a guess of the revision
  };
  struct SeenScan {
    std::string prefix;
    std::string from;
    std::optional<std::string>
        last;  // how far it went; nothing: to the end of the prefix
    std::vector<std::pair<std::string, Revision>> seen;
  };

  Result<bool> IsCurrent(const Snapshot& state) const;
  static Result<bool> SeesTheSame(const SeenScan& scan, const Snapshot& state);
  Result<std::vector<Record>> Merge(std::vector<Record> stored, std::string_view prefix,
                                    std::string_view start, std::size_t limit) const;
  bool Accept(std::string_view key, std::size_t key_bytes, std::string_view value);
  void Fail(const Error& error) const;

  const Change& change_;
  const Snapshot* state_ = nullptr;  // only while the change runs
  std::map<std::string, BufferedWrite, std::less<>> writes_;
  std::size_t appended_ = 0;
  bool outdated_ = false;
  // What was read is noted by const members: reading is part of the transaction.
  mutable std::map<std::string, Revision, std::less<>> reads_;  // 0: there was none
  mutable std::vector<SeenScan> scans_;
  mutable std::optional<Error> failure_;  // the first, which no change can swallow
};

}  // namespace kms

#endif  // KMS_STORE_OPTIMISTIC_TRANSACTION_H_
