#include "hsm_adapters/pkcs11/token_folder.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "hsm_adapters/pkcs11/return_code.h"

namespace kms::pkcs11 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPinBytes = 16;
constexpr std::size_t kPinDigits = 2 * kPinBytes;
constexpr std::size_t kMaxConfiguration = 4096;
constexpr std::string_view kObject = ".object";
constexpr std::string_view kTokenObject = "token.object";
constexpr std::size_t kMaxTokenObject = 65536;

Error FileError(const std::string& path, int error = errno) {
  return Failed(path + ": " + std::strerror(error));
}

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

Result<void> SyncPath(const std::string& path) {
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) return FileError(path);
  return {};
}

Result<void> SyncFolderOf(const std::string& path) {
  return SyncPath(fs::path(path).parent_path().string());
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

// Everything in a file of at most `limit` bytes; nothing if there is none.
Result<std::optional<SecretBytes>> ReadWhole(const std::string& path, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::optional<SecretBytes>();
    return FileError(path);
  }
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return FileError(path);
  if ((facts.st_mode & 077) != 0)
    return Failed(path + " may be read by others: chmod 600 it");
  const auto size = std::min(static_cast<std::size_t>(facts.st_size), limit);
  std::size_t got = 0;
  SecretBytes content = SecretBytes::Filled(size, [&](std::span<std::uint8_t> out) {
    while (got < out.size()) {
      const ssize_t n = ::read(file.get(), out.data() + got, out.size() - got);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
  });
  if (got != size) return FileError(path);
  return std::optional(std::move(content));
}

bool IsPin(ByteView text) {
  return text.size() == kPinDigits && std::ranges::all_of(text, [](std::uint8_t c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Below `folder`, the folders last, so that their entries are durable after the files.
Result<std::vector<std::string>> Below(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    found.push_back(at->path().string());
  if (error) return FileError(folder, error.value());
  std::ranges::reverse(found);
  return found;
}

}  // namespace

TokenFolder::TokenFolder(const std::string& folder, std::function<void()> after_step)
    : path_(fs::absolute(folder).lexically_normal().string()),
      after_step_(std::move(after_step)) {}

std::string TokenFolder::PathOf(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

Result<void> TokenFolder::MakeFolder(const std::string& path) const {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno != EEXIST) return FileError(path);
    return {};
  }
  after_step_();
  return SyncFolderOf(path);
}

Result<void> TokenFolder::Make() const { return MakeFolder(path_); }

Result<void> TokenFolder::MakeTokens() const { return MakeFolder(tokens()); }

Result<bool> TokenFolder::HasTokens() const {
  std::error_code error;
  const fs::directory_iterator first(tokens(), error);
  if (error == std::errc::no_such_file_or_directory) return false;
  if (error) return FileError(tokens(), error.value());
  return first != fs::directory_iterator();
}

Result<void> TokenFolder::Write(const std::string& path, ByteView content) const {
  const std::string temporary = path + ".tmp";
  {
    const Descriptor file(::open(
        temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0 || ::fchmod(file.get(), 0600) != 0) return FileError(temporary);
    after_step_();
    if (!WriteAll(file.get(), content) || ::fsync(file.get()) != 0)
      return FileError(temporary);
    after_step_();
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return FileError(path);
  after_step_();
  return SyncFolderOf(path);
}

Result<void> TokenFolder::WriteConfiguration() const {
  // SoftHSM reads lines of at most 1023 bytes, in which these end a value.
  if (tokens().size() > 900 || tokens().find_first_of("#=\r\n") != std::string::npos)
    return Failed("SoftHSM cannot have its token in " + tokens() +
                  ": the path is too long, or has # or = in it");
  const std::string wanted = "directories.tokendir = " + tokens() +
                             "\n"
                             "objectstore.backend = file\n"
                             "log.level = ERROR\n"
                             "slots.removable = false\n"
                             "library.reset_on_fork = true\n";
  KMS_TRY(const auto found, ReadWhole(configuration(), kMaxConfiguration));
  if (found && std::ranges::equal(found->Reveal(), AsBytes(wanted))) return {};
  return Write(configuration(), AsBytes(wanted));
}

Result<std::optional<SecretBytes>> TokenFolder::ReadPin(std::string_view name) const {
  // One more than a PIN and its line end, so that a longer file is no PIN.
  KMS_TRY(const auto content, ReadWhole(PathOf(name), kPinDigits + 2));
  if (!content || content->size() != kPinDigits + 1) return std::optional<SecretBytes>();
  const ByteView pin = content->Reveal().first(kPinDigits);
  if (!IsPin(pin) || content->Reveal().back() != '\n')
    return std::optional<SecretBytes>();
  return std::optional(SecretBytes::CopyOf(pin));
}

Result<SecretBytes> TokenFolder::MakePin(std::string_view name) const {
  bool good = false;
  const SecretBytes random =
      SecretBytes::Filled(kPinBytes, [&](std::span<std::uint8_t> out) {
        good = ::getrandom(out.data(), out.size(), 0) == std::ssize(out);
      });
  if (!good)
    return Error(Reason::kRandomFailed, "the system gives no random bytes for a PIN");
  const SecretBytes line =
      SecretBytes::Filled(kPinDigits + 1, [&](std::span<std::uint8_t> out) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        std::size_t at = 0;
        for (const std::uint8_t byte : random.Reveal()) {
          out[at++] = static_cast<std::uint8_t>(kDigits[byte >> 4]);
          out[at++] = static_cast<std::uint8_t>(kDigits[byte & 15]);
        }
        out[at] = '\n';
      });
  KMS_CHECK_OK(Write(PathOf(name), line.Reveal()));
  return SecretBytes::CopyOf(line.Reveal().first(kPinDigits));
}

Result<void> TokenFolder::RemoveEmptyObjects() const {
  KMS_TRY(const auto found, Below(tokens()));
  for (const std::string& path : found) {
    const fs::path file(path);
    std::error_code error;
    if (file.extension() != kObject || file.filename() == kTokenObject ||
        !fs::is_regular_file(fs::symlink_status(file, error)) ||
        fs::file_size(file, error) != 0 || error)
      continue;
    if (!fs::remove(file, error) || error) return FileError(path, error.value());
    after_step_();
    // Its lock, which means nothing without it.
    fs::remove(fs::path(file).replace_extension(".lock"), error);
    KMS_CHECK_OK(SyncFolderOf(path));
  }
  return {};
}

Result<void> TokenFolder::Sync() const {
  KMS_TRY(const auto found, Below(tokens()));
  for (const std::string& path : found) KMS_CHECK_OK(SyncPath(path));
  KMS_CHECK_OK(SyncPath(tokens()));
  return SyncPath(path_);
}

Result<void> TokenFolder::KeepCopies() const {
  KMS_CHECK_OK(MakeFolder(copies()));
  KMS_TRY(const auto found, Below(tokens()));
  for (const std::string& path : found) {
    const fs::path file(path);
    if (file.filename() != kTokenObject) continue;
    KMS_TRY(const auto content, ReadWhole(path, kMaxTokenObject));
    if (!content || content->empty()) continue;
    const std::string copy = copies() + "/" + file.parent_path().filename().string();
    KMS_TRY(const auto kept, ReadWhole(copy, kMaxTokenObject));
    if (!kept || *kept != *content) KMS_CHECK_OK(Write(copy, content->Reveal()));
  }
  return {};
}

Result<bool> TokenFolder::RestoreCopies() const {
  if (::access(copies().c_str(), F_OK) != 0) return false;
  bool restored = false;
  KMS_TRY(const auto found, Below(copies()));
  for (const std::string& copy : found) {
    const fs::path folder = fs::path(tokens()) / fs::path(copy).filename();
    std::error_code error;
    if (!fs::is_directory(fs::symlink_status(folder, error))) continue;
    const std::string path = folder / kTokenObject;
    KMS_TRY(const auto content, ReadWhole(copy, kMaxTokenObject));
    KMS_TRY(const auto present, ReadWhole(path, kMaxTokenObject));
    if (!content || content->empty() || (present && *present == *content)) continue;
    KMS_CHECK_OK(Write(path, content->Reveal()));
    restored = true;
  }
  return restored;
}

Result<void> TokenFolder::CopyTo(const TokenFolder& copy) const {
  KMS_CHECK_OK(copy.MakeTokens());
  for (const auto& [from, to] :
       {std::pair(tokens(), copy.tokens()), std::pair(copies(), copy.copies())}) {
    std::error_code error;
    fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::skip_symlinks,
             error);
    if (error && !(from == copies() && error == std::errc::no_such_file_or_directory))
      return FileError(from, error.value());
  }
  KMS_CHECK_OK(copy.RemoveEmptyObjects());
  // Perhaps it was just being written.
  KMS_TRY([[maybe_unused]] const bool restored, copy.RestoreCopies());
  return {};
}

Result<void> TokenFolder::SetAside() const {
  for (int n = 1;; ++n) {
    const std::string aside = tokens() + ".unusable-" + std::to_string(n);
    std::error_code error;
    if (fs::exists(fs::symlink_status(aside, error))) continue;
    if (::rename(tokens().c_str(), aside.c_str()) != 0) return FileError(aside);
    after_step_();
    KMS_CHECK_OK(SyncPath(path_));
    return MakeTokens();
  }
}

}  // namespace kms::pkcs11
