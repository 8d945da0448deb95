#include <algorithm>
#include <utility>
#include <vector>

#include "audit/keys.h"
#include "audit/line.h"
#include "audit/segment.h"
#include "kms/audit_log.h"
#include "kms/encoding.h"

namespace kms {
namespace audit {
namespace {

std::string Number(std::uint64_t number) { return std::to_string(number); }

// Follows the chain from line to line. Each step returns what is wrong with the line;
// empty: nothing.
class Verifier {
 public:
  explicit Verifier(const AuditEvidence& evidence)
      : evidence_(evidence), public_key_(evidence.public_key) {
    report.macs_checked = !evidence.mac_key.empty();
  }

  std::string BeginSegment(std::uint64_t number) {
    const bool follows = segment_ == 0 || number == segment_ + 1;
    const std::string missing = "file " + Number(segment_ + 1) + " is missing";
    segment_ = number;
    at_head_ = true;
    ended_ = false;
    ++report.segments;
    return follows ? std::string() : missing;
  }

  std::string Take(std::string_view text) {
    const auto line = ParseLine(text);
    if (!line) return "it is no line of a trail";
    const bool is_head = line->kind() == "head";
    if (is_head != at_head_)
      return is_head ? "a head inside of a file" : "the file does not begin with a head";
    if (ended_) return "it follows the end of its file";
    if (is_head) {
      if (std::string wrong = TakeHead(*line); !wrong.empty()) return wrong;
    }
    if (line->seq != last_.seq + 1)
      return "its number is " + Number(line->seq) + ", and " + Number(last_.seq + 1) +
             " was expected";
    if (HashLine(last_.hash, text) != line->hash)
      return "its hash does not fit: it was changed";
    if (std::string wrong = TakeKind(*line); !wrong.empty()) return wrong;
    if (line->seq == evidence_.seq && ToHex(line->hash) != evidence_.hash)
      return "it is not the line that was noted under this number";
    last_ = {line->seq, line->hash};
    at_head_ = false;
    report.last_seq = last_.seq;
    return {};
  }

  // What a file that another one follows must have been.
  std::string EndSegment(std::uint64_t rest) {
    if (rest > 0) return "the file ends inside of a line";
    if (at_head_) return "the file is empty";
    return {};
  }

  void Finish() {
    report.last_hash = ToHex(last_.hash);
    report.unsealed += Unsealed();
  }

  std::uint64_t seq() const { return last_.seq; }

  AuditReport report;

 private:
  std::uint64_t Unsealed() const { return last_.seq + 1 - unsealed_from_; }

  std::string TakeHead(const ParsedLine& head) {
    if (head.Number("format") != kTrailFormat) return "its format is not known";
    if (static_cast<std::uint64_t>(head.Number("segment")) != segment_)
      return "it is the head of file " + std::to_string(head.Number("segment"));
    const auto before = DigestFromHex(head.Text("prev"));
    if (!before) return "the head does not name the hash before it";
    const auto key = FromBase64(head.Text("publicKey"));
    if (!key || key->empty()) return "the head has no public key";
    if (public_key_.empty()) public_key_ = *key;
    if (*key != public_key_) return "the public key is another one";
    if (last_.seq == 0) {  // the oldest file that is there
      last_ = {head.seq - 1, *before};
      report.first_seq = head.seq;
    } else if (head.seq == last_.seq + 1) {
      if (*before != last_.hash) return "it does not follow the file before it";
      if (static_cast<std::uint64_t>(head.Number("unsealed")) != Unsealed())
        return "the file before it ended with other lines";
      report.unsealed += Unsealed();
    }
    unsealed_from_ = head.seq;
    return {};
  }

  std::string TakeKind(const ParsedLine& line) {
    const std::string_view kind = line.kind();
    if (kind == "batch") return TakeBatch(line);
    if (kind == "checkpoint") return TakeCheckpoint(line);
    if (kind.empty() || kind == "head" || kind == "gap") return {};
    return "its kind is not known";
  }

