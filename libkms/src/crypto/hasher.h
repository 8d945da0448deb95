// Hasher: Digest for many messages, one after the other, each of them in pieces; it
// allocates nothing for a message.
//
// Threads: one at a time.

#ifndef KMS_CRYPTO_HASHER_H_
#define KMS_CRYPTO_HASHER_H_

#include <memory>

#include "kms/digest.h"

namespace Botan {
class HashFunction;
}

namespace kms {

class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm);
  ~Hasher();

  void Add(ByteView piece);

  // Finish returns the digest of what was added, and begins the next message.
  Digest32 Finish();

 private:
  std::unique_ptr<Botan::HashFunction> hash_;
};

}  // namespace kms

#endif  // KMS_CRYPTO_HASHER_H_
