// The record of an access key, of a user or of an access point, and how its secret key
// is made and sealed.

#ifndef KMS_IDENTITY_ACCESS_KEY_RECORD_H_
#define KMS_IDENTITY_ACCESS_KEY_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kms/crypto_backend.h"
#include "kms/key_store.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/root_key.h"
#include "kms/secret_bytes.h"

namespace kms {

struct AccessKeyRecord {
  std::string id;
  std::string account;
  std::string user;
  bool root = false;
  bool enabled = true;
  Bytes sealed;  // the secret key
  std::optional<UnixMillis> created;
  // Of access points only.
  std::optional<std::string> access_point;
  std::optional<std::string> region;
  std::optional<AccessKeyScope> scope;
  std::optional<std::uint64_t> position;  // among the keys of the access point
  // Of users only: its user is disabled.
  std::optional<bool> suspended;
};

std::string WriteAccessKey(const AccessKeyRecord& record);
// Fails: kCorrupt.
Result<AccessKeyRecord> ReadAccessKey(std::string_view json);

// FindAccessKey reads the access key of that id, if it is one of `account`. For one of
// another account it takes the path of one that is not there.
// Fails: kAccessKeyNotFound; kCorrupt.
Result<AccessKeyRecord> FindAccessKey(const Reader& reader, std::string_view account,
                                      std::string_view access_key);

std::string AccessKeyPlace(std::string_view access_key);

Principal PrincipalOf(const AccessKeyRecord& record);

// NewIdentityId makes an id of 32 hexadecimal digits.
// Fails: as CryptoBackend::Random.
Result<std::string> NewIdentityId(CryptoBackend& random);

// NewSecretKey makes a secret key of 32 letters and digits, and seals it into `record`,
// whose id and account are set.
// Fails: as CryptoBackend::Random and RootKey::Seal.
Result<SecretBytes> NewSecretKey(CryptoBackend& random, const RootKey& root,
                                 AccessKeyRecord& record);

// Fails: as RootKey::Open.
Result<SecretBytes> OpenSecretKey(const RootKey& root, const AccessKeyRecord& record);

}  // namespace kms

#endif  // KMS_IDENTITY_ACCESS_KEY_RECORD_H_
