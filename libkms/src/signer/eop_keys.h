// EopKey: the key that signs one access key's requests of one second. EopKeys: those
// that verified lately.
//
// Three HMACs lead from a secret key to it, and depend on nothing else of a request, so
// that they are worth remembering: most requests come in the same second as another one
// under the same access key.
//
// Threads: an EopKeys may be used from many threads at once.

#ifndef KMS_SIGNER_EOP_KEYS_H_
#define KMS_SIGNER_EOP_KEYS_H_

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kms/digest.h"
#include "kms/secret_bytes.h"

namespace kms {

class EopKey {
 public:
  // Derives it. `date` is that of the request, as sent.
  EopKey(const SecretBytes& secret_key, std::string_view access_key,
         std::string_view date);
  EopKey(EopKey&& other) noexcept = default;
  EopKey& operator=(EopKey&& other) noexcept = default;

  Digest32 Sign(std::string_view text) const;
  EopKey Clone() const { return EopKey(key_.Clone()); }

 private:
  explicit EopKey(SecretBytes key) : key_(std::move(key)) {}
  SecretBytes key_;
};

// At most 64, wiped when another takes their place, and with the object. A key is found
// under exactly the secret key that it was derived from: whoever has a new one, or none
// any more, gets nothing from here.
class EopKeys {
 public:
  EopKeys();

  std::optional<EopKey> Find(const SecretBytes& secret_key, std::string_view access_key,
                             std::string_view date) const;

  // Keep is for what has verified a request: others must not push out what is in use.
  void Keep(const EopKey& key, const SecretBytes& secret_key, std::string_view access_key,
            std::string_view date);

 private:
  struct Slot {
    mutable std::mutex mutex;
    std::string access_key;
    std::string date;
    SecretBytes secret_key;
    std::optional<EopKey> key;
  };
  static std::size_t SlotOf(std::string_view access_key, std::string_view date);

  std::array<Slot, 64> slots_;
};

}  // namespace kms

#endif  // KMS_SIGNER_EOP_KEYS_H_
