// The calls themselves, past the functions that this library puts in their place.

#ifndef KMS_TESTS_DISK_FAULTS_SYSTEM_CALLS_H_
#define KMS_TESTS_DISK_FAULTS_SYSTEM_CALLS_H_

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

namespace kms::disk_faults::system_calls {

inline int Open(const char* path, int flags, mode_t mode) {
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
inline ssize_t Write(int file, const void* bytes, std::size_t size) {
  return syscall(SYS_write, file, bytes, size);
}
inline ssize_t WriteAt(int file, const void* bytes, std::size_t size, off64_t offset) {
  return syscall(SYS_pwrite64, file, bytes, size, offset);
}
inline int Sync(int file) { return static_cast<int>(syscall(SYS_fdatasync, file)); }
inline int Truncate(int file, off64_t size) {
  return static_cast<int>(syscall(SYS_ftruncate, file, size));
}
inline int Allocate(int file, int mode, off64_t offset, off64_t size) {
  return static_cast<int>(syscall(SYS_fallocate, file, mode, offset, size));
}
inline int Rename(const char* from, const char* to) {
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
inline int Unlink(const char* path) {
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
inline int MakeDirectory(const char* path, mode_t mode) {
  return static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

}  // namespace kms::disk_faults::system_calls

#endif  // KMS_TESTS_DISK_FAULTS_SYSTEM_CALLS_H_
