// Rules: which of the calls that reach the disk goes wrong, and how.
//
// A file holds them, one to a line, and may be exchanged while the process runs; the
// counting begins anew then:
//
//   seed NUMBER                          of all that is left to chance
//   ACTION CALLS FILE FIRST [LAST]       from the FIRST matching call on, to the LAST
//
// ACTION  enospc, eio   the call fails
//         short         a write writes a part
//         full          no file gets more room than it has; nothing gets a new name
//         lose          a sync fails, and the pages are clean, and lost: they may be
//                       gone at once, or when the process ends; the next sync succeeds
//         kill          the process is killed
//         cut           the power fails: of what was not synced, a part is there later.
//                       A file that is appended to keeps a beginning
//         tear          likewise, but any part, also of what was appended
// CALLS   write, sync, name (create, rename, unlink, mkdir), any
// FILE    a part of the path, or *
// LAST    a number, or * for ever; FIRST if it is not given
//
// What has happened is written to the same path with ".log" at its end. A file with
// ".lock" at its end is locked, shared, until the process is gone and a failure of power
// has had its effect.

#ifndef KMS_TESTS_DISK_FAULTS_RULES_H_
#define KMS_TESTS_DISK_FAULTS_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kms::disk_faults {

enum class Action { kNone, kNoSpace, kError, kShort, kFull, kLose, kKill, kCut, kTear };

// Kinds of calls; a write through O_DSYNC is of two.
inline constexpr unsigned kWrite = 1;
inline constexpr unsigned kSync = 2;
inline constexpr unsigned kName = 4;

class Rules {
 public:
  explicit Rules(std::string file) : file_(std::move(file)) {}

  // Decide counts a call, and tells what becomes of it.
  Action Decide(unsigned calls, std::string_view path);
  // IsFull tells whether a disk is full that has this file, and counts nothing.
  bool IsFull(std::string_view path);

  // Random numbers below `bound`.
  std::uint64_t Random(std::uint64_t bound);

  void Log(std::string_view what, std::string_view path = {},
           std::uint64_t number = 0) const;

 private:
  struct Rule {
    Action action;
    unsigned calls;
    std::string file;
    std::uint64_t first;
    std::uint64_t last;
    std::uint64_t seen = 0;

    bool Matches(std::string_view path) const {
      return file == "*" || path.find(file) != std::string_view::npos;
    }
  };

  void Refresh();
  void Parse(const std::string& text);

  const std::string file_;
  std::uint64_t version_ = 0;  // of the file
  std::uint64_t random_ = 0;
  std::vector<Rule> rules_;
};

}  // namespace kms::disk_faults

#endif  // KMS_TESTS_DISK_FAULTS_RULES_H_
