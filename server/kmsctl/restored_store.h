// RestoreStore: a store made of a backup file.
//
// Threads: free of shared state.

#ifndef KMS_SERVER_KMSCTL_RESTORED_STORE_H_
#define KMS_SERVER_KMSCTL_RESTORED_STORE_H_

#include <string>

#include "kms/backup.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::server {

// RestoreStore makes the folder `store`, with the store that the backup `file` holds.
// What is left in it after a failure is to be thrown away. Fails: kInternal if the folder
// cannot be made; as DecryptBackup and StoreRestore.
Result<BackupManifest> RestoreStore(const std::string& store, const std::string& file,
                                    const SecretBytes& pass_phrase);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_RESTORED_STORE_H_
