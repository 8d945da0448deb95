// LmdbKeyStore: group commit over LMDB.
//
// Whoever comes first commits for everybody who is waiting: all that queued during
// one sync to the disk is the next batch.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <span>
#include <utility>

#include "kms/key_store.h"
#include "store/directory_claim.h"
#include "store/lmdb_environment.h"
#include "store/lmdb_view.h"
#include "store/optimistic_transaction.h"

namespace kms {
namespace {

constexpr std::chrono::milliseconds kPollInterval{25};
constexpr std::chrono::seconds kReaderCheckInterval{60};
constexpr int kMaxAdoptions = 20;

class LmdbSnapshot final : public Snapshot {
 public:
  LmdbSnapshot(LmdbEnvironment& environment, LmdbTransaction transaction)
      : environment_(environment),
        transaction_(std::move(transaction)),
        view_(environment_, transaction_.get()) {}
  ~LmdbSnapshot() override { environment_.EndRead(std::move(transaction_)); }

  Result<void> ReadRevision() {
    KMS_TRY(revision_, view_.NewestRevision());
    return {};
  }

  Revision revision() const override { return revision_; }
  Result<std::optional<RecordView>> Get(std::string_view key) const override {
    return view_.Get(key);
  }
  Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                   std::size_t limit) const override {
    return view_.Scan(prefix, from, limit);
  }

 private:
  LmdbEnvironment& environment_;
  LmdbTransaction transaction_;
  LmdbView view_;
  Revision revision_ = 0;
};

// The state inside a batch: the earlier updates of the batch are in it.
class BatchState final : public Snapshot {
 public:
  BatchState(const LmdbView& view, Revision revision)
      : view_(view), revision_(revision) {}

  Revision revision() const override { return revision_; }
  Result<std::optional<RecordView>> Get(std::string_view key) const override {
    return view_.Get(key);
  }
  Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                   std::size_t limit) const override {
    return view_.Scan(prefix, from, limit);
  }

 private:
  const LmdbView& view_;
  Revision revision_;
};

// An update that waits for its commit, on the stack of its caller.
struct Request {
  explicit Request(const Change& change) : transaction(change) {}

  OptimisticTransaction transaction;
  Result<Revision> outcome = Revision{0};
  bool done = false;
  std::condition_variable woken;
};
using Batch = std::span<Request* const>;

void FailAll(Batch batch, const Error& error) {
  for (Request* request : batch) request->outcome = error;
}

class LmdbKeyStore final : public KeyStore {
 public:
  LmdbKeyStore(DirectoryClaim claim, std::unique_ptr<LmdbEnvironment> environment)
      : claim_(std::move(claim)), environment_(std::move(environment)) {}

  Result<std::unique_ptr<Snapshot>> Read() const override {
    for (int attempt = 0;; ++attempt) {
      const std::uint64_t moves = environment_->moves();
      LmdbTransaction transaction;
      const int code = environment_->BeginRead(&transaction);
      if (code == 0) {
        auto snapshot =
            std::make_unique<LmdbSnapshot>(*environment_, std::move(transaction));
        KMS_CHECK_OK(snapshot->ReadRevision());
        return std::unique_ptr<Snapshot>(std::move(snapshot));
      }
      if (code == MDB_PANIC) failed_ = true;
      if (code != MDB_MAP_RESIZED || attempt == kMaxAdoptions)
        return LmdbError(code, "read");
      const std::lock_guard lock(commit_mutex_);
      if (environment_->moves() == moves) KMS_CHECK_OK(environment_->AdoptSize());
    }
  }

  Result<Revision> Update(const Change& change) override {
    Request request(change);
    {
      KMS_TRY(const auto snapshot, Read());
      KMS_CHECK_OK(request.transaction.Run(*snapshot));
      if (!request.transaction.HasWrites()) return snapshot->revision();
    }
    std::unique_lock lock(queue_mutex_);
    queue_.push_back(&request);
    request.woken.wait(lock, [&] { return request.done || !led_; });
    if (!request.done) Lead(lock);
    return std::move(request.outcome);
  }

  Result<void> Check() const override {
    if (failed_) return FailedForGood();
    return {};
  }

