// Disk: the files below one folder, what of them is not on the disk yet, and what a
// failure leaves of it.
//
// The process that is tested sees its writes at once, as in the page cache. What each
// sector held at the last sync is kept beside them; so are the changes of names that no
// sync of a folder has followed. Nothing is ever synced in truth.
//
// Threads: any; one call at a time.

#ifndef KMS_TESTS_DISK_FAULTS_DISK_H_
#define KMS_TESTS_DISK_FAULTS_DISK_H_

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules.h"

namespace kms::disk_faults {

class Disk {
 public:
  // Holds a lock on a file beside the rules until all is over, a failure of power
  // included.
  Disk(std::string folder, const std::string& rules);

  // Has tells whether a path is the folder or below it. Knows tells it of an open file.
  bool Has(const char* path) const;
  bool Knows(int descriptor);

  // As the calls of the same names, for what Has or Knows; errno is set.
  int Open(const char* path, int flags, mode_t mode);
  // `offset` is absent where the file's own counts.
  ssize_t Write(int descriptor, const std::string& bytes, std::optional<off64_t> offset);
  int Sync(int descriptor);
  int Truncate(int descriptor, off64_t size);
  int Allocate(int descriptor, int mode, off64_t offset, off64_t size);
  int Rename(const char* from, const char* to);
  int Unlink(const char* path);
  int MakeDirectory(const char* path, mode_t mode);
  bool IsFull(int descriptor);

  // What was lost is lost when the process ends, at the latest.
  void End();

 private:
  static constexpr std::size_t kSector = 512;
  struct Sector {
    std::array<char, kSector> old{};
    bool lost = false;  // the sync failed that should have written it
  };
  struct File {
    int own = -1;
    std::string path;
    bool appends = false;
    off64_t synced_size = 0;
    std::uint64_t failures = 0;  // of syncs
    std::map<std::uint64_t, Sector> unsynced;
  };
  using Identity = std::pair<dev_t, ino_t>;
  struct Descriptor {
    Identity file;
    std::uint64_t failures_told = 0;
  };
  struct NameChange {
    enum class Kind { kCreated, kMadeFolder, kRenamed, kRemoved } kind;
    std::string path;
    std::string from;                // of kRenamed
    std::optional<std::string> old;  // what the file held that is gone
  };

  File* Find(int descriptor);
  File& Remember(int descriptor, const char* path, int flags);
  void Keep(File& file, off64_t offset, std::size_t size) const;
  static off64_t SizeOf(const File& file);
  // Of what kind of failure `action` is, or 0.
  static int ErrorOf(Action action);
  int Name(Action action, NameChange change, int result);

  [[noreturn]] static void Kill();
  [[noreturn]] void FailPower(bool tear);
  int LoseSync(File& file);
  void UndoSectors(File& file, bool only_lost);
  void UndoContent(File& file, bool tear);
  void UndoNames();

  const std::string folder_;
  std::mutex mutex_;
  Rules rules_;
  std::map<Identity, File> files_;
  std::map<int, Descriptor> descriptors_;
  std::vector<NameChange> names_;
};

}  // namespace kms::disk_faults

#endif  // KMS_TESTS_DISK_FAULTS_DISK_H_
