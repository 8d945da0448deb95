#include "store/directory_claim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace kms {
namespace {

// File systems that promise neither coherent memory maps nor local locks.
constexpr std::array<std::uint32_t, 12> kNetworkFileSystems = {
    0x6969,      // nfs
    0x517b,      // smb
    0xff534d42,  // cifs
    0xfe534d42,  // smb2
    0x65735546,  // fuse: who knows what is behind it
    0x01021997,  // 9p
    0x00c36400,  // ceph
    0x5346414f,  // afs
    0x6b414653,  // kafs
    0x73757245,  // coda
    0x0bd00bd0,  // lustre
    0x564c,      // ncp
};

Error Unavailable(const std::string& what) {
  const int code = errno;
  return Error(Reason::kStoreUnavailable,
               what + ": " + std::generic_category().message(code));
}

// Locks or unlocks one byte of the lock file, as `type` says.
int LockByte(int file, int command, short type, off_t at) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  int result;
  do {
    result = fcntl(file, command, &lock);
  } while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

Result<DirectoryClaim> DirectoryClaim::Take(const std::string& directory) {
  struct statfs where{};
  if (statfs(directory.c_str(), &where) != 0) return Unavailable(directory);
  const auto type = static_cast<std::uint32_t>(where.f_type);
  if (std::find(kNetworkFileSystems.begin(), kNetworkFileSystems.end(), type) !=
      kNetworkFileSystems.end())
    return Error(ErrorClass::kUnsupported, Reason::kStoreUnavailable,
                 directory + " is on a network file system");

  const std::string path = directory + "/open.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Unavailable(path);
  DirectoryClaim claim(file);

  if (LockByte(file, F_OFD_SETLK, F_WRLCK, getpid()) == 0) return claim;
  if (errno == EAGAIN || errno == EACCES)
    return Error(ErrorClass::kAlreadyExists, Reason::kStoreUnavailable,
                 "this process has the store in " + directory + " open");
  return Unavailable(path);
}

DirectoryClaim::~DirectoryClaim() {
  if (file_ >= 0) close(file_);
}

Result<void> DirectoryClaim::Alone(const std::function<Result<void>()>& work) const {
  if (LockByte(file_, F_OFD_SETLKW, F_WRLCK, 0) != 0) return Unavailable("lock");
  Result<void> result = work();
  if (LockByte(file_, F_OFD_SETLK, F_UNLCK, 0) != 0) return Unavailable("unlock");
  return result;
}

Result<void> SyncDirectory(const std::string& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return Unavailable(directory);
  const bool synced = fsync(file) == 0;
  Result<void> result;
  if (!synced) result = Unavailable(directory);
  close(file);
  return result;
}

}  // namespace kms
