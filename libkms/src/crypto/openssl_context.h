// What all that uses OpenSSL shares. Its types stay out of every other header of this
// folder.
//
// Threads: all of it may be used from many threads at once.

#ifndef KMS_CRYPTO_OPENSSL_CONTEXT_H_
#define KMS_CRYPTO_OPENSSL_CONTEXT_H_

#include <openssl/err.h>
#include <openssl/types.h>

namespace kms::internal {

// Nothing of ours stays on the error queue of the thread, and what was there before does.
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  ~QuietErrors() { ERR_pop_to_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
};

// Library returns the context with our providers. It reads no configuration of the
// system, so that what is accepted and computed does not depend on it.
OSSL_LIB_CTX* Library();
// Whether the legacy provider, which has RC2 and RC4, could be loaded.
bool HasLegacyProvider();

// The deleter of an object that kFree frees.
template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace kms::internal

#endif  // KMS_CRYPTO_OPENSSL_CONTEXT_H_
