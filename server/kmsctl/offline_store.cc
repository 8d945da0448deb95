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

Result<SoftwareRootKeyFolders> RootFoldersOf(const std::string& data,
                                             const SoftwareRootKeyFolders& given) {
  if (data.empty() &&
      (given.root.empty() || given.private_key.empty() || given.wrapping_key.empty()))
    return UsageError(
        "give --data DIR, or --root-folder, --private-folder and --wrap-folder");
  SoftwareRootKeyFolders folders = DataLayout(data).root_folders();
  if (!given.root.empty()) folders.root = given.root;
  if (!given.private_key.empty()) folders.private_key = given.private_key;
  if (!given.wrapping_key.empty()) folders.wrapping_key = given.wrapping_key;
  return folders;
}

Result<std::unique_ptr<KeyStore>> OpenStoreOf(const std::string& data) {
  const std::string store = DataLayout(data).store();
  // What is not there is not to become an empty store.
  if (!std::filesystem::exists(store + "/data.mdb"))
    return UsageError(store + ": no store of a kmsd");
  return OpenLmdbKeyStore(store);
}

Result<OfflineStore> OpenOfflineStore(const std::string& data,
                                      const SoftwareRootKeyFolders& folders) {
  KMS_TRY(const SoftwareRootKeyFolders used, RootFoldersOf(data, folders));
  OfflineStore opened;
  KMS_TRY(opened.store, OpenStoreOf(data));
  KMS_TRY(opened.root, OpenSoftwareRootKey(used));
  KMS_CHECK_OK(CheckRootKey(*opened.store, *opened.root));
  return opened;
}

}  // namespace kms::server
