// What a key is, seen from outside: the values that the services take and return.

#ifndef KMS_KEY_H_
#define KMS_KEY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/tag.h"

namespace kms {

// The numbers are the manual's (5.3.1, 5.3.7).
enum class KeyUsage : std::uint8_t { kEncryptDecrypt = 1, kSignVerify = 2 };
enum class ProtectionLevel : std::uint8_t { kHsm = 0, kSoftware = 1 };
enum class KeyOrigin : std::uint8_t { kExternal = 0, kKms = 1 };
enum class KeyState : std::uint8_t {
  kDisabled = 0,
  kEnabled = 1,
  kPendingDeletion = 2,
  kPendingImport = 3
};
enum class AutomaticRotation : std::uint8_t {
  kEnabled = 0,
  kDisabled = 1,
  kSuspended = 2
};

struct KeyDescription {
  std::string id;  // UUID
  std::string account;
  std::string region;
  std::string project;
  std::string creator;  // user id
  KeySpec spec = KeySpec::kAes256;
  KeyUsage usage = KeyUsage::kEncryptDecrypt;
  ProtectionLevel level = ProtectionLevel::kSoftware;
  KeyOrigin origin = KeyOrigin::kKms;
  KeyState state = KeyState::kEnabled;
  std::string description;
  UnixMillis created = 0;
  UnixMillis updated = 0;
  std::optional<UnixMillis> deletion;          // while pending deletion
  std::optional<UnixMillis> material_expires;  // imported material with an end
  AutomaticRotation rotation = AutomaticRotation::kDisabled;
  std::optional<int> rotation_days;
  UnixMillis last_rotation = 0;  // of a new key: its creation
  std::optional<UnixMillis> next_rotation;
  std::string primary_version;  // empty: an asymmetric key, or no material yet
  bool deletion_protected = false;
  bool is_default = false;
  std::vector<std::string> aliases;  // oldest first
  std::vector<Tag> tags;             // oldest first
};

struct VersionDescription {
  std::string key;
  std::string id;  // UUID
  UnixMillis created = 0;
};

struct AliasDescription {
  std::string name;
  std::string key;
};

// A page of a list, which is ordered by creation. Pages count from 0.
struct PageRequest {
  std::size_t number = 0;
  std::size_t size = 10;
};

template <typename T>
struct Page {
  std::vector<T> items;
  std::size_t total = 0;  // of all pages
};

}  // namespace kms

#endif  // KMS_KEY_H_
