// SegmentFile: the file that lines are appended to. An interface, so that tests make it
// fail.
//
// Threads: one at a time.

#ifndef KMS_AUDIT_SEGMENT_FILE_H_
#define KMS_AUDIT_SEGMENT_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kms/result.h"

namespace kms::audit {

class SegmentFile {
 public:
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;
  virtual ~SegmentFile();

  // Append writes behind what is there, Sync makes it durable, Cut makes the file `size`
  // bytes long, and KeepRoom sees to it that so many more fit.
  // Fail: kUnavailable.
  virtual Result<void> Append(std::string_view text) = 0;
  virtual Result<void> Sync() = 0;
  virtual Result<void> Cut(std::uint64_t size) = 0;
  virtual Result<void> KeepRoom(std::uint64_t bytes) = 0;

  // IsWhole tells whether the name still stands for this file, and it has `size` bytes.
  virtual bool IsWhole(std::uint64_t size) const = 0;

 protected:
  SegmentFile() = default;
};

// Makes a file that was not there before.
using MakeSegmentFile =
    std::function<Result<std::unique_ptr<SegmentFile>>(const std::string& path)>;

// CreateSegmentFile makes the file with mode 0600, durably, and its folder with mode 0700
// if that is gone.
// Fails: kUnavailable.
Result<std::unique_ptr<SegmentFile>> CreateSegmentFile(const std::string& path);

// SyncFolder makes the names in the folder of `path` durable. Fails: kUnavailable.
Result<void> SyncFolder(const std::string& path);

}  // namespace kms::audit

#endif  // KMS_AUDIT_SEGMENT_FILE_H_
