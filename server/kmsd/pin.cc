#include "kmsd/pin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

#include "kmsd/files.h"

namespace kms::server {
namespace {

constexpr std::size_t kMaxPin = 255;  // SoftHSM's bound, and more than any token's

Error Wrong(const std::string& path, const std::string& what) {
  return Error(ErrorClass::kInvalidArgument, Reason::kHsmUnavailable,
               "the PIN file " + path + " " + what);
}

}  // namespace

Result<SecretBytes> ReadPinFile(const std::string& path) {
  const OwnedFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0)
    return Wrong(path, std::string("cannot be read: ") + std::strerror(errno));
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return Wrong(path, "is no file");
  if (facts.st_uid != ::geteuid()) return Wrong(path, "belongs to another user");
  if ((facts.st_mode & 077) != 0)
    return Wrong(path, "may be read by others: chmod 600 it");
  std::size_t size = 0;
  // One more than a PIN and its line end, to see that there is not more.
  const SecretBytes content =
      SecretBytes::Filled(kMaxPin + 2, [&](std::span<std::uint8_t> out) {
        while (size < out.size()) {
          const ssize_t got = ::read(file.get(), out.data() + size, out.size() - size);
          if (got < 0 && errno == EINTR) continue;
          if (got <= 0) break;
          size += static_cast<std::size_t>(got);
        }
      });
  ByteView pin = content.Reveal().first(size);
  if (!pin.empty() && pin.back() == '\n') pin = pin.first(pin.size() - 1);
  if (!pin.empty() && pin.back() == '\r') pin = pin.first(pin.size() - 1);
  if (pin.empty()) return Wrong(path, "is empty");
  if (pin.size() > kMaxPin) return Wrong(path, "is longer than a PIN");
  return SecretBytes::CopyOf(pin);
}

SecretBytes TakePin(const char* name) {
  char* const value = std::getenv(name);
  if (value == nullptr) return {};
  const std::span<std::uint8_t> bytes(reinterpret_cast<std::uint8_t*>(value),
                                      std::strlen(value));
  SecretBytes pin = SecretBytes::CopyOf(bytes);
  Wipe(bytes);  // where it stands, so also for /proc/…/environ
  ::unsetenv(name);
  return pin;
}

}  // namespace kms::server
