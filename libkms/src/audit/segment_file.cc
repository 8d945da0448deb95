#include "audit/segment_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "audit/segment.h"

namespace kms::audit {
namespace {

class DiskFile final : public SegmentFile {
 public:
  DiskFile(std::string path, int file) : path_(std::move(path)), file_(file) {}
  ~DiskFile() override { ::close(file_); }

  Result<void> Append(std::string_view text) override {
    while (!text.empty()) {
      const ssize_t n = ::write(file_, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FileError(path_);
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  Result<void> Sync() override {
    if (::fdatasync(file_) != 0) return FileError(path_);
    return {};
  }

  Result<void> Cut(std::uint64_t size) override {
    if (::ftruncate(file_, static_cast<off_t>(size)) != 0) return FileError(path_);
    return {};
  }

  Result<void> KeepRoom(std::uint64_t bytes) override {
    struct stat now{};
    if (::fstat(file_, &now) != 0) return FileError(path_);
    if (::fallocate(file_, FALLOC_FL_KEEP_SIZE, now.st_size, static_cast<off_t>(bytes)) !=
            0 &&
        errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
      return FileError(path_);
    return {};
  }

  bool IsWhole(std::uint64_t size) const override {
    struct stat ours{};
    struct stat named{};
    return ::fstat(file_, &ours) == 0 && ::lstat(path_.c_str(), &named) == 0 &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino &&
           ours.st_size == static_cast<off_t>(size);
  }

 private:
  const std::string path_;
  const int file_;
};

}  // namespace

SegmentFile::~SegmentFile() = default;

Result<void> SyncFolder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return FileError(folder);
  const bool synced = ::fsync(file) == 0;
  Error error = FileError(folder);
  ::close(file);
  if (!synced) return error;
  return {};
}

Result<std::unique_ptr<SegmentFile>> CreateSegmentFile(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return FileError(folder);
  const int file =
      ::open(path.c_str(),
             O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return FileError(path);
  auto made = std::make_unique<DiskFile>(path, file);
  if (auto synced = SyncFolder(path); !synced) {
    ::unlink(path.c_str());
    return std::move(synced).error();
  }
  return std::unique_ptr<SegmentFile>(std::move(made));
}

}  // namespace kms::audit
