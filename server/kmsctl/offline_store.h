// OfflineStore: kmsd's store and root key, for commands that work on the machine of kmsd,
// beside a running one or without.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_OFFLINE_STORE_H_
#define KMS_SERVER_KMSCTL_OFFLINE_STORE_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "kms/key_store.h"
#include "kms/result.h"
#include "kms/root_key.h"

namespace kms::server {

struct OfflineStore {
  std::unique_ptr<RootKey> root;
  std::unique_ptr<KeyStore> store;
};

// AddRootFolderOptions adds the options that name where the parts of the root key are,
// for those that are not in the data directory.
void AddRootFolderOptions(CLI::App& command, SoftwareRootKeyFolders& folders);

// RootFoldersOf: where the parts are, of which those that are not given are in the data
// directory `data`. Fails: kInvalidArgument if there is none, and a folder is not given.
Result<SoftwareRootKeyFolders> RootFoldersOf(const std::string& data,
                                             const SoftwareRootKeyFolders& given);

// OpenStoreOf opens the store of the data directory `data`, and makes none.
// Fails: kInvalidArgument if there is none; kUnavailable.
Result<std::unique_ptr<KeyStore>> OpenStoreOf(const std::string& data);

// OpenOfflineStore opens the root key, too, and checks that it is the store's. Folders
// that are empty are those of the data directory.
// Fails: like OpenStoreOf; kNotFound or kCorrupt if the root key is not all there.
Result<OfflineStore> OpenOfflineStore(const std::string& data,
                                      const SoftwareRootKeyFolders& folders);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_OFFLINE_STORE_H_
