// Trail: the writing end of the files. It knows where the chain is, begins and ends
// files, and writes one batch of lines at a time, wholly or not at all.
//
// Threads: one at a time.

#ifndef KMS_AUDIT_TRAIL_H_
#define KMS_AUDIT_TRAIL_H_

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "audit/keys.h"
#include "audit/segment_file.h"
#include "kms/audit_log.h"

namespace kms::audit {

// What the files tell when a log is opened.
struct FoundTrail {
  Link last;
  std::uint64_t segment = 0;  // the last one's number; 0: there is none
  UnixMillis from_time = 0;   // of its lines
  UnixMillis to_time = 0;
  std::uint64_t unsealed = 0;   // lines at its end without a MAC
  std::string trouble;          // empty: the trail ends where the store says
  std::set<std::string> names;  // AuditNameOf..., of the lines behind the mark
};

// FindTrail reads the end of the trail, from the line on that the store knows of, and
// removes what a crash left behind the last whole line.
// Fails: kUnavailable.
Result<FoundTrail> FindTrail(const std::string& folder, const Link& mark);

class Trail {
 public:
  // What is referred to outlives the trail.
  Trail(std::string folder, Keys keys, const Clock& clock, const AuditSettings& settings,
        MakeSegmentFile make, const FoundTrail& found);
  ~Trail();
  Trail(const Trail&) = delete;
  Trail& operator=(const Trail&) = delete;

  // Write adds lines with these members, and the MAC over them, durably. It begins a new
  // file first where that is due, also without lines, and signs where that is due.
  // Fails: kUnavailable; then nothing was added, and the same may be tried again.
  Result<void> Write(std::span<const std::string_view> lines);

  // KeepRoom sees to it that the next lines find room. Fails: kUnavailable.
  Result<void> KeepRoom();

  // End signs the end of the file. Fails: as Write.
  Result<void> End();

  const Link& last() const { return last_; }
  std::uint64_t segment() const { return segment_; }
  std::uint64_t bytes() const { return bytes_; }         // written in all
  const std::string& remark() const { return remark_; }  // the last unusual thing

 private:
  Result<void> Commit(const Link& last, const std::string& text);
  Result<void> Begin();
  void WriteHead(Sealer& sealer, std::string& text) const;
  Result<void> Sign(Sealer& sealer, std::string& text, bool end) const;
  Result<void> CutBack();
  bool FileIsFull() const;
  bool checkpoint_due() const;

  const std::string folder_;
  const Keys keys_;
  const Clock& clock_;
  const AuditSettings settings_;
  const MakeSegmentFile make_;

  Link last_;
  std::uint64_t segment_;
  std::unique_ptr<SegmentFile> file_;  // null: the next batch begins one
  std::uint64_t size_ = 0;             // of the file, to the last whole batch
  bool dirty_ = false;                 // there may be more in the file than that
  bool flush_failed_ = false;
  std::string reason_ = "start";  // why the next file is begun
  std::uint64_t unsealed_;
  std::int64_t begun_ = 0;  // steady
  UnixMillis from_time_;    // of the lines in the file before, and then in this one
  UnixMillis to_time_;
  std::uint64_t unsigned_lines_ = 0;
  std::int64_t signed_at_ = 0;  // steady
  std::uint64_t bytes_ = 0;
  std::string batch_;  // keeps its memory for the next one
  std::string remark_;
};

}  // namespace kms::audit

#endif  // KMS_AUDIT_TRAIL_H_
