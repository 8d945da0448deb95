// The records of keys: what they hold, how they are written, and under which store
// keys they lie. The only copy of these facts in the code; docs/record_format.md
// tells them to a second implementation.
//
// A record is a JSON object (core/json_record.h).

#ifndef KMS_KEYS_RECORDS_H_
#define KMS_KEYS_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kms/key.h"
#include "kms/result.h"
#include "kms/root_key.h"

namespace kms {

// What a key is: facts only. Its state is derived (keys/states.h).
struct KeyRecord {
  std::string id;
  std::string account;
  std::string region;
  std::string project;
  std::string creator;
  KeySpec spec = KeySpec::kAes256;
  KeyUsage usage = KeyUsage::kEncryptDecrypt;
  ProtectionLevel level = ProtectionLevel::kSoftware;
  KeyOrigin origin = KeyOrigin::kKms;
  std::string description;
  UnixMillis created = 0;
  UnixMillis updated = 0;
  std::uint64_t position = 0;  // among the keys of its account and region

  bool enabled = true;
  bool material = false;
  std::optional<UnixMillis> deletion;
  std::optional<UnixMillis> material_expires;
  std::optional<int> rotation_days;
  std::optional<UnixMillis> next_rotation;
  UnixMillis last_rotation = 0;
  bool deletion_protected = false;
  bool is_default = false;

  std::string primary;         // version id; empty for asymmetric keys
  std::uint64_t versions = 0;  // how many there have been
  Bytes fingerprint;           // of imported material, sealed
};

struct VersionRecord {
  std::string id;
  std::string key;
  std::string account;
  std::uint64_t number = 0;  // from 0, in order of creation
  UnixMillis created = 0;
  Bytes sealed;      // empty: the material was deleted
  Bytes public_key;  // DER SubjectPublicKeyInfo of asymmetric keys
  // Of keys of HSM level only: which material this is, part of its place; and where it
  // is, as kms/crypto_backend.h tells (WrappedKey).
  std::optional<std::string> instance;
  std::optional<std::uint32_t> root;
  std::optional<bool> in_token;
};

struct AliasRecord {
  std::string name;
  std::string key;
  UnixMillis created = 0;
  std::uint64_t position = 0;  // among the aliases of its account and region
};

// A token for one import (kms/import_service.h). Its private key is sealed.
struct TokenRecord {
  std::string id;
  std::string key;
  EncryptionAlgorithm algorithm = EncryptionAlgorithm::kRsaOaepSha256;
  UnixMillis expires = 0;
  int failures = 0;
  Bytes sealed;
  std::optional<ProtectionLevel> pair;  // whose backend made it; absent: software
};

// An object in a token that is to be destroyed, if nobody takes it over before: of
// material that may have been made, but is not yet committed, or is no longer.
struct DiscardRecord {
  std::string instance;
  std::string key;
  UnixMillis not_before = 0;  // 0: at once, and nobody may take it over any more
};

// A request id that a change has used, and how that ended.
struct RequestRecord {
  Bytes fingerprint;
  std::string outcome;  // a JSON text; empty: success without a result
};

// How long a list is, and where it goes on.
struct CounterRecord {
  std::uint64_t next = 0;
  std::uint64_t live = 0;
};

// An index entry that holds nothing but the name of what it points at.
struct PointerRecord {
  std::string name;
};

// The newest format of a store that this release knows.
inline constexpr int kStoreFormat = 1;

// The store as a whole.
struct HeaderRecord {
  int format = kStoreFormat;
  int oldest_reader = 1;    // releases that know less may not open it
  std::uint64_t epoch = 0;  // how often it was opened for service
  Bytes root_check;         // sealed under the root key
};

// Defined for each of the structs above.
template <typename Record>
std::string ToJson(const Record& record);
// Fails: kCorrupt.
template <typename Record>
Result<Record> FromJson(std::string_view json);

// What is due, in the order of its processing at the same moment.
enum class DueKind : std::uint8_t { kRotate, kDelete, kExpire, kToken, kRequest };

// A due-date. `object` is a token or a request id, else empty; `owner` is the access
// key of a request, else the account.
struct Due {
  UnixMillis time = 0;
  DueKind kind = DueKind::kRotate;
  std::string owner;
  std::string region;
  std::string key;
  std::string object;

  friend bool operator==(const Due&, const Due&) = default;
};

// The parts that JoinKey made a store key of: what stands before each end of a part.
std::vector<std::string> SplitKey(std::string_view store_key);

// Store keys.
namespace place {
std::string Header();
std::string Keys();
std::string Key(std::string_view account, std::string_view region, std::string_view id);
std::string KeyList(std::string_view account, std::string_view region);
std::string KeyList(const KeyRecord& key);
std::string Version(std::string_view account, std::string_view key, std::string_view id);
std::string AllVersions();
std::string Versions(std::string_view account, std::string_view key);
std::string VersionList(std::string_view account, std::string_view key);
std::string VersionList(std::string_view account, std::string_view key,
                        std::uint64_t number);
std::string Alias(std::string_view account, std::string_view region,
                  std::string_view name);
std::string Aliases();
std::string AliasList(std::string_view account, std::string_view region);
std::string AliasList(std::string_view account, std::string_view region,
                      std::uint64_t position);
std::string AliasesOfKey(std::string_view account, std::string_view key);
std::string AliasesOfKey(std::string_view account, std::string_view key,
                         std::uint64_t position);
std::string Token(std::string_view account, std::string_view key, std::string_view id);
std::string Tokens(std::string_view account, std::string_view key);
std::string Request(std::string_view access_key, std::string_view request_id);
std::string KeyCounter(std::string_view account, std::string_view region);
std::string DefaultKeyCounter(std::string_view account, std::string_view region);
std::string AliasCounter(std::string_view account, std::string_view region);
std::string AsymmetricVersionCounter(std::string_view account, std::string_view region);
std::string Discards();
std::string Discard(std::string_view instance);
// How many messages were sealed under a key with random nonces (hsm_adapters/pkcs11).
std::string TokenNonces(std::string_view account, std::string_view key);
std::string TokenNonces(const Place& place);
std::string Dues();
std::string DueDate(const Due& due);
// ParseDue reads what DueDate wrote. Fails: kCorrupt.
Result<Due> ParseDue(std::string_view store_key);
}  // namespace place

}  // namespace kms

#endif  // KMS_KEYS_RECORDS_H_
