#include "identity/access_keys.h"

#include <cstddef>
#include <utility>

#include "identity/records.h"

namespace kms {
Result<MadeAccessKey> MakeAccessKey(const RootKey& root, CryptoBackend& random,
                                    std::string_view account, std::string_view user,
                                    bool is_root, UnixMillis now) {
  MadeAccessKey made;
  AccessKeyRecord& record = made.record;
  KMS_TRY(record.id, NewIdentityId(random));
  record.account = account;
  record.user = user;
  record.root = is_root;
  record.created = now;
  made.access_key.principal = PrincipalOf(record);
  KMS_TRY(made.access_key.secret, NewSecretKey(random, root, record));
  return made;
}

Index IndexOfUserKey(const AccessKeyRecord& record) {
  return {{place::AccessKeyOfUser(record.account, record.user, record.id), record.id}};
}

void PutAccessKey(Transaction& transaction, const AccessKeyRecord& record) {
  transaction.Put(AccessKeyPlace(record.id), WriteAccessKey(record));
  ChangeIndex(transaction, {}, IndexOfUserKey(record));
}

void EraseAccessKey(Transaction& transaction, const AccessKeyRecord& record) {
  ChangeIndex(transaction, IndexOfUserKey(record), {});
  transaction.Erase(AccessKeyPlace(record.id));
}

Result<std::vector<AccessKeyRecord>> AccessKeysOf(const Reader& reader,
                                                  std::string_view account,
                                                  std::string_view user) {
  KMS_TRY(const auto pointers,
          reader.Scan(place::AccessKeysOfUser(account, user), {}, kAllRecords));
  std::vector<AccessKeyRecord> records;
  for (const Record& pointer : pointers) {
    KMS_TRY(const auto found, reader.Get(AccessKeyPlace(pointer.value)));
    if (!found) return Reason::kAccessKeyNotFound;
    KMS_TRY(AccessKeyRecord record, ReadAccessKey(found->value));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace kms
