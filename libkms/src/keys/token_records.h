// The records that the adapter of a token keeps in the store (docs/record_format.md):
// they are written there, and read here as well, by whoever copies or examines a whole
// store.

#ifndef KMS_KEYS_TOKEN_RECORDS_H_
#define KMS_KEYS_TOKEN_RECORDS_H_

#include <cstdint>
#include <string>

#include "core/json_record.h"
#include "kms/clock.h"
#include "kms/encoding.h"

namespace kms {

// A root key in a token.
struct HsmRootRecord {
  std::uint32_t index = 0;
  std::string id;      // CKA_ID, as text
  std::string serial;  // of the token
  UnixMillis created = 0;
  bool made = false;  // false: its making has begun, and may have left an object
  bool wraps = true;
  bool derives = true;  // message keys; false: random nonces
  Bytes seal;           // the sealing key, wrapped
};

// How many random nonces of a key have been given away.
struct NonceCountRecord {
  std::uint64_t reserved = 0;
};

// With more, two are likely enough to be the same.
inline constexpr std::uint64_t kMostNonces = std::uint64_t{1} << 32;

template <typename Archive>
void Members(Archive& archive, HsmRootRecord& r) {
  archive("index", r.index);
  archive("id", r.id);
  archive("serial", r.serial);
  archive("created", r.created);
  archive("made", r.made);
  archive("wraps", r.wraps);
  archive("derives", r.derives);
  archive("seal", r.seal);
}

template <typename Archive>
void Members(Archive& archive, NonceCountRecord& r) {
  archive("reserved", r.reserved);
}

namespace place {
inline std::string HsmRoots() { return JoinKey({"hsm-root"}); }
inline std::string HsmRoot(std::uint32_t index) {
  return JoinKey({"hsm-root", KeyNumber(index)});
}
inline std::string HsmRootNonces(std::uint32_t index) {
  return JoinKey({"hsm-root-nonces", KeyNumber(index)});
}
}  // namespace place

}  // namespace kms

#endif  // KMS_KEYS_TOKEN_RECORDS_H_
