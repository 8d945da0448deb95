#include "hsm_adapters/pkcs11/nonce_budget.h"

#include <algorithm>

#include "keys/token_records.h"

namespace kms {
namespace pkcs11 {
namespace {

constexpr std::uint64_t kLargestBlock = std::uint64_t{1} << 20;

}  // namespace

Result<void> NonceBudget::Take() {
  const std::lock_guard lock(mutex_);
  if (left_ == 0) {
    std::uint64_t taken = 0;
    KMS_CHECK_OK(store_.Update([&](Transaction& transaction) -> Result<void> {
      NonceCountRecord count;
      KMS_TRY(const auto found, transaction.Get(store_key_));
      if (found) {
        KMS_TRY(count, ReadRecord<NonceCountRecord>(found->value));
      }
      if (count.reserved >= kMost)
        return Error(Reason::kQuotaUsedUp,
                     "the key has sealed all the messages that it may: rotate it");
      taken = std::min(block_, kMost - count.reserved);
      count.reserved += taken;
      transaction.Put(store_key_, WriteRecord(count));
      return {};
    }));
    left_ = taken;
    block_ = std::min(block_ * 2, kLargestBlock);
  }
  --left_;
  return {};
}

}  // namespace pkcs11
}  // namespace kms
