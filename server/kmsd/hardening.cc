#include "kmsd/hardening.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "kms/secret_bytes.h"

namespace kms::server {
namespace {

// What the locked pool of the cryptographic library takes (docs/threat_model.md).
constexpr rlim_t kLockedPool = 512 * 1024;

// OpenSSL wipes much of what it frees, but not all that private keys pass through on
// their way in and out, nor the buffers of TLS. So all of it is wiped.
void FreeWiped(void* piece, const char*, int) {
  if (piece == nullptr) return;
  Wipe({static_cast<std::uint8_t*>(piece), ::malloc_usable_size(piece)});
  std::free(piece);
}

void* AllocateWiped(std::size_t size, const char*, int) { return std::malloc(size); }

void* ReallocateWiped(void* piece, std::size_t size, const char* file, int line) {
  if (piece == nullptr) return std::malloc(size);
  if (size == 0) {
    FreeWiped(piece, file, line);
    return nullptr;
  }
  const std::size_t held = ::malloc_usable_size(piece);
  if (size <= held && size >= held / 2) return piece;
  void* const moved = std::malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, piece, std::min(size, held));
  FreeWiped(piece, file, line);
  return moved;
}

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
  if (::CRYPTO_set_mem_functions(AllocateWiped, ReallocateWiped, FreeWiped) != 1)
    undone.push_back("what OpenSSL frees is not wiped: it has been used already");
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
