#include "kmsd/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace kms::server {
namespace {

std::string FolderOf(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

}  // namespace

Error FileError(const std::string& path) {
  return Error(Reason::kStoreUnavailable, path + ": " + std::strerror(errno));
}

OwnedFile::~OwnedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool FileExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<void> SyncFolderOf(const std::string& path) {
  const std::string folder = FolderOf(path);
  const OwnedFile opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) return FileError(folder);
  return {};
}

Result<void> MakeFolder(const std::string& path) {
  if (FileExists(path)) return {};
  const std::string above = FolderOf(path);
  if (above != path) KMS_CHECK_OK(MakeFolder(above));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FileError(path);
  return SyncFolderOf(path);
}

Result<void> WriteMarker(const std::string& path) {
  const OwnedFile file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0 || ::fsync(file.get()) != 0) return FileError(path);
  return SyncFolderOf(path);
}

Result<std::unique_ptr<OwnedFile>> LockFile(const std::string& path,
                                            std::string_view busy) {
  auto file = std::make_unique<OwnedFile>(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file->get() < 0) return FileError(path);
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError(path);
    return Error(ErrorClass::kAlreadyExists, Reason::kStoreUnavailable,
                 std::string(busy));
  }
  return file;
}

}  // namespace kms::server
