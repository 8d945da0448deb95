#include "root/key_parts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>

namespace kms::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 64 * 1024;
constexpr std::size_t kMaxDigits = 15;
constexpr std::string_view kTemporary = ".tmp";

Error Unavailable(const std::string& what) {
  return Error(ErrorClass::kUnavailable, Reason::kStoreUnavailable, what);
}
Error Corrupt(const std::string& what) {
  return Error(ErrorClass::kCorrupt, Reason::kKeyDecryptionFailed, what);
}

std::string_view NameOf(Part part) {
  switch (part) {
    case Part::kWrap:
      return "wrap";
    case Part::kPrivate:
      return "private";
    case Part::kRoot:
      return "root";
  }
  return {};
}

std::string HeaderOf(Part part) { return "libkms " + std::string(NameOf(part)) + " 1\n"; }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Only the one spelling that PathOf gives.
std::optional<PartFile> FileOf(Part part, std::string_view name) {
  if (!name.starts_with(NameOf(part))) return std::nullopt;
  name.remove_prefix(NameOf(part).size());
  if (!name.starts_with('.')) return std::nullopt;
  name.remove_prefix(1);
  PartFile file{part, 0};
  if (name.ends_with(kTemporary)) {
    file.temporary = true;
    name.remove_suffix(kTemporary.size());
  }
  if (name.empty() || name.size() > kMaxDigits || name.front() == '0')
    return std::nullopt;
  const char* last = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), last, file.generation);
  if (error != std::errc() || stop != last) return std::nullopt;
  return file;
}

bool ReadAll(int fd, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::read(fd, out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

bool WriteAll(int fd, ByteView left) {
  while (!left.empty()) {
    const ssize_t written = ::write(fd, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    left = left.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

KeyParts::KeyParts(const SoftwareRootKeyFolders& folders,
                   std::function<void()> after_step)
    : folders_(folders), after_step_(std::move(after_step)) {}

const std::string& KeyParts::FolderOf(Part part) const {
  return part == Part::kWrap      ? folders_.wrapping_key
         : part == Part::kPrivate ? folders_.private_key
                                  : folders_.root;
}

std::string KeyParts::PathOf(const PartFile& file) const {
  std::string path = FolderOf(file.part) + "/" + std::string(NameOf(file.part)) + "." +
                     std::to_string(file.generation);
  if (file.temporary) path += kTemporary;
  return path;
}

Result<void> KeyParts::SyncFolder(Part part) const {
  const std::string& folder = FolderOf(part);
  const Descriptor dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.get() < 0 || ::fsync(dir.get()) != 0) {
    return Unavailable("cannot sync " + folder);
  }
  after_step_();
  return {};
}

Result<std::vector<PartFile>> KeyParts::List() const {
  std::vector<PartFile> files;
  for (const Part part : kParts) {
    std::error_code failure;
    fs::directory_iterator at(FolderOf(part), failure), end;
    if (failure == std::errc::no_such_file_or_directory) continue;
    for (; !failure && at != end; at.increment(failure)) {
      const auto file = FileOf(part, at->path().filename().string());
      if (file) files.push_back(*file);
    }
    if (failure) return Unavailable("cannot list " + FolderOf(part));
  }
  return files;
}

Result<SecretBytes> KeyParts::Read(Part part, std::uint64_t generation) const {
  const std::string path = PathOf({part, generation});
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) {
    return errno == ENOENT ? Corrupt("missing " + path)
                           : Unavailable("cannot open " + path);
  }
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return Unavailable("cannot stat " + path);
  if ((status.st_mode & 077) != 0) {
    return Error(ErrorClass::kDenied, Reason::kInternal, "others may read " + path);
  }
  if (!S_ISREG(status.st_mode) || status.st_size > off_t{kMaxFile}) return Corrupt(path);
  bool complete = false;
  const SecretBytes all = SecretBytes::Filled(
      static_cast<std::size_t>(status.st_size),
      [&](std::span<std::uint8_t> out) { complete = ReadAll(file.get(), out); });
  if (!complete) return Unavailable("cannot read " + path);
  const std::string header = HeaderOf(part);
  if (!AsText(all.Reveal()).starts_with(header)) {
    return Corrupt("not a key part: " + path);
  }
  return SecretBytes::CopyOf(all.Reveal().subspan(header.size()));
}

Result<void> KeyParts::WriteTemporary(Part part, std::uint64_t generation,
                                      ByteView content) const {
  const std::string path = PathOf({part, generation, true});
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return Unavailable("cannot create " + path);
  after_step_();
  const std::string header = HeaderOf(part);
  for (const ByteView piece : {AsBytes(header), content}) {
    if (!WriteAll(file.get(), piece)) return Unavailable("cannot write " + path);
    after_step_();
  }
  if (::fsync(file.get()) != 0) return Unavailable("cannot sync " + path);
  after_step_();
  return {};
}

Result<void> KeyParts::PutInPlace(std::uint64_t generation) const {
  for (const Part part : kParts) KMS_CHECK_OK(SyncFolder(part));
  for (const Part part : kParts) {
    const std::string from = PathOf({part, generation, true});
    if (::rename(from.c_str(), PathOf({part, generation}).c_str()) != 0) {
      return Unavailable("cannot rename " + from);
    }
    after_step_();
    KMS_CHECK_OK(SyncFolder(part));
  }
  return {};
}

Result<void> KeyParts::Remove(const std::vector<PartFile>& files) const {
  for (const PartFile& file : files) {
    const std::string path = PathOf(file);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return Unavailable("cannot remove " + path);
    }
    after_step_();
    KMS_CHECK_OK(SyncFolder(file.part));
  }
  return {};
}

}  // namespace kms::internal
