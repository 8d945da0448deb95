// FaultyKeyStore: a store whose n-th call fails, for tests that walk every way to fail;
// it also knows how many of its snapshots there are.

#ifndef KMS_TESTS_SUPPORT_FAULTY_KEY_STORE_H_
#define KMS_TESTS_SUPPORT_FAULTY_KEY_STORE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "kms/key_store.h"

namespace kms::testing {

class FaultyKeyStore final : public KeyStore {
 public:
  explicit FaultyKeyStore(KeyStore& inner) : inner_(inner) {}

  // The n-th call from now on fails, counted from 1; 0: none does.
  void FailCall(int n) { left_ = n; }
  // Whether the failure has happened.
  bool HasFailed() const { return left_ < 0; }

  Result<std::unique_ptr<Snapshot>> Read() const override {
    if (Fails()) return Reason::kStoreUnavailable;
    KMS_TRY(auto snapshot, inner_.Read());
    return std::unique_ptr<Snapshot>(
        std::make_unique<Counted>(snapshots_, std::move(snapshot)));
  }
  int snapshots() const { return snapshots_; }

  Result<Revision> Update(
      const std::function<Result<void>(Transaction&)>& change) override {
    if (Fails()) return Reason::kStoreUnavailable;
    return inner_.Update(change);
  }

  Result<void> Check() const override { return inner_.Check(); }

  Result<Revision> WaitForChange(Revision seen,
                                 std::chrono::milliseconds patience) const override {
    if (Fails()) return Reason::kStoreUnavailable;
    return inner_.WaitForChange(seen, patience);
  }

 private:
  class Counted final : public Snapshot {
   public:
    Counted(std::atomic<int>& count, std::unique_ptr<Snapshot> inner)
        : count_(count), inner_(std::move(inner)) {
      ++count_;
    }
    ~Counted() override { --count_; }
    Result<std::optional<RecordView>> Get(std::string_view key) const override {
      return inner_->Get(key);
    }
    Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                     std::size_t limit) const override {
      return inner_->Scan(prefix, from, limit);
    }
    Revision revision() const override { return inner_->revision(); }

   private:
    std::atomic<int>& count_;
    const std::unique_ptr<Snapshot> inner_;
  };

  bool Fails() const {
    if (left_ <= 0 || --left_ > 0) return false;
    left_ = -1;
    return true;
  }

  KeyStore& inner_;
  mutable int left_ = 0;
  mutable std::atomic<int> snapshots_ = 0;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_SUPPORT_FAULTY_KEY_STORE_H_
