// The files of the trail: their names, and reading them line by line.

#ifndef KMS_AUDIT_SEGMENT_H_
#define KMS_AUDIT_SEGMENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kms/result.h"

namespace kms::audit {

struct Segment {
  std::uint64_t number = 0;
  std::string path;
};

Error FileError(const std::string& what);  // from errno

std::string SegmentPath(const std::string& folder, std::uint64_t number);

// ListSegments returns the files of the trail in `folder`, in order.
// Fails: kUnavailable.
Result<std::vector<Segment>> ListSegments(const std::string& folder);

// LineReader reads the whole lines of a file from an offset on.
class LineReader {
 public:
  // Fails: kUnavailable.
  static Result<LineReader> Open(const std::string& path, std::uint64_t offset = 0);
  LineReader(LineReader&&) noexcept;
  ~LineReader();

  // Next is whether there is another whole line; it is in line() then, without its end.
  // Fails: kUnavailable.
  Result<bool> Next();
  std::string_view line() const { return line_; }
  std::uint64_t begin() const { return end_ - line_.size() - 1; }  // of line()
  std::uint64_t end() const { return end_; }  // behind line() and its end
  // What follows the last whole line, once Next was false.
  std::uint64_t rest() const { return buffer_.size() - at_; }

 private:
  LineReader(int file, std::uint64_t offset) : file_(file), end_(offset) {}
  int file_;
  std::uint64_t end_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::string_view line_;
};

// FileSize and ReadBytes fail with kUnavailable. ReadBytes reads up to `size` bytes at
// `offset`.
Result<std::uint64_t> FileSize(const std::string& path);
Result<std::string> ReadBytes(const std::string& path, std::uint64_t offset,
                              std::size_t size);

}  // namespace kms::audit

#endif  // KMS_AUDIT_SEGMENT_H_