  std::string TakeBatch(const ParsedLine& line) {
    const auto from = static_cast<std::uint64_t>(line.Number("from"));
    const auto to = static_cast<std::uint64_t>(line.Number("to"));
    if (from != unsealed_from_ || to != last_.seq || from > to)
      return "it is the batch of other lines";
    const auto mac = DigestFromHex(line.Text("mac"));
    if (!mac) return "it has no MAC";
    if (report.macs_checked &&
        !ConstantTimeEqual(*mac, BatchMac(evidence_.mac_key.Reveal(), from, last_)))
      return "its MAC does not fit: the lines " + Number(from) + " to " + Number(to) +
             " are not those that were written";
    report.sealed_seq = to;
    unsealed_from_ = line.seq + 1;
    return {};
  }

  std::string TakeCheckpoint(const ParsedLine& line) {
    if (static_cast<std::uint64_t>(line.Number("upTo")) != last_.seq ||
        line.Text("lastHash") != ToHex(last_.hash) || unsealed_from_ != line.seq)
      return "it is the checkpoint of other lines";
    const auto signature = FromBase64(line.Text("signature"));
    if (!public_) {
      auto loaded = backend_->LoadPublic(public_key_);
      if (!loaded || (*loaded)->spec() != KeySpec::kSm2) return "the public key is none";
      public_ = std::move(*loaded);
    }
    const Digest32 digest = CheckpointDigest(public_key_, last_);
    const auto good = signature
                          ? public_->Verify(SignatureAlgorithm::kSm2, digest, *signature)
                          : Result<bool>(false);
    if (!good || !*good) return "its signature does not fit";
    report.checkpoint_seq = last_.seq;
    report.checkpoint_time = line.Number("time");
    unsealed_from_ = line.seq + 1;
    ended_ = line.members.contains("end");
    return {};
  }

  const AuditEvidence& evidence_;
  Bytes public_key_;
  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend_ = NewBotanBackend(*root_);
  std::shared_ptr<PublicKey> public_;
  std::uint64_t segment_ = 0;
  Link last_;
  std::uint64_t unsealed_from_ = 1;
  bool at_head_ = true;
  bool ended_ = false;
};

}  // namespace
}  // namespace audit

Result<AuditReport> VerifyAuditLog(const std::string& folder,
                                   const AuditEvidence& evidence) {
  KMS_TRY(const auto segments, audit::ListSegments(folder));
  if (segments.empty())
    return Error(ErrorClass::kNotFound, Reason::kInternal,
                 folder + ": there is no audit trail");
  audit::Verifier verifier(evidence);
  const auto fault = [&](const std::string& path, std::uint64_t line,
                         std::string reason) {
    verifier.report.fault = AuditFault{path, line, std::move(reason)};
    verifier.Finish();
    return std::move(verifier.report);
  };
  for (const audit::Segment& segment : segments) {
    if (std::string wrong = verifier.BeginSegment(segment.number); !wrong.empty())
      return fault(segment.path, 0, std::move(wrong));
    KMS_TRY(audit::LineReader reader, audit::LineReader::Open(segment.path));
    for (std::uint64_t number = 1;; ++number) {
      KMS_TRY(const bool more, reader.Next());
      if (!more) break;
      if (std::string wrong = verifier.Take(reader.line()); !wrong.empty())
        return fault(segment.path, number, std::move(wrong));
    }
    if (&segment == &segments.back()) {
      verifier.report.unfinished_bytes = reader.rest();
    } else if (std::string wrong = verifier.EndSegment(reader.rest()); !wrong.empty()) {
      return fault(segment.path, 0, std::move(wrong));
    }
  }
  if (evidence.seq && *evidence.seq > verifier.seq())
    return fault(segments.back().path, 0,
                 "the trail ends with line " + std::to_string(verifier.seq()) +
                     ", and line " + std::to_string(*evidence.seq) + " was there once");
  verifier.Finish();
  return std::move(verifier.report);
}

}  // namespace kms
