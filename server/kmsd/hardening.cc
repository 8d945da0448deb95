#include "kmsd/hardening.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace kms::server {
namespace {

// What the locked pool of the cryptographic library takes (docs/threat_model.md).
constexpr rlim_t kLockedPool = 512 * 1024;

}  // namespace

std::vector<std::string> HardenProcess() {
  std::vector<std::string> undone;
  const auto tell = [&](const std::string& what) {
    undone.push_back(what + ": " + std::strerror(errno));
  };
  ::umask(077);
  std::signal(SIGPIPE, SIG_IGN);
  const rlimit none = {0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) tell("core dumps cannot be switched off");
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) tell("tracing cannot be switched off");
  // Connections are bounded by a setting, not by the shell that started kmsd.
  rlimit files = {};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &files) != 0) tell("open files cannot be raised");
  }
  rlimit locked = {};
  if (::getrlimit(RLIMIT_MEMLOCK, &locked) != 0) {
    tell("the limit of locked memory is unknown");
  } else if (locked.rlim_cur < kLockedPool) {
    undone.push_back("only " + std::to_string(locked.rlim_cur / 1024) +
                     " KiB of key memory can be locked; the rest may be swapped out"
                     " (raise LimitMEMLOCK to 512 KiB)");
  }
  return undone;
}

void ReturnLargePieces() {
#ifdef M_MMAP_THRESHOLD
  ::mallopt(M_MMAP_THRESHOLD, 64 * 1024);
#endif
}

}  // namespace kms::server
