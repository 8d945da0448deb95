// FaultyKeyStore: a store whose n-th call fails, for tests that walk every way to fail.

#ifndef KMS_TESTS_SUPPORT_FAULTY_KEY_STORE_H_
#define KMS_TESTS_SUPPORT_FAULTY_KEY_STORE_H_

#include <memory>
#include <utility>

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
    return inner_.Read();
  }

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
  bool Fails() const {
    if (left_ <= 0 || --left_ > 0) return false;
    left_ = -1;
    return true;
  }

  KeyStore& inner_;
  mutable int left_ = 0;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_SUPPORT_FAULTY_KEY_STORE_H_
