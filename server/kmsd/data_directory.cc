#include "kmsd/data_directory.h"

#include <string>
#include <utility>

namespace kms::server {
namespace {

Error Lost(std::string what) {
  return Error(ErrorClass::kCorrupt, Reason::kInternal, std::move(what));
}

Result<bool> IsEmpty(const KeyStore& store) {
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(const auto records, snapshot->Scan({}, {}, 1));
  return records.empty();
}

// The root key belongs to the store: each is made only where there is none of the other.
Result<std::unique_ptr<RootKey>> OpenRoot(const SoftwareRootKeyFolders& folders,
                                          bool may_make) {
  auto opened = OpenSoftwareRootKey(folders);
  if (opened || opened.error().error_class() != ErrorClass::kNotFound) return opened;
  if (!may_make)
    return Lost("the store holds keys, but there is no root key in " + folders.root +
                ": restore it from the backup");
  return CreateSoftwareRootKey(folders);
}

}  // namespace

DataDirectory::DataDirectory(DataLayout layout) : layout_(std::move(layout)) {}

Result<DataDirectory> DataDirectory::Open(const Config& config) {
  DataDirectory opened{DataLayout(config.data)};
  const DataLayout& layout = opened.layout_;
  KMS_CHECK_OK(MakeFolder(layout.directory()));
  KMS_TRY(opened.lock_,
          LockFile(layout.lock(), "another kmsd runs on this data directory"));
  for (const std::string& folder :
       {layout.store(), layout.tls(), config.root_folders.root,
        config.root_folders.private_key, config.root_folders.wrapping_key})
    KMS_CHECK_OK(MakeFolder(folder));
  KMS_TRY(opened.store_, OpenLmdbKeyStore(layout.store()));
  KMS_TRY(const bool empty, IsEmpty(*opened.store_));
  if (empty && FileExists(layout.initialised()))
    return Lost("the store in " + layout.store() +
                " is empty, but was not: restore it from the backup");
  KMS_TRY(opened.root_, OpenRoot(config.root_folders, empty));
  return opened;
}

Result<void> DataDirectory::MarkInitialised() const {
  if (FileExists(layout_.initialised())) return {};
  return WriteMarker(layout_.initialised());
}

}  // namespace kms::server
