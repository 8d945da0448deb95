#include "kmsd/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace kms::server {
namespace {

Error Unavailable(const std::string& path, const std::string& why) {
  return Error(Reason::kStoreUnavailable, path + ": " + why);
}

Result<void> MakeFolder(const std::string& path) {
  std::error_code error;
  // The umask of kmsd makes them private.
  std::filesystem::create_directories(path, error);
  if (error) return Unavailable(path, error.message());
  return {};
}

Result<bool> IsEmpty(const KeyStore& store) {
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(const auto records, snapshot->Scan({}, {}, 1));
  return records.empty();
}

// The root key belongs to the store: each is made only where there is none of the other.
Result<std::unique_ptr<RootKey>> OpenRoot(const SoftwareRootKeyFolders& folders,
                                          const KeyStore& store) {
  auto opened = OpenSoftwareRootKey(folders);
  if (opened || opened.error().error_class() != ErrorClass::kNotFound) return opened;
  KMS_TRY(const bool empty, IsEmpty(store));
  if (!empty) {
    return Error(ErrorClass::kCorrupt, Reason::kInternal,
                 "the store holds keys, but there is no root key in " + folders.root +
                     ": restore it from the backup");
  }
  return CreateSoftwareRootKey(folders);
}

}  // namespace

class DataDirectory::Lock {
 public:
  static Result<std::shared_ptr<Lock>> Take(const std::string& path) {
    auto lock = std::make_shared<Lock>(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (lock->file_ < 0) return Unavailable(path, std::strerror(errno));
    if (::flock(lock->file_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return Unavailable(path, std::strerror(errno));
      return Error(ErrorClass::kAlreadyExists, Reason::kStoreUnavailable,
                   "another kmsd runs on this data directory");
    }
    return lock;
  }

  explicit Lock(int file) : file_(file) {}
  ~Lock() {
    if (file_ >= 0) ::close(file_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const int file_;
};

DataDirectory::DataDirectory(DataLayout layout) : layout_(std::move(layout)) {}

Result<DataDirectory> DataDirectory::Open(const Config& config) {
  DataDirectory opened{DataLayout(config.data)};
  const DataLayout& layout = opened.layout_;
  KMS_CHECK_OK(MakeFolder(layout.directory()));
  KMS_TRY(opened.lock_, Lock::Take(layout.lock()));
  for (const std::string& folder :
       {layout.store(), layout.tls(), config.root_folders.root,
        config.root_folders.private_key, config.root_folders.wrapping_key})
    KMS_CHECK_OK(MakeFolder(folder));
  KMS_TRY(opened.store_, OpenLmdbKeyStore(layout.store()));
  KMS_TRY(opened.root_, OpenRoot(config.root_folders, *opened.store_));
  return opened;
}

}  // namespace kms::server
