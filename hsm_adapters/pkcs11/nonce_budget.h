// NonceBudget: counts the random nonces that a key has used, so that it is refused long
// before two are likely to be the same.
//
// The count is durable: nonces are reserved in the store in blocks, which grow from 2^10
// to 2^20, and what a block has left when its process ends is given up.
//
// Threads: may be used from many threads at once.

#ifndef KMS_PKCS11_NONCE_BUDGET_H_
#define KMS_PKCS11_NONCE_BUDGET_H_

#include <cstdint>
#include <mutex>
#include <string>

#include "keys/token_records.h"
#include "kms/key_store.h"
#include "kms/result.h"

namespace kms::pkcs11 {

class NonceBudget {
 public:
  static constexpr std::uint64_t kMost = kMostNonces;

  NonceBudget(KeyStore& store, std::string store_key)
      : store_(store), store_key_(std::move(store_key)) {}

  // Take allows one more nonce. Fails: kExhausted when all are used; kUnavailable.
  Result<void> Take();

 private:
  KeyStore& store_;
  const std::string store_key_;
  std::mutex mutex_;
  std::uint64_t left_ = 0;
  std::uint64_t block_ = std::uint64_t{1} << 10;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_NONCE_BUDGET_H_
