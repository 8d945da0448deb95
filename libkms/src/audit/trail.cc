#include "audit/trail.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include "audit/segment.h"
#include "kms/encoding.h"

namespace kms::audit {
namespace {

constexpr std::uint64_t kRoom = 1 << 20;

void Widen(UnixMillis time, UnixMillis& from, UnixMillis& to) {
  if (time <= 0) return;
  from = from == 0 ? time : std::min(from, time);
  to = std::max(to, time);
}

// Of the members of a call, which begin with it; 0 for any others.
UnixMillis TimeOf(std::string_view members) {
  constexpr std::string_view kName = "\"time\":";
  UnixMillis time = 0;
  if (members.starts_with(kName))
    std::from_chars(members.data() + kName.size(), members.data() + members.size(), time);
  return time;
}

// The whole lines of one file. `found` is left at its end.
Result<std::uint64_t> ReadSegment(const Segment& segment, const Link& mark,
                                  FoundTrail& found) {
  KMS_TRY(LineReader reader, LineReader::Open(segment.path));
  found.from_time = found.to_time = 0;
  std::uint64_t first = 0;
  for (;;) {
    KMS_TRY(const bool more, reader.Next());
    if (!more) break;
    const auto line = ParseLine(reader.line());
    if (!line) {
      found.trouble = segment.path + " has a line that is none";
      continue;
    }
    if (first == 0) first = line->seq;
    found.last = {line->seq, line->hash};
    if (line->seq == mark.seq && line->hash != mark.hash)
      found.trouble = segment.path + " is not the file that was written";
    const std::string_view kind = line->kind();
    found.unsealed = kind == "batch" || kind == "checkpoint" ? 0 : found.unsealed + 1;
    if (!kind.empty()) continue;
    Widen(line->Number("time"), found.from_time, found.to_time);
    if (line->seq <= mark.seq) continue;
    if (const auto change = line->Text("change"); !change.empty())
      found.names.insert(AuditNameOfChange(change));
    else if (line->Text("code") == "ok")
      found.names.insert(
          AuditNameOfCall(line->Text("accessKey"), line->Text("requestId")));
  }
  if (reader.rest() > 0 &&
      ::truncate(segment.path.c_str(), static_cast<off_t>(reader.end())) != 0)
    return FileError(segment.path);
  return first;
}

Result<std::uint64_t> FirstSeq(const Segment& segment) {
  KMS_TRY(LineReader reader, LineReader::Open(segment.path));
  KMS_TRY(const bool some, reader.Next());
  const auto line = some ? ParseLine(reader.line()) : std::nullopt;
  return line ? line->seq : 0;
}

}  // namespace

Result<FoundTrail> FindTrail(const std::string& folder, const Link& mark) {
  FoundTrail found;
  KMS_TRY(const std::vector<Segment> segments, ListSegments(folder));
  // From the last file back to the one that the mark is in.
  std::size_t from = segments.size();
  while (from > 0) {
    KMS_TRY(const std::uint64_t first, FirstSeq(segments[--from]));
    if (first > 0 && first <= mark.seq + 1) break;
  }
  for (; from < segments.size(); ++from) {
    const Segment& segment = segments[from];
    KMS_TRY(const std::uint64_t first, ReadSegment(segment, mark, found));
    found.segment = segment.number;
    if (first > 0) continue;
    // Nothing but the beginning of a head, of a process that ended there.
    if (from + 1 == segments.size() && found.trouble.empty()) {
      if (::unlink(segment.path.c_str()) != 0) return FileError(segment.path);
      found.segment = segment.number - 1;
    }
  }
  if (found.last.seq < mark.seq) {
    found.trouble = "the lines " + std::to_string(found.last.seq + 1) + " to " +
                    std::to_string(mark.seq) + " are missing";
    found.last = mark;
    found.unsealed = 0;
  }
  return found;
}

Trail::Trail(std::string folder, Keys keys, const Clock& clock,
             const AuditSettings& settings, MakeSegmentFile make, const FoundTrail& found)
    : folder_(std::move(folder)),
      keys_(std::move(keys)),
      clock_(clock),
      settings_(settings),
      make_(std::move(make)),
      last_(found.last),
      segment_(found.segment),
      unsealed_(found.unsealed),
      from_time_(found.from_time),
      to_time_(found.to_time),
      signed_at_(clock.Steady()),
      remark_(found.trouble) {
  if (!found.trouble.empty()) reason_ = "start; " + found.trouble;
}

Trail::~Trail() = default;

bool Trail::FileIsFull() const {
  return size_ >= settings_.segment_bytes ||
         clock_.Steady() - begun_ >= settings_.segment_millis;
}

bool Trail::checkpoint_due() const {
  return file_ != nullptr && unsigned_lines_ > 0 &&
         clock_.Steady() - signed_at_ >= settings_.checkpoint_millis;
}

// What a failed attempt has left is removed before anything else is written.
Result<void> Trail::CutBack() {
  if (!dirty_) return {};
  KMS_CHECK_OK(file_->Cut(size_));
  dirty_ = false;
  // Nobody knows what a disk does with pages that it could not flush. That they are gone
  // should be on the disk, or they come back with a loss of power; if that fails as well,
  // who verifies the trail is told of them.
  if (flush_failed_) (void)file_->Sync();
  if (flush_failed_ && size_ > 0) {
    file_.reset();
    reason_ = "a flush failed";
  }
  flush_failed_ = false;
  return {};
}

Result<void> Trail::Begin() {
  std::string path;
  do {
    path = SegmentPath(folder_, ++segment_);
  } while (::access(path.c_str(), F_OK) == 0);
  auto made = make_(path);
  if (!made) {
    --segment_;
    return std::move(made).error();
  }
  file_ = std::move(*made);
  size_ = 0;
  begun_ = clock_.Steady();
  return {};
}

void Trail::WriteHead(Sealer& sealer, std::string& text) const {
  std::string head;
  Members(head)
      .Text("kind", "head")
      .Number("format", kTrailFormat)
      .Number("segment", static_cast<std::int64_t>(segment_))
      .Number("time", clock_.Now())
      .Text("reason", reason_)
      .Text("prev", ToHex(last_.hash))
      .Number("unsealed", static_cast<std::int64_t>(unsealed_))
      .Number("fromTime", from_time_)
      .Number("toTime", to_time_)
      .Text("publicKey", ToBase64(keys_.public_key));
  sealer.Seal(head, text);
}

Result<void> Trail::Sign(Sealer& sealer, std::string& text, bool end) const {
  const Link upto = sealer.last();
  KMS_TRY(const Bytes signature,
          keys_.signer->Sign(SignatureAlgorithm::kSm2,
                             CheckpointDigest(keys_.public_key, upto)));
  std::string line;
  Members members(line);
  members.Text("kind", "checkpoint")
      .Number("time", clock_.Now())
      .Number("upTo", static_cast<std::int64_t>(upto.seq))
      .Text("lastHash", ToHex(upto.hash))
      .Text("signature", ToBase64(signature));
  if (end) members.True("end");
  sealer.Seal(line, text);
  return {};
}

Result<void> Trail::Commit(const Link& last, const std::string& text) {
  dirty_ = true;
  KMS_CHECK_OK(file_->Append(text));
  flush_failed_ = true;
  KMS_CHECK_OK(file_->Sync());
  dirty_ = flush_failed_ = false;
  size_ += text.size();
  bytes_ += text.size();
  last_ = last;
  return {};
}

Result<void> Trail::Write(std::span<const std::string_view> lines) {
  KMS_CHECK_OK(CutBack());
  if (file_ != nullptr && !file_->IsWhole(size_)) {
    remark_ = SegmentPath(folder_, segment_) +
              " was moved away, replaced, or changed by somebody else";
    reason_ = "file " + std::to_string(segment_) +
              " was moved away, replaced, or changed by somebody else";
    file_.reset();
  } else if (file_ != nullptr && size_ > 0 && FileIsFull()) {
    KMS_CHECK_OK(End());
    reason_ = "rotation";
  }
  if (file_ == nullptr) {
    KMS_CHECK_OK(Begin());
  }

  Sealer sealer(last_);
  std::string& text = batch_;
  text.clear();
  const std::uint64_t from = last_.seq + 1;
  const bool begins = size_ == 0;
  if (begins) WriteHead(sealer, text);
  for (const std::string_view line : lines) sealer.Seal(line, text);
  if (!text.empty()) {
    std::string mac;
    Members(mac)
        .Text("kind", "batch")
        .Number("from", static_cast<std::int64_t>(from))
        .Number("to", static_cast<std::int64_t>(sealer.last().seq))
        .Text("mac", ToHex(BatchMac(keys_.mac.Reveal(), from, sealer.last())));
    sealer.Seal(mac, text);
  }
  const std::uint64_t unsigned_lines = unsigned_lines_ + lines.size();
  const bool sign = unsigned_lines >= settings_.checkpoint_lines || checkpoint_due();
  if (sign) {
    KMS_CHECK_OK(Sign(sealer, text, false));
  }
  if (text.empty()) return {};
  KMS_CHECK_OK(Commit(sealer.last(), text));
  if (begins) {
    from_time_ = to_time_ = 0;
    unsealed_ = 0;
  }
  for (const std::string_view line : lines) Widen(TimeOf(line), from_time_, to_time_);
  unsigned_lines_ = sign ? 0 : unsigned_lines;
  if (sign) signed_at_ = clock_.Steady();
  return {};
}

Result<void> Trail::KeepRoom() {
  if (file_ == nullptr || dirty_) return {};
  return file_->KeepRoom(kRoom);
}

Result<void> Trail::End() {
  KMS_CHECK_OK(CutBack());
  if (file_ == nullptr || size_ == 0) return {};
  Sealer sealer(last_);
  std::string text;
  KMS_CHECK_OK(Sign(sealer, text, true));
  KMS_CHECK_OK(Commit(sealer.last(), text));
  // Gives back the room that was kept; where that fails, it is merely kept.
  (void)file_->Cut(size_);
  unsigned_lines_ = 0;
  signed_at_ = clock_.Steady();
  file_.reset();
  return {};
}

}  // namespace kms::audit
