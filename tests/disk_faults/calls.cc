// disk_faults: preloaded into a program, it stands between it and the files below one
// folder, and has them fail as disks do (rules.h).
//
//   KMS_DISK_FAULTS_FOLDER=/absolute/folder KMS_DISK_FAULTS=/file/of/rules
//   LD_PRELOAD=libdisk_faults.so PROGRAM
//
// It sees what goes through these functions: LMDB without MDB_WRITEMAP, and all that
// writes with them itself; not the buffers of stdio.

// The functions are here under their own names, both those of 32 and of 64 bits.
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdio>

#include "disk.h"
#include "system_calls.h"

#define KMS_INSTEAD extern "C" __attribute__((visibility("default")))

namespace kms::disk_faults {
namespace {

// Made at the first call, which may come before any constructor, and never destroyed.
Disk* TheDisk() {
  static Disk* const disk = []() -> Disk* {
    const char* folder = getenv("KMS_DISK_FAULTS_FOLDER");
    const char* rules = getenv("KMS_DISK_FAULTS");
    return folder != nullptr && rules != nullptr ? new Disk(folder, rules) : nullptr;
  }();
  return disk;
}

Disk* DiskOf(const char* path) {
  Disk* const disk = TheDisk();
  return disk != nullptr && disk->Has(path) ? disk : nullptr;
}
Disk* DiskOf(int descriptor) {
  Disk* const disk = TheDisk();
  return disk != nullptr && disk->Knows(descriptor) ? disk : nullptr;
}

std::string Joined(const iovec* pieces, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i)
    bytes.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  return bytes;
}

int OpenInstead(const char* path, int flags, mode_t mode) {
  Disk* const disk = DiskOf(path);
  return disk != nullptr ? disk->Open(path, flags, mode)
                         : system_calls::Open(path, flags, mode);
}

ssize_t WriteAtInstead(int file, const void* bytes, size_t size, off64_t offset) {
  Disk* const disk = DiskOf(file);
  return disk != nullptr
             ? disk->Write(file, std::string(static_cast<const char*>(bytes), size),
                           offset)
             : system_calls::WriteAt(file, bytes, size, offset);
}

ssize_t WritePiecesAtInstead(int file, const iovec* pieces, int count, off64_t offset) {
  const std::string bytes = Joined(pieces, count);
  return WriteAtInstead(file, bytes.data(), bytes.size(), offset);
}

int SyncInstead(int file) {
  Disk* const disk = DiskOf(file);
  return disk != nullptr ? disk->Sync(file) : system_calls::Sync(file);
}

int TruncateInstead(int file, off64_t size) {
  Disk* const disk = DiskOf(file);
  return disk != nullptr ? disk->Truncate(file, size)
                         : system_calls::Truncate(file, size);
}

int TruncatePathInstead(const char* path, off64_t size) {
  const int file = OpenInstead(path, O_WRONLY | O_CLOEXEC, 0);
  if (file < 0) return -1;
  const int result = TruncateInstead(file, size);
  const int code = errno;
  close(file);
  errno = code;
  return result;
}

int AllocateInstead(int file, int mode, off64_t offset, off64_t size) {
  Disk* const disk = DiskOf(file);
  return disk != nullptr ? disk->Allocate(file, mode, offset, size)
                         : system_calls::Allocate(file, mode, offset, size);
}

template <typename Space>
int SpaceInstead(const char* name, int file, Space* space) {
  using Function = int (*)(int, Space*);
  const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  const int result = next(file, space);
  Disk* const disk = DiskOf(file);
  if (result == 0 && disk != nullptr && disk->IsFull(file))
    space->f_bavail = space->f_bfree = 0;
  return result;
}

__attribute__((destructor)) void AtTheEnd() {
  if (Disk* const disk = TheDisk(); disk != nullptr) disk->End();
}

}  // namespace
}  // namespace kms::disk_faults

namespace faults = kms::disk_faults;

KMS_INSTEAD int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = static_cast<mode_t>(va_arg(more, unsigned));
  va_end(more);
  return faults::OpenInstead(path, flags, mode);
}
KMS_INSTEAD int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = static_cast<mode_t>(va_arg(more, unsigned));
  va_end(more);
  return faults::OpenInstead(path, flags, mode);
}
KMS_INSTEAD ssize_t write(int file, const void* bytes, size_t size) {
  faults::Disk* const disk = faults::DiskOf(file);
  return disk != nullptr
             ? disk->Write(file, std::string(static_cast<const char*>(bytes), size), {})
             : faults::system_calls::Write(file, bytes, size);
}
KMS_INSTEAD ssize_t writev(int file, const iovec* pieces, int count) {
  faults::Disk* const disk = faults::DiskOf(file);
  return disk != nullptr ? disk->Write(file, faults::Joined(pieces, count), {})
                         : syscall(SYS_writev, file, pieces, count);
}
KMS_INSTEAD ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  return faults::WriteAtInstead(file, bytes, size, offset);
}
KMS_INSTEAD ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  return faults::WriteAtInstead(file, bytes, size, offset);
}
KMS_INSTEAD ssize_t pwritev(int file, const iovec* pieces, int count, off_t offset) {
  return faults::WritePiecesAtInstead(file, pieces, count, offset);
}
KMS_INSTEAD ssize_t pwritev64(int file, const iovec* pieces, int count, off64_t offset) {
  return faults::WritePiecesAtInstead(file, pieces, count, offset);
}
KMS_INSTEAD int fsync(int file) { return faults::SyncInstead(file); }
KMS_INSTEAD int fdatasync(int file) { return faults::SyncInstead(file); }
KMS_INSTEAD int ftruncate(int file, off_t size) noexcept {
  return faults::TruncateInstead(file, size);
}
KMS_INSTEAD int ftruncate64(int file, off64_t size) noexcept {
  return faults::TruncateInstead(file, size);
}
KMS_INSTEAD int truncate(const char* path, off_t size) noexcept {
  return faults::TruncatePathInstead(path, size);
}
KMS_INSTEAD int truncate64(const char* path, off64_t size) noexcept {
  return faults::TruncatePathInstead(path, size);
}
KMS_INSTEAD int fallocate(int file, int mode, off_t offset, off_t size) {
  return faults::AllocateInstead(file, mode, offset, size);
}
KMS_INSTEAD int fallocate64(int file, int mode, off64_t offset, off64_t size) {
  return faults::AllocateInstead(file, mode, offset, size);
}
KMS_INSTEAD int fstatvfs(int file, struct statvfs* space) noexcept {
  return faults::SpaceInstead("fstatvfs", file, space);
}
KMS_INSTEAD int fstatvfs64(int file, struct statvfs64* space) noexcept {
  return faults::SpaceInstead("fstatvfs64", file, space);
}
KMS_INSTEAD int rename(const char* from, const char* to) noexcept {
  faults::Disk* const disk = faults::DiskOf(to);
  return disk != nullptr ? disk->Rename(from, to)
                         : faults::system_calls::Rename(from, to);
}
KMS_INSTEAD int unlink(const char* path) noexcept {
  faults::Disk* const disk = faults::DiskOf(path);
  return disk != nullptr ? disk->Unlink(path) : faults::system_calls::Unlink(path);
}
KMS_INSTEAD int mkdir(const char* path, mode_t mode) noexcept {
  faults::Disk* const disk = faults::DiskOf(path);
  return disk != nullptr ? disk->MakeDirectory(path, mode)
                         : faults::system_calls::MakeDirectory(path, mode);
}
