// Files and folders that must be there after a loss of power, and locks on them.

#ifndef KMS_SERVER_KMSD_FILES_H_
#define KMS_SERVER_KMSD_FILES_H_

#include <memory>
#include <string>
#include <string_view>

#include "kms/result.h"

namespace kms::server {

// FileError is a kUnavailable that tells the path and errno.
Error FileError(const std::string& path);

// OwnedFile closes its descriptor.
class OwnedFile {
 public:
  explicit OwnedFile(int descriptor) : descriptor_(descriptor) {}
  ~OwnedFile();
  OwnedFile(const OwnedFile&) = delete;
  OwnedFile& operator=(const OwnedFile&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

// FileExists: whether there is something under `path`.
bool FileExists(const std::string& path);

// SyncFolderOf makes the entry of `path` in its folder durable. Fails: kUnavailable.
Result<void> SyncFolderOf(const std::string& path);

// MakeFolder makes the folder `path`, and those above it that are missing, with mode
// 0700, durably. Fails: kUnavailable.
Result<void> MakeFolder(const std::string& path);

// WriteMarker makes the empty file `path`, durably. Fails: kUnavailable.
Result<void> WriteMarker(const std::string& path);

// LockFile takes the lock of the file `path`, which it makes if it is missing, and holds
// it until the returned file is closed. `busy` says who has it otherwise.
// Fails: kAlreadyExists; kUnavailable.
Result<std::unique_ptr<OwnedFile>> LockFile(const std::string& path,
                                            std::string_view busy);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_FILES_H_
