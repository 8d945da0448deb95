#include "kmsctl/offline_store.h"

#include <filesystem>
#include <utility>

#include "kms/kms.h"
#include "kmsctl/failure.h"
#include "kmsd/layout.h"

namespace kms::server {

void AddRootFolderOptions(CLI::App& command, SoftwareRootKeyFolders& folders) {
  command.add_option("--root-folder", folders.root,
                     "Where the root key is, if not in the data directory");
  command.add_option("--private-folder", folders.private_key, "Where its private key is");
  command.add_option("--wrap-folder", folders.wrapping_key, "Where its wrapping key is");
}

Result<std::unique_ptr<KeyStore>> OpenStoreOf(const std::string& data) {
  const std::string store = DataLayout(data).store();
  // A folder that is not there is not to become an empty store.
  if (!std::filesystem::exists(store)) return UsageError(store + ": no store of a kmsd");
  return OpenLmdbKeyStore(store);
}

Result<OfflineStore> OpenOfflineStore(const std::string& data,
                                      const SoftwareRootKeyFolders& folders) {
  SoftwareRootKeyFolders used = DataLayout(data).root_folders();
  if (!folders.root.empty()) used.root = folders.root;
  if (!folders.private_key.empty()) used.private_key = folders.private_key;
  if (!folders.wrapping_key.empty()) used.wrapping_key = folders.wrapping_key;
  OfflineStore opened;
  KMS_TRY(opened.store, OpenStoreOf(data));
  KMS_TRY(opened.root, OpenSoftwareRootKey(used));
  KMS_CHECK_OK(CheckRootKey(*opened.store, *opened.root));
  return opened;
}

}  // namespace kms::server
