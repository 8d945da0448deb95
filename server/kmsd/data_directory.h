// DataDirectory: the data directory of kmsd, locked, with store and root key opened or,
// in an empty one, made.
//
// An interrupted first start is finished by the next. Data that is there is never
// initialised over: a store without its root key, or a directory that was initialised
// and has lost its store, is refused with a text that says so.

#ifndef KMS_SERVER_KMSD_DATA_DIRECTORY_H_
#define KMS_SERVER_KMSD_DATA_DIRECTORY_H_

#include <memory>

#include "kms/key_store.h"
#include "kms/result.h"
#include "kms/root_key.h"
#include "kmsd/config.h"
#include "kmsd/files.h"
#include "kmsd/layout.h"

namespace kms::server {

class DataDirectory {
 public:
  // Open makes the folders that are missing, mode 0700, and takes the lock.
  // Fails: kAlreadyExists if another kmsd has it; kCorrupt if the store or the root key
  // is lost; kUnavailable; as OpenLmdbKeyStore and OpenSoftwareRootKey.
  static Result<DataDirectory> Open(const Config& config);

  DataDirectory(DataDirectory&&) = default;

  const DataLayout& layout() const { return layout_; }
  KeyStore& store() const { return *store_; }
  const RootKey& root() const { return *root_; }

  // MarkInitialised notes that the first start is complete. Fails: kUnavailable.
  Result<void> MarkInitialised() const;

 private:
  explicit DataDirectory(DataLayout layout);

  DataLayout layout_;
  std::unique_ptr<OwnedFile> lock_;  // given back last
  std::unique_ptr<KeyStore> store_;
  std::unique_ptr<RootKey> root_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_DATA_DIRECTORY_H_
