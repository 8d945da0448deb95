// The states of a key: derived from facts, and one table of which operation each
// state allows (manual 4.2.1, 4.2.6, 4.2.8, 5.1.3).

#ifndef KMS_KEYS_STATES_H_
#define KMS_KEYS_STATES_H_

#include <cstdint>
#include <vector>

#include "keys/records.h"
#include "kms/result.h"

namespace kms {

// What may be done to a key, as far as its state has a say.
enum class Action : std::uint8_t {
  kUse,      // every cryptographic operation, public-key ones and getPublicKey included
  kEncrypt,  // those of them that default keys are for: encrypt, decrypt, data keys
  kEnable,
  kDisable,
  kScheduleDeletion,
  kCancelDeletion,
  kProtect,
  kUnprotect,
  kUpdateDescription,
  kPointAlias,
  kDeleteAlias,
  kSetRotation,
  kCreateVersion,
  kImport,  // parameters and material
  kDeleteMaterial,
  kMove,  // to another project
  kTag,   // and taking a tag off
  kDescribe,
};

KeyState StateOf(const KeyRecord& key, UnixMillis now);
AutomaticRotation RotationOf(const KeyRecord& key, UnixMillis now);

// CheckDefault fails if `key` is a default key, and those are not for `action` (manual
// 4.7.1): with kDefaultKeyAlias, if it is about aliases, else with kKeyNotAvailable.
// CheckState asks it first; whoever checks something else before the state asks it, too.
Result<void> CheckDefault(Action action, const KeyRecord& key);

// CheckState fails with the reason that the table gives for doing `action` to `key`
// now.
Result<void> CheckState(Action action, const KeyRecord& key, UnixMillis now);

// DuesOf lists the due-dates that follow from the facts of a key. Rotation is due only
// while the key is enabled: a paused one is due at once when the key is enabled again.
std::vector<Due> DuesOf(const KeyRecord& key);

}  // namespace kms

#endif  // KMS_KEYS_STATES_H_
