#include "kmsctl/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "kmsctl/failure.h"

namespace kms::server {
namespace {

Error Failed(const std::string& path) {
  return LocalFileError(path + ": " + std::strerror(errno));
}

Error Exists(const std::string& path) {
  return Error(ErrorClass::kAlreadyExists, Reason::kBadParameter,
               path + " is there already (--force replaces it)");
}

Result<void> SyncFolderOf(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return Failed(folder);
  const int synced = ::fsync(opened);
  ::close(opened);
  if (synced != 0) return Failed(folder);
  return {};
}

}  // namespace

OutputFile::OutputFile(std::string path, bool replace)
    : path_(std::move(path)), replace_(replace), temporary_(path_ + ".XXXXXX") {}

Result<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path,
                                                       bool replace) {
  struct stat found{};
  if (!replace && ::lstat(path.c_str(), &found) == 0) return Exists(path);
  std::unique_ptr<OutputFile> made(new OutputFile(path, replace));
  made->file_ = ::mkostemp(made->temporary_.data(), O_CLOEXEC);  // mode 0600
  if (made->file_ < 0) return Failed(path);
  return made;
}

OutputFile::~OutputFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

Result<void> OutputFile::Write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed(path_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> OutputFile::Commit() {
  if (::fsync(file_) != 0) return Failed(path_);
  if (replace_) {
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return Failed(path_);
  } else {
    // A link, unlike a rename, never replaces.
    if (::link(temporary_.c_str(), path_.c_str()) != 0)
      return errno == EEXIST ? Exists(path_) : Failed(path_);
    ::unlink(temporary_.c_str());
  }
  ::close(std::exchange(file_, -1));
  return SyncFolderOf(path_);
}

}  // namespace kms::server
