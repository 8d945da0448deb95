// EncryptionContext: names and texts that a ciphertext is bound to. They are not secret
// and not kept in the ciphertext; who decrypts has to give the same ones. Beyond the
// manual.
//
// Threads: a value.

#ifndef KMS_ENCRYPTION_CONTEXT_H_
#define KMS_ENCRYPTION_CONTEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kms/result.h"

namespace kms {

class EncryptionContext {
 public:
  static constexpr std::size_t kMaxPairs = 64;
  static constexpr std::size_t kMaxBytes = 4096;  // of all names and texts

  // Of none: what is encrypted is bound to its key and account alone.
  EncryptionContext() = default;

  // Of takes the pairs in any order: the order makes no difference.
  // Fails: kBadParameter for an empty name, one that is there twice, or a zero byte in
  // any of them; kTooLong.
  static Result<EncryptionContext> Of(
      std::vector<std::pair<std::string_view, std::string_view>> pairs);

  bool empty() const { return encoded_.empty(); }

  // The pairs in one form, as they are authenticated (docs/record_format.md).
  const std::string& encoded() const { return encoded_; }

 private:
  std::string encoded_;
};

}  // namespace kms

#endif  // KMS_ENCRYPTION_CONTEXT_H_
