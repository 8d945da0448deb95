// MemoryKeyStore: an ordered map that is copied when somebody still looks at it.

#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "kms/key_store.h"
#include "store/optimistic_transaction.h"

namespace kms {
namespace {

struct Entry {
  std::string value;
  Revision revision = 0;
};

struct State {
  std::map<std::string, std::shared_ptr<const Entry>, std::less<>> entries;
  Revision revision = 0;
};

// What a state answers, whoever holds it.
class StateView : public Snapshot {
 public:
  explicit StateView(const State& state) : state_(&state) {}

  Revision revision() const override { return state_->revision; }

  Result<std::optional<RecordView>> Get(std::string_view key) const override {
    const auto found = state_->entries.find(key);
    if (found == state_->entries.end()) return std::optional<RecordView>();
    return std::optional<RecordView>(
        RecordView{found->second->value, found->second->revision});
  }

  Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                   std::size_t limit) const override {
    std::vector<Record> records;
    for (auto at = state_->entries.lower_bound(std::max(prefix, from));
         at != state_->entries.end() && records.size() < limit &&
         std::string_view(at->first).starts_with(prefix);
         ++at)
      records.push_back({at->first, at->second->value, at->second->revision});
    return records;
  }

 private:
  const State* state_;
};

class MemoryKeyStore final : public KeyStore {
 public:
  Result<std::unique_ptr<Snapshot>> Read() const override {
    return std::unique_ptr<Snapshot>(std::make_unique<HeldState>(*this));
  }

  Result<Revision> Update(const Change& change) override {
    OptimisticTransaction transaction(change);
    {
      const HeldState snapshot(*this);
      KMS_CHECK_OK(transaction.Run(snapshot));
      if (!transaction.HasWrites()) return snapshot.revision();
    }
    const std::lock_guard lock(mutex_);
    KMS_CHECK_OK(transaction.Settle(StateView(*newest_)));
    if (!transaction.HasWrites()) return newest_->revision;
    Apply(transaction);
    changed_.notify_all();
    return newest_->revision;
  }

  Result<void> Check() const override { return {}; }

  Result<Revision> WaitForChange(Revision seen,
                                 std::chrono::milliseconds patience) const override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return newest_->revision > seen; });
    return newest_->revision;
  }

 private:
  // A share in the newest state. It is taken and given back under the lock, so that
  // a writer who finds itself alone with the state stays alone.
  class HeldState final : public Snapshot {
   public:
    explicit HeldState(const MemoryKeyStore& store) : store_(store) {
      const std::lock_guard lock(store_.mutex_);
      state_ = store_.newest_;
    }
    ~HeldState() override {
      const std::lock_guard lock(store_.mutex_);
      state_.reset();
    }
    Revision revision() const override { return state_->revision; }
    Result<std::optional<RecordView>> Get(std::string_view key) const override {
      return StateView(*state_).Get(key);
    }
    Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                     std::size_t limit) const override {
      return StateView(*state_).Scan(prefix, from, limit);
    }

   private:
    const MemoryKeyStore& store_;
    std::shared_ptr<const State> state_;
  };

  void Apply(const OptimisticTransaction& transaction) {
    if (newest_.use_count() > 1) newest_ = std::make_shared<State>(*newest_);
    const Revision revision = ++newest_->revision;
    for (Write& write : transaction.Writes(revision)) {
      if (!write.value) {
        newest_->entries.erase(write.key);
        continue;
      }
      newest_->entries.insert_or_assign(
          std::move(write.key),
          std::make_shared<Entry>(Entry{std::string(*write.value), revision}));
    }
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<State> newest_ = std::make_shared<State>();
};

}  // namespace

std::unique_ptr<KeyStore> NewMemoryKeyStore() {
  return std::make_unique<MemoryKeyStore>();
}

}  // namespace kms
