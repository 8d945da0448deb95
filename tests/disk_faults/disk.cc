#include "disk.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "system_calls.h"

namespace kms::disk_faults {
namespace {

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool Exists(const char* path) {
  struct stat found{};
  return lstat(path, &found) == 0;
}

std::optional<std::string> ContentOf(const char* path) {
  const int file = system_calls::Open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
  if (file < 0) return std::nullopt;
  std::string content;
  char piece[4096];
  for (ssize_t n; (n = read(file, piece, sizeof piece)) > 0;)
    content.append(piece, static_cast<std::size_t>(n));
  close(file);
  return content;
}

void PutBack(const std::string& path, const std::string& content) {
  const int file =
      system_calls::Open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  (void)system_calls::Write(file, content.data(), content.size());
  close(file);
}

int Fail(int code) {
  errno = code;
  return -1;
}

}  // namespace

Disk::Disk(std::string folder, const std::string& rules)
    : folder_(std::move(folder)), rules_(rules) {
  const int lock =
      system_calls::Open((rules + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock >= 0) (void)flock(lock, LOCK_SH);
}

bool Disk::Has(const char* path) const {
  const std::string_view text = path;
  return text.starts_with(folder_) &&
         (text.size() == folder_.size() || text[folder_.size()] == '/');
}

// A number that was closed unseen and belongs to something else now is not known.
Disk::File* Disk::Find(int descriptor) {
  const auto known = descriptors_.find(descriptor);
  if (known == descriptors_.end()) return nullptr;
  struct stat now{};
  if (fstat(descriptor, &now) == 0 &&
      Identity{now.st_dev, now.st_ino} == known->second.file)
    return &files_.at(known->second.file);
  descriptors_.erase(known);
  return nullptr;
}

bool Disk::Knows(int descriptor) {
  const std::lock_guard lock(mutex_);
  return Find(descriptor) != nullptr;
}

Disk::File& Disk::Remember(int descriptor, const char* path, int flags) {
  struct stat now{};
  (void)fstat(descriptor, &now);
  const Identity identity{now.st_dev, now.st_ino};
  const auto [known, fresh] = files_.try_emplace(identity);
  File& file = known->second;
  if (fresh) file.synced_size = now.st_size;
  file.path = path;
  file.appends |= (flags & O_APPEND) != 0;
  // Kept open for ever, so that no other file gets its identity.
  if (file.own < 0 && (flags & O_ACCMODE) != O_RDONLY)
    file.own = system_calls::Open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
  descriptors_[descriptor] = {identity, file.failures};
  return file;
}

off64_t Disk::SizeOf(const File& file) {
  struct stat now{};
  return fstat(file.own, &now) == 0 ? now.st_size : 0;
}

int Disk::ErrorOf(Action action) {
  if (action == Action::kNoSpace || action == Action::kFull) return ENOSPC;
  if (action == Action::kError || action == Action::kLose) return EIO;
  return 0;
}

int Disk::Open(const char* path, int flags, mode_t mode) {
  const std::lock_guard lock(mutex_);
  const bool creates = (flags & O_CREAT) != 0 && !Exists(path);
  Action action = Action::kNone;
  if (creates) {
    action = rules_.Decide(kName, path);
    if (const int code = ErrorOf(action); code != 0) return Fail(code);
    if (action == Action::kKill) Kill();
  }
  const int descriptor = system_calls::Open(path, flags & ~O_TRUNC, mode);
  if (descriptor < 0) return descriptor;
  File& file = Remember(descriptor, path, flags);
  if ((flags & O_TRUNC) != 0 && file.own >= 0) {
    Keep(file, 0, static_cast<std::size_t>(SizeOf(file)));
    (void)system_calls::Truncate(file.own, 0);
  }
  if (!creates) return descriptor;
  return Name(action, {NameChange::Kind::kCreated, path, {}, {}}, descriptor);
}

void Disk::Keep(File& file, off64_t offset, std::size_t size) const {
  if (size == 0) return;
  const std::uint64_t first = static_cast<std::uint64_t>(offset) / kSector;
  const std::uint64_t last = (static_cast<std::uint64_t>(offset) + size - 1) / kSector;
  for (std::uint64_t at = first; at <= last; ++at) {
    const auto [sector, fresh] = file.unsynced.try_emplace(at);
    // One that was lost is written anew; on the disk is still what was there before.
    sector->second.lost = false;
    if (fresh)
      (void)!pread(file.own, sector->second.old.data(), kSector,
                   static_cast<off_t>(at * kSector));
  }
}

ssize_t Disk::Write(int descriptor, const std::string& bytes,
                    std::optional<off64_t> offset) {
  const std::lock_guard lock(mutex_);
  File* const file = Find(descriptor);
  if (file == nullptr || file->own < 0) return Fail(EBADF);
  const int flags = fcntl(descriptor, F_GETFL);
  const bool syncs = (flags & O_DSYNC) != 0;
  const off64_t at = offset                    ? *offset
                     : (flags & O_APPEND) != 0 ? SizeOf(*file)
                                               : lseek(descriptor, 0, SEEK_CUR);
  const Action action = rules_.Decide(syncs ? kWrite | kSync : kWrite, file->path);
  std::size_t size = bytes.size();
  switch (action) {
    case Action::kNoSpace:
    case Action::kError:
      return Fail(ErrorOf(action));
    case Action::kShort:
      if (size < 2) return Fail(ENOSPC);
      size = 1 + rules_.Random(size - 1);
      break;
    case Action::kFull: {
      struct stat now{};
      (void)fstat(file->own, &now);
      const off64_t room = std::max<off64_t>(now.st_blocks * 512, now.st_size) - at;
      if (room <= 0) return Fail(ENOSPC);
      size = std::min(size, static_cast<std::size_t>(room));
      break;
    }
    case Action::kKill:
      Kill();
    default:
      break;
  }
  Keep(*file, at, size);
  // Where a descriptor appends, it does so at any offset.
  const ssize_t written = system_calls::WriteAt(descriptor, bytes.data(), size, at);
  if (written > 0 && !offset && (flags & O_APPEND) == 0)
    (void)lseek(descriptor, at + written, SEEK_SET);
  if (action == Action::kCut || action == Action::kTear)
    FailPower(action == Action::kTear);
  if (syncs && action == Action::kLose) return LoseSync(*file);
  if (syncs && written > 0) {
    const auto begin = static_cast<std::uint64_t>(at) / kSector;
    const auto end = static_cast<std::uint64_t>(at + written + 511) / kSector;
    for (std::uint64_t sector = begin; sector < end; ++sector)
      file->unsynced.erase(sector);
    file->synced_size = std::max(file->synced_size, at + written);
  }
  return written;
}

int Disk::Sync(int descriptor) {
  const std::lock_guard lock(mutex_);
  File* const file = Find(descriptor);
  if (file == nullptr) return 0;
  const Action action = rules_.Decide(kSync, file->path);
  if (action == Action::kKill) Kill();
  if (action == Action::kCut || action == Action::kTear)
    FailPower(action == Action::kTear);
  if (action == Action::kLose) {
    descriptors_.at(descriptor).failures_told = file->failures + 1;
    return LoseSync(*file);
  }
  if (action == Action::kError || action == Action::kNoSpace)
    return Fail(ErrorOf(action));
  if (file->own < 0) {  // a folder
    std::erase_if(names_, [&](const NameChange& change) {
      return FolderOf(change.path) == file->path;
    });
    return 0;
  }
  std::erase_if(file->unsynced, [](const auto& sector) { return !sector.second.lost; });
  file->synced_size = SizeOf(*file);
  // Linux tells of a failure once to each descriptor that was open.
  Descriptor& asks = descriptors_.at(descriptor);
  if (asks.failures_told < file->failures) {
    asks.failures_told = file->failures;
    return Fail(EIO);
  }
  return 0;
}

// The pages are clean from now on. What they hold is seen until they are dropped.
int Disk::LoseSync(File& file) {
  ++file.failures;
  if (file.own < 0) return Fail(EIO);
  for (auto& [at, sector] : file.unsynced) sector.lost = true;
  if (rules_.Random(2) == 0) UndoSectors(file, true);
  return Fail(EIO);
}

int Disk::Truncate(int descriptor, off64_t size) {
  const std::lock_guard lock(mutex_);
  File* const file = Find(descriptor);
  if (file == nullptr || file->own < 0) return Fail(EBADF);
  const Action action = rules_.Decide(kWrite, file->path);
  if (action == Action::kError) return Fail(EIO);
  if (action == Action::kKill) Kill();
  const off64_t now = SizeOf(*file);
  if (size < now) Keep(*file, size, static_cast<std::size_t>(now - size));
  const int result = system_calls::Truncate(descriptor, size);
  if (action == Action::kCut || action == Action::kTear)
    FailPower(action == Action::kTear);
  return result;
}

int Disk::Allocate(int descriptor, int mode, off64_t offset, off64_t size) {
  const std::lock_guard lock(mutex_);
  File* const file = Find(descriptor);
  if (file == nullptr || file->own < 0) return Fail(EBADF);
  const Action action = rules_.Decide(kWrite, file->path);
  if (const int code = ErrorOf(action); code != 0) return Fail(code);
  if (action == Action::kKill) Kill();
  if (action == Action::kCut || action == Action::kTear)
    FailPower(action == Action::kTear);
  return system_calls::Allocate(descriptor, mode, offset, size);
}

int Disk::Name(Action action, NameChange change, int result) {
  if (result >= 0) names_.push_back(std::move(change));
  if (action == Action::kCut || action == Action::kTear)
    FailPower(action == Action::kTear);
  return result;
}

int Disk::Rename(const char* from, const char* to) {
  const std::lock_guard lock(mutex_);
  const Action action = rules_.Decide(kName, to);
  if (const int code = ErrorOf(action); code != 0) return Fail(code);
  if (action == Action::kKill) Kill();
  auto old = ContentOf(to);
  const int result = system_calls::Rename(from, to);
  return Name(action, {NameChange::Kind::kRenamed, to, from, std::move(old)}, result);
}

int Disk::Unlink(const char* path) {
  const std::lock_guard lock(mutex_);
  const Action action = rules_.Decide(kName, path);
  if (action == Action::kError) return Fail(EIO);  // a full disk lets go
  if (action == Action::kKill) Kill();
  auto old = ContentOf(path);
  const int result = system_calls::Unlink(path);
  return Name(action, {NameChange::Kind::kRemoved, path, {}, std::move(old)}, result);
}

int Disk::MakeDirectory(const char* path, mode_t mode) {
  const std::lock_guard lock(mutex_);
  const Action action = rules_.Decide(kName, path);
  if (const int code = ErrorOf(action); code != 0) return Fail(code);
  if (action == Action::kKill) Kill();
  const int result = system_calls::MakeDirectory(path, mode);
  return Name(action, {NameChange::Kind::kMadeFolder, path, {}, {}}, result);
}

bool Disk::IsFull(int descriptor) {
  const std::lock_guard lock(mutex_);
  const File* const file = Find(descriptor);
  return file != nullptr && rules_.IsFull(file->path);
}

void Disk::End() {
  const std::lock_guard lock(mutex_);
  for (auto& [identity, file] : files_)
    if (file.own >= 0) UndoSectors(file, true);
}

void Disk::Kill() {
  (void)kill(getpid(), SIGKILL);
  for (;;) pause();
}

// The effect is another process's, once this one is gone with all its threads: none of
// them may see the disk as it is afterwards.
void Disk::FailPower(bool tear) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) Kill();
  while (getppid() == parent) usleep(100);
  for (auto& [identity, file] : files_)
    if (file.own >= 0) UndoContent(file, tear);
  UndoNames();
  _exit(0);
}

