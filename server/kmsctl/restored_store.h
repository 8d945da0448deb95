// Restoring the store of a backup file (kmsctl/backup_file.h).

#ifndef KMS_SERVER_KMSCTL_RESTORED_STORE_H_
#define KMS_SERVER_KMSCTL_RESTORED_STORE_H_

#include <string>

#include "kms/backup.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::server {

// RestoreInto makes the folder `store`, and the store of the backup `file` in it. What it
// leaves there when it fails is to be thrown away.
// Fails: as DecryptBackup and StoreRestore; kInternal.
Result<BackupManifest> RestoreInto(const std::string& store, const std::string& file,
                                   const SecretBytes& pass_phrase);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_RESTORED_STORE_H_
