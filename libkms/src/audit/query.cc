#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "audit/line.h"
#include "audit/segment.h"
#include "kms/audit_log.h"
#include "kms/encoding.h"

namespace kms {
namespace audit {
namespace {

constexpr std::size_t kBudget = std::size_t{4} << 20;  // bytes that a page may read
constexpr std::size_t kWindow = 256 * 1024;
constexpr std::size_t kHead = 4096;

// Where reading goes on: in this file, at this offset. Reading backwards, what is before
// it.
struct Position {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
};

constexpr std::uint64_t kWholeFile = static_cast<std::uint64_t>(-1);

std::string WritePosition(const Position& position, bool newest_first) {
  return ToBase64(AsBytes((newest_first ? "n." : "o.") +
                          std::to_string(position.segment) + "." +
                          std::to_string(position.offset)));
}

std::optional<Position> ReadPosition(std::string_view text, bool newest_first) {
  const auto bytes = FromBase64(text);
  if (!bytes) return std::nullopt;
  const std::string_view plain = AsText(*bytes);
  if (!plain.starts_with(newest_first ? "n." : "o.")) return std::nullopt;
  Position position;
  const char* const end = plain.data() + plain.size();
  const auto first = std::from_chars(plain.data() + 2, end, position.segment);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.')
    return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, position.offset);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return position;
}

// Reads one page.
class Pager {
 public:
  Pager(const AuditQuery& query, const std::vector<Segment>& segments)
      : query_(query), segments_(segments) {
    Members(account_).Text("account", query.account);
  }

  Result<AuditPage> Run(std::optional<Position> from) {
    const auto count = static_cast<std::ptrdiff_t>(segments_.size());
    std::ptrdiff_t at = query_.newest_first ? count - 1 : 0;
    const std::ptrdiff_t step = query_.newest_first ? -1 : 1;
    while (from && at >= 0 && at < count && IsBefore(At(at), *from)) at += step;
    for (; at >= 0 && at < count; at += step) {
      const bool resumes = from && At(at).number == from->segment;
      const std::uint64_t offset = resumes               ? from->offset
                                   : query_.newest_first ? kWholeFile
                                                         : 0;
      KMS_TRY(const bool skip, OutOfTime(at));
      if (!skip) {
        KMS_CHECK_OK(query_.newest_first ? ReadBack(At(at), offset)
                                         : ReadOn(At(at), offset));
      }
      if (stopped_) {
        page_.continuation = WritePosition(*stopped_, query_.newest_first);
        break;
      }
      if (read_ >= kBudget && at + step >= 0 && at + step < count) {
        page_.continuation =
            WritePosition({At(at + step).number, query_.newest_first ? kWholeFile : 0},
                          query_.newest_first);
        break;
      }
    }
    return std::move(page_);
  }

 private:
  const Segment& At(std::ptrdiff_t at) const {
    return segments_[static_cast<std::size_t>(at)];
  }

  bool IsBefore(const Segment& segment, const Position& from) const {
    return query_.newest_first ? segment.number > from.segment
                               : segment.number < from.segment;
  }

  // The head of the next file tells of the times in this one.
  Result<bool> OutOfTime(std::ptrdiff_t at) {
    if ((!query_.from && !query_.to) || at + 1 >= std::ssize(segments_) ||
        At(at + 1).number != At(at).number + 1)
      return false;
    read_ += kHead;
    KMS_TRY(const std::string bytes, ReadBytes(At(at + 1).path, 0, kHead));
    const auto head =
        ParseLine(std::string_view(bytes).substr(0, std::min(bytes.find('\n'), kHead)));
    if (!head) return false;
    const UnixMillis first = head->Number("fromTime");
    const UnixMillis last = head->Number("toTime");
    return (query_.from && last < *query_.from) || (query_.to && first >= *query_.to);
  }

  // Takes the line if it is asked for; true once the page is full.
  bool Take(std::string_view text) {
    if (text.find(account_) == std::string_view::npos) return false;
    const auto line = ParseLine(text);
    if (!line || !line->kind().empty()) return false;
    AuditEvent event = EventOf(*line);
    const auto fits = [](const std::string& wanted, const std::string& had) {
      return wanted.empty() || wanted == had;
    };
    if (event.account != query_.account || (query_.from && event.time < *query_.from) ||
        (query_.to && event.time >= *query_.to) || !fits(query_.key, event.key) ||
        !fits(query_.user, event.user) || !fits(query_.operation, event.operation) ||
        !fits(query_.code, event.code))
      return false;
    page_.events.push_back(std::move(event));
    return page_.events.size() >= query_.limit;
  }

  Result<void> ReadOn(const Segment& segment, std::uint64_t offset) {
    KMS_TRY(LineReader reader, LineReader::Open(segment.path, offset));
    for (;;) {
      KMS_TRY(const bool more, reader.Next());
      if (!more) return {};
      read_ += reader.line().size();
      if (Take(reader.line()) || read_ >= kBudget) {
        stopped_ = Position{segment.number, reader.end()};
        return {};
      }
    }
  }

  Result<void> ReadBack(const Segment& segment, std::uint64_t offset) {
    std::uint64_t end = offset;
    if (offset == kWholeFile) {
      KMS_TRY(end, FileSize(segment.path));
    }
    while (end > 0) {
      const std::uint64_t begin = end - std::min<std::uint64_t>(end, kWindow);
      KMS_TRY(const std::string bytes,
              ReadBytes(segment.path, begin, static_cast<std::size_t>(end - begin)));
      read_ += bytes.size();
      // The first line is whole only where the file begins.
      std::size_t first = 0;
      if (begin > 0) {
        const std::size_t line_end = bytes.find('\n');
        if (line_end == std::string::npos) return {};
        first = line_end + 1;
      }
      std::size_t stop = bytes.rfind('\n');
      while (stop != std::string::npos && stop > first) {
        const std::size_t before = bytes.rfind('\n', stop - 1);
        const std::size_t start =
            before == std::string::npos || before + 1 < first ? first : before + 1;
        if (Take(std::string_view(bytes).substr(start, stop - start))) {
          stopped_ = Position{segment.number, begin + start};
          return {};
        }
        if (start == first) break;
        stop = start - 1;
      }
      if (begin > 0 && begin + first >= end) return {};  // no line is that long
      end = begin == 0 ? 0 : begin + first;
      if (end > 0 && read_ >= kBudget) {
        stopped_ = Position{segment.number, end};
        return {};
      }
    }
    return {};
  }

  const AuditQuery& query_;
  const std::vector<Segment>& segments_;
  std::string account_;
  AuditPage page_;
  std::size_t read_ = 0;
  std::optional<Position> stopped_;
};

}  // namespace
}  // namespace audit

Result<AuditPage> QueryAuditLog(const std::string& folder, const AuditQuery& query) {
  std::optional<audit::Position> from;
  if (!query.continuation.empty()) {
    from = audit::ReadPosition(query.continuation, query.newest_first);
    if (!from) return Error(Reason::kBadParameter).About("continuation");
  }
  KMS_TRY(const auto segments, audit::ListSegments(folder));
  return audit::Pager(query, segments).Run(from);
}

}  // namespace kms