  Result<Revision> WaitForChange(Revision seen,
                                 std::chrono::milliseconds patience) const override {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
      KMS_TRY(const auto snapshot, Read());
      const Revision newest = snapshot->revision();
      const auto now = std::chrono::steady_clock::now();
      if (newest > seen || now >= deadline) return newest;
      // Another process wakes nobody here.
      const auto until = std::min(deadline, now + kPollInterval);
      std::unique_lock lock(newest_mutex_);
      changed_.wait_until(lock, until, [&] { return newest_ > seen; });
    }
  }

 private:
  static Error FailedForGood() {
    return Error(Reason::kStoreUnavailable, "an earlier write failed; start again");
  }

  // Commits all who are waiting, oneself among them, and hands the lead on.
  void Lead(std::unique_lock<std::mutex>& lock) {
    led_ = true;
    std::vector<Request*> batch;
    batch.swap(queue_);
    lock.unlock();
    {
      const std::lock_guard committing(commit_mutex_);
      try {
        CommitBatch(batch);
      } catch (const std::bad_alloc&) {
        FailAll(batch, Error(Reason::kStoreUnavailable, "out of memory"));
      } catch (const std::exception&) {
        FailAll(batch, Error(Reason::kInternal, "a change threw"));
      }
    }
    lock.lock();
    led_ = false;
    for (Request* request : batch) {
      request->done = true;
      request->woken.notify_one();
    }
    if (!queue_.empty()) queue_.front()->woken.notify_one();
  }

  void CommitBatch(Batch batch) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_reader_check_) {
      environment_->CheckReaders();
      next_reader_check_ = now + kReaderCheckInterval;
    }
    for (int adoptions = 0;;) {
      if (failed_) return FailAll(batch, FailedForGood());
      const int code = TryBatch(batch);
      if (code == 0) return;
      for (Request* request : batch) request->transaction.Outdate();

      Result<void> room;
      if (code == MDB_MAP_RESIZED && adoptions++ < kMaxAdoptions) {
        room = environment_->AdoptSize();
      } else if (code == MDB_MAP_FULL) {
        room = environment_->Grow();
      } else {
        room = LmdbError(code, "commit");
      }
      if (room) continue;
      // One large update is no reason to refuse the small ones beside it.
      const bool too_much = code == MDB_TXN_FULL || code == MDB_MAP_FULL;
      if (!too_much || batch.size() == 1) return FailAll(batch, room.error());
      for (std::size_t i = 0; i < batch.size(); ++i) CommitBatch(batch.subspan(i, 1));
      return;
    }
  }

  // Returns a code of LMDB; then nothing was changed. Otherwise every request has
  // its outcome.
  int TryBatch(Batch batch) {
    LmdbTransaction transaction;
    if (const int code = environment_->BeginWrite(&transaction); code != 0) return code;
    const LmdbView view(*environment_, transaction.get());
    const auto stored = view.NewestRevision();
    if (!stored) return FailAll(batch, stored.error()), 0;

    Revision revision = *stored;
    for (Request* request : batch) {
      const auto settled = request->transaction.Settle(BatchState(view, revision));
      if (!settled) {
        request->outcome = settled.error();
        continue;
      }
      if (request->transaction.HasWrites()) {
        ++revision;
        const int code = Apply(transaction.get(), request->transaction, revision);
        if (code != 0) return RefusedWrite(code);
      }
      request->outcome = revision;
    }
    if (revision == *stored) return 0;

    int code = PutRevision(*environment_, transaction.get(), revision);
    if (code != 0) return RefusedWrite(code);
    code = mdb_txn_commit(transaction.release());
    if (code != 0) return RefusedWrite(code);
    {
      const std::lock_guard lock(newest_mutex_);
      newest_ = revision;
    }
    changed_.notify_all();
    return 0;
  }

  int Apply(MDB_txn* transaction, const OptimisticTransaction& update,
            Revision revision) {
    for (const Write& write : update.Writes(revision)) {
      const int code = write.value ? PutRecord(*environment_, transaction, write.key,
                                               *write.value, revision)
                                   : EraseRecord(*environment_, transaction, write.key);
      if (code != 0) return code;
    }
    return 0;
  }

  // After a failed sync the kernel may report success although it lost the pages:
  // only what certainly is no such failure leaves the store writable.
  int RefusedWrite(int code) {
    switch (code) {
      case MDB_MAP_FULL:
      case MDB_TXN_FULL:
      case ENOSPC:
      case EDQUOT:
      case EFBIG:
      case ENOMEM:
        break;
      case EIO:
        if (environment_->IsShortWrite()) {
          code = ENOSPC;
          break;
        }
        [[fallthrough]];
      default:
        failed_ = true;
    }
    // A page that says what is valid could not be written, for whatever reason: LMDB
    // does not even read then.
    LmdbTransaction reading;
    const int read = environment_->BeginRead(&reading);
    if (read == 0) environment_->EndRead(std::move(reading));
    if (read == MDB_PANIC) failed_ = true;
    return code;
  }

  const DirectoryClaim claim_;
  const std::unique_ptr<LmdbEnvironment> environment_;  // closed before the claim ends

  // Order: the queue's and the newest revision's locks are never held together with
  // another one; the commit lock is held for the length of a commit.
  std::mutex queue_mutex_;
  std::vector<Request*> queue_;
  bool led_ = false;

  mutable std::mutex commit_mutex_;
  mutable std::atomic<bool> failed_ = false;
  std::chrono::steady_clock::time_point next_reader_check_{};  // under commit_mutex_

  mutable std::mutex newest_mutex_;
  mutable std::condition_variable changed_;
  Revision newest_ = 0;  // of this process
};

}  // namespace

Result<std::unique_ptr<KeyStore>> OpenLmdbKeyStore(const std::string& directory,
                                                   const LmdbOptions& options) {
  KMS_TRY(auto claim, DirectoryClaim::Take(directory));
  KMS_TRY(auto environment, LmdbEnvironment::Open(claim, directory, options));
  KMS_CHECK_OK(SyncDirectory(directory));
  return std::unique_ptr<KeyStore>(
      std::make_unique<LmdbKeyStore>(std::move(claim), std::move(environment)));
}

}  // namespace kms