// Each sector by chance, and with it whether it is few, about half, or most of them.
void Disk::UndoSectors(File& file, bool only_lost) {
  const std::uint64_t share = rules_.Random(5);
  for (auto sector = file.unsynced.begin(); sector != file.unsynced.end();) {
    if (only_lost && !sector->second.lost) {
      ++sector;
      continue;
    }
    if (rules_.Random(4) < share)
      (void)system_calls::WriteAt(file.own, sector->second.old.data(), kSector,
                                  static_cast<off64_t>(sector->first * kSector));
    sector = file.unsynced.erase(sector);
  }
}

void Disk::UndoContent(File& file, bool tear) {
  // Writing a sector back may make the file longer, which is cut off at the end.
  const off64_t size = SizeOf(file);
  const bool grew = size > file.synced_size;
  if (file.appends && grew && !tear) {
    file.unsynced.clear();
  } else {
    UndoSectors(file, false);
  }
  off64_t left = std::max(size, file.synced_size);
  if (grew) {
    const auto more = static_cast<std::uint64_t>(size - file.synced_size);
    const std::uint64_t chance = rules_.Random(3);
    const std::uint64_t kept = chance == 0 ? 0 : chance == 1 ? more : rules_.Random(more);
    left = file.synced_size + static_cast<off64_t>(kept);
  }
  (void)system_calls::Truncate(file.own, left);
}

// A journal has them in their order: the last ones are missing.
void Disk::UndoNames() {
  const std::uint64_t chance = rules_.Random(3);
  std::uint64_t undone = chance == 0   ? 0
                         : chance == 1 ? names_.size()
                                       : rules_.Random(names_.size() + 1);
  for (; undone > 0; --undone) {
    const NameChange& change = names_.back();
    switch (change.kind) {
      case NameChange::Kind::kCreated:
        (void)system_calls::Unlink(change.path.c_str());
        break;
      case NameChange::Kind::kMadeFolder:
        (void)rmdir(change.path.c_str());
        break;
      case NameChange::Kind::kRenamed:
        (void)system_calls::Rename(change.path.c_str(), change.from.c_str());
        if (change.old) PutBack(change.path, *change.old);
        break;
      case NameChange::Kind::kRemoved:
        if (change.old) PutBack(change.path, *change.old);
        break;
    }
    names_.pop_back();
  }
}

}  // namespace kms::disk_faults
