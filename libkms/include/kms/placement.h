// Where the material of a key lives: for an operator who looks into a store, beside the
// server or without one. No root key is needed, and nothing secret is told.

#ifndef KMS_PLACEMENT_H_
#define KMS_PLACEMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kms/key.h"
#include "kms/key_store.h"
#include "kms/result.h"

namespace kms {

// One version of a key.
struct KeyPlacement {
  std::string account;
  std::string region;
  std::string key;
  ProtectionLevel level = ProtectionLevel::kSoftware;
  KeySpec spec = KeySpec::kAes256;
  std::string version;
  std::uint64_t number = 0;  // from 0, in order of creation
  bool primary = false;
  UnixMillis created = 0;
  bool has_material = false;     // false: imported material was deleted, or expired
  std::size_t sealed_bytes = 0;  // in the store
  // As WrappedKey tells: the root key that the material is under, 0 for the software
  // root key; and whether it is an object in the token, to which the store only refers.
  std::uint32_t root = 0;
  bool in_token = false;
};

// FindKeyPlacement returns the versions of the key that `name`, an id or an alias, stands
// for, in order of creation; a key that waits for its first import has none. An alias may
// stand for a key in each account and region: they follow each other.
// Fails: kKeyNotFound; kCorrupt; kUnavailable.
Result<std::vector<KeyPlacement>> FindKeyPlacement(const KeyStore& store,
                                                   std::string_view name);

}  // namespace kms

#endif  // KMS_PLACEMENT_H_
