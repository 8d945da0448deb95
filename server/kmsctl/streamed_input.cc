#include "kmsctl/streamed_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kmsctl/failure.h"

namespace kms::server {

StreamedInput::StreamedInput(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) error_ = errno;
  struct stat found{};
  if (file_ >= 0 && ::fstat(file_, &found) == 0 && S_ISREG(found.st_mode))
    size_ = static_cast<std::uint64_t>(found.st_size);
  shows_ = size_ > 0 && ::isatty(STDERR_FILENO) == 1;
}

StreamedInput::~StreamedInput() {
  if (shown_ >= 0) std::fputs("\r\033[K", stderr);
  if (file_ >= 0) ::close(file_);
}

Result<std::size_t> StreamedInput::Read(std::span<std::uint8_t> room) {
  if (error_ != 0) return UsageError(path_ + ": " + std::strerror(error_));
  ssize_t n = -1;
  do {
    n = ::read(file_, room.data(), room.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return UsageError(path_ + ": " + std::strerror(errno));
  done_ += static_cast<std::uint64_t>(n);
  if (shows_) Show();
  return static_cast<std::size_t>(n);
}

void StreamedInput::Show() {
  constexpr int kWidth = 40;
  const int percent = done_ >= size_
                          ? 100
                          : static_cast<int>(100.0 * static_cast<double>(done_) /
                                             static_cast<double>(size_));
  if (percent == shown_) return;
  shown_ = percent;
  const int filled = percent * kWidth / 100;
  std::string bar(static_cast<std::size_t>(filled), '#');
  bar.resize(kWidth, '.');
  std::fprintf(stderr, "\r[%s] %3d%%", bar.c_str(), percent);
  std::fflush(stderr);
}

}  // namespace kms::server
