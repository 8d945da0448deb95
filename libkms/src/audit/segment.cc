#include "audit/segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace kms::audit {
namespace {

constexpr std::string_view kPrefix = "audit-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kDigits = 8;
constexpr std::size_t kPiece = 256 * 1024;

}  // namespace

Error FileError(const std::string& what) {
  return Error(Reason::kStoreUnavailable, what + ": " + std::strerror(errno));
}

std::string SegmentPath(const std::string& folder, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  const std::size_t zeros = kDigits - std::min(kDigits, digits.size());
  return folder + "/" + std::string(kPrefix) + std::string(zeros, '0') + digits +
         std::string(kSuffix);
}

Result<std::vector<Segment>> ListSegments(const std::string& folder) {
  std::vector<Segment> segments;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator();
       entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const std::string_view digits = std::string_view(name).substr(
        kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
    Segment segment;
    const auto [end, wrong] =
        std::from_chars(digits.data(), digits.data() + digits.size(), segment.number);
    segment.path = SegmentPath(folder, segment.number);
    if (wrong == std::errc() && segment.number > 0 && segment.path == folder + "/" + name)
      segments.push_back(std::move(segment));
  }
  if (error) return Error(Reason::kStoreUnavailable, folder + ": " + error.message());
  std::ranges::sort(segments, {}, &Segment::number);
  return segments;
}

Result<LineReader> LineReader::Open(const std::string& path, std::uint64_t offset) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return FileError(path);
  return LineReader(file, offset);
}

LineReader::LineReader(LineReader&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      end_(other.end_),
      buffer_(std::move(other.buffer_)),
      at_(other.at_) {}

LineReader::~LineReader() {
  if (file_ >= 0) ::close(file_);
}

Result<bool> LineReader::Next() {
  for (std::size_t seen = at_;;) {
    const std::size_t end = buffer_.find('\n', seen);
    if (end != std::string::npos) {
      line_ = std::string_view(buffer_).substr(at_, end - at_);
      end_ += line_.size() + 1;
      at_ = end + 1;
      return true;
    }
    buffer_.erase(0, at_);
    at_ = 0;
    seen = buffer_.size();
    buffer_.resize(seen + kPiece);
    const ssize_t n =
        ::pread(file_, buffer_.data() + seen, kPiece, static_cast<off_t>(end_ + seen));
    buffer_.resize(seen + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0) return FileError("reading the audit trail");
    if (n == 0) return false;
  }
}

Result<std::uint64_t> FileSize(const std::string& path) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) return Error(Reason::kStoreUnavailable, path + ": " + error.message());
  return size;
}

Result<std::string> ReadBytes(const std::string& path, std::uint64_t offset,
                              std::size_t size) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return FileError(path);
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::pread(file, bytes.data() + have, size - have,
                              static_cast<off_t>(offset + have));
    if (n < 0) {
      Error error = FileError(path);
      ::close(file);
      return error;
    }
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  ::close(file);
  bytes.resize(have);
  return bytes;
}

}  // namespace kms::audit
