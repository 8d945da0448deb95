// Making and keeping the access keys of users, the root user among them.

#ifndef KMS_IDENTITY_ACCESS_KEYS_H_
#define KMS_IDENTITY_ACCESS_KEYS_H_

#include <string_view>
#include <vector>

#include "core/index_entry.h"
#include "identity/access_key_record.h"
#include "kms/crypto_backend.h"
#include "kms/identity.h"
#include "kms/key_store.h"
#include "kms/root_key.h"

namespace kms {

struct MadeAccessKey {
  AccessKeyRecord record;
  NewAccessKey access_key;
};

// MakeAccessKey makes one for a user; it counts when its record is stored.
// Fails: kUnavailable.
Result<MadeAccessKey> MakeAccessKey(const RootKey& root, CryptoBackend& random,
                                    std::string_view account, std::string_view user,
                                    bool is_root, UnixMillis now);

// The index entries that follow from an access key of a user.
Index IndexOfUserKey(const AccessKeyRecord& record);

void PutAccessKey(Transaction& transaction, const AccessKeyRecord& record);
void EraseAccessKey(Transaction& transaction, const AccessKeyRecord& record);

// AccessKeysOf returns all of a user. Fails: kUnavailable, kCorrupt.
Result<std::vector<AccessKeyRecord>> AccessKeysOf(const Reader& reader,
                                                  std::string_view account,
                                                  std::string_view user);

}  // namespace kms

#endif  // KMS_IDENTITY_ACCESS_KEYS_H_
