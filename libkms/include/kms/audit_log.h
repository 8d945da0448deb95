// AuditLog: the audit trail, one line for each call, in files that show when somebody
// has changed them (docs/audit.md has the format).
//
// Lines have gap-free numbers and a chain of hashes. Each flushed batch carries a MAC
// under a key that only the root key opens, and every so often a signature that anybody
// can check. One thread writes; nobody else waits for the disk unless they ask to.
//
// Threads: all methods may be called from many threads at once.
// Durability: a line is on disk when `done` of its Tell says so, and within
// AuditSettings::flush_millis otherwise.

#ifndef KMS_AUDIT_LOG_H_
#define KMS_AUDIT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kms/audit_sink.h"
#include "kms/bytes.h"
#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/key_store.h"
#include "kms/result.h"
#include "kms/root_key.h"
#include "kms/secret_bytes.h"

namespace kms {

// What happens to calls that change nothing while lines cannot be written.
enum class AuditOnFailure : std::uint8_t { kContinue, kRefuse };

struct AuditSettings {
  std::int64_t flush_millis = 1000;
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;  // then the next file is begun
  std::int64_t segment_millis = 24LL * 60 * 60 * 1000;    // likewise
  std::size_t queue_lines = 65536;  // that may wait for the disk in memory
  AuditOnFailure on_failure = AuditOnFailure::kContinue;
  std::int64_t grace_millis = 60'000;       // how long kContinue continues
  std::uint64_t checkpoint_lines = 10'000;  // at most so many lines without a signature
  std::int64_t checkpoint_millis = 60'000;  // and, if there are any, so long
};

// A call as its line tells it. Texts longer than 256 bytes are cut.
struct AuditCall {
  UnixMillis time = 0;
  std::string_view request_id;
  std::string_view account;
  std::string_view user;
  std::string_view access_key;
  std::string_view source;
  std::string_view operation;
  std::string_view region;
  std::string_view key;
  std::string_view version;
  std::string_view code = "ok";
  std::int64_t micros = 0;
  bool changes = false;  // it has made a change, whose event is in the outbox
};

struct AuditHealth {
  bool works = true;
  std::string reason;  // why not
  std::string remark;  // what an operator should look into although it works
  std::uint64_t segment = 0;
  std::uint64_t lines = 0;  // since the log was opened, likewise the rest
  std::uint64_t bytes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t failures = 0;
  std::uint64_t refused = 0;  // calls that no line could be kept for
  std::size_t waiting = 0;    // lines, at the moment
};

class AuditLog : public AuditSink {
 public:
  // Called once, with whether the line is on disk; from the thread that writes.
  using Done = std::function<void(Result<void>)>;

  // run names this run of the log (RequestContext::told_by).
  virtual const std::string& run() const = 0;

  // Reserve keeps room for one line, before its call is begun. A call that gets none must
  // be refused; how many were is told in the trail, and nothing else about them.
  // Fails: kUnavailable.
  virtual Result<void> Reserve() = 0;

  // Admit says whether a call may go on: one that has to be durable only while lines can
  // be written, others as AuditSettings say.
  // Fails: kUnavailable.
  virtual Result<void> Admit(bool durable) const = 0;

  // Tell takes the line of a call that has reserved room. With `done` the line is written
  // at once, together with those of others. A line that could not be written is kept and
  // tried again, also after `done` was told so.
  virtual void Tell(const AuditCall& call, Done done) = 0;

  // Abandon says of a call that its line does not stand for the change that it may have
  // made: the change's own event, if there is one, is then written as a line.
  virtual void Abandon(std::string_view access_key, std::string_view request_id) = 0;

  // End writes what waits, tells those who wait, and signs the end. What is told later is
  // not written, and its Done, called at once, says so. Destroying the log does the same;
  // End is for processes that leave it behind, because threads in it may still come back.
  virtual void End() = 0;

  virtual AuditHealth Health() const = 0;

  // The folder of the trail, for QueryAuditLog.
  virtual const std::string& folder() const = 0;
};

// What is referred to outlives the log.
struct AuditParts {
  std::string folder;  // made with mode 0700, its files with 0600
  KeyStore& store;     // keeps the sealed keys of the trail, and how far it is
  const RootKey& root;
  CryptoBackend& backend;  // of the software level
  const Clock& clock;
};

// OpenAuditLog goes on where the trail in the folder ends, in a new file.
// Fails: kUnavailable if the folder cannot be read or made; kCorrupt if the keys do not
// open. A disk without room is no failure here: the log says so, and recovers.
Result<std::unique_ptr<AuditLog>> OpenAuditLog(const AuditParts& parts,
                                               const AuditSettings& settings = {});

// What an auditor holds against a trail. All may be empty.
struct AuditEvidence {
  SecretBytes mac_key;
  Bytes public_key;  // DER; empty: the one that the trail names itself
  // A line that was there once: a trail that was cut before it shows.
  std::optional<std::uint64_t> seq;
  std::string hash;  // hexadecimal
};

// ReadAuditEvidence takes from a store what proves most: both keys, and the last line
// that the store knows of. Fails: kNotFound if there was never an audit log on this
// store; kCorrupt; kUnavailable.
Result<AuditEvidence> ReadAuditEvidence(const KeyStore& store, const RootKey& root);

// The first line that does not check out.
struct AuditFault {
  std::string file;
  std::uint64_t line = 0;  // from 1; 0: the file as a whole
  std::string reason;
};

struct AuditReport {
  std::optional<AuditFault> fault;
  std::uint64_t segments = 0;
  std::uint64_t first_seq = 0;  // of the oldest file that is there
  std::uint64_t last_seq = 0;   // up to here every line checks out
  std::string last_hash;
  std::uint64_t sealed_seq = 0;      // up to here under the MAC of a batch
  std::uint64_t checkpoint_seq = 0;  // up to here under a signature
  UnixMillis checkpoint_time = 0;
  std::uint64_t unsealed = 0;  // lines that ends without a stop left without a MAC
  std::uint64_t unfinished_bytes = 0;  // of a last line that was never complete
  bool macs_checked = false;
};

// VerifyAuditLog checks every line of a trail.
// Fails: kNotFound if there is none; kUnavailable if it cannot be read. What it finds is
// not a failure.
Result<AuditReport> VerifyAuditLog(const std::string& folder,
                                   const AuditEvidence& evidence = {});

// Which calls of an account; what is empty does not restrict.
struct AuditQuery {
  std::string account;
  std::optional<UnixMillis> from;
  std::optional<UnixMillis> to;  // not included
  std::string key;
  std::string user;
  std::string operation;
  std::string code;
  bool newest_first = true;
  std::size_t limit = 20;
  std::string continuation;  // of the page before
};

struct AuditPage {
  std::vector<AuditEvent> events;
  std::string continuation;  // empty: that was all
};

// QueryAuditLog reads a page. It reads a bounded part of the trail at a time, so that a
// page may have fewer events than the limit, or none, and a continuation all the same.
// What is written meanwhile moves nothing.
// Fails: kInvalidArgument for a continuation that is none; kUnavailable.
Result<AuditPage> QueryAuditLog(const std::string& folder, const AuditQuery& query);

}  // namespace kms

#endif  // KMS_AUDIT_LOG_H_
