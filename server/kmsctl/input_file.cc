#include "kmsctl/input_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "kms/secret_bytes.h"
#include "kmsctl/failure.h"

namespace kms::server {

Result<WipedString> ReadInput(const std::string& path, std::size_t limit) {
  const bool standard = path == "-";
  const int file = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return UsageError(path + ": " + std::strerror(errno));
  WipedString content;
  std::array<std::uint8_t, 4096> piece{};
  ssize_t n = 0;
  int error = 0;
  while (content.size() <= limit) {
    n = ::read(file, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error = errno;
    if (n <= 0) break;
    content.insert(content.end(), piece.begin(), piece.begin() + n);
  }
  Wipe(piece);
  if (!standard) ::close(file);
  if (error != 0) return UsageError(path + ": " + std::strerror(error));
  if (content.size() > limit) return UsageError(path + ": too long");
  return content;
}

}  // namespace kms::server
