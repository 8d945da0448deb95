// AuditSink: where audit events go after the change that they tell of.
//
// An event is committed in the same transaction as its change, in the store's
// outbox, and handed to the sink afterwards, in the order of commits (Kms::DrainAudit).
// A sink without memory may be handed an event twice after a crash; its sequence tells.
// kms/audit_log.h has the sink that keeps a trail, and is handed none twice.
//
// Threads: called from one thread at a time.

#ifndef KMS_AUDIT_SINK_H_
#define KMS_AUDIT_SINK_H_

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "kms/clock.h"
#include "kms/result.h"

namespace kms {

// Names things, and never holds a plaintext, a secret or a body.
struct AuditEvent {
  std::string sequence;  // of a change: ascending, unique in the store; hexadecimal
  UnixMillis time = 0;
  std::string request_id;
  std::string account;
  std::string user;
  std::string access_key;
  std::string source;
  std::string operation;  // "createKey"; for what the KMS does itself "rotateKey", ...
  std::string region;
  std::string key;      // empty where none is concerned
  std::string version;  // likewise
  std::string code = "ok";
  std::int64_t micros = 0;  // how long the call took; 0 where nobody waited
  // The run of a server that tells of this call itself (RequestContext::told_by).
  std::string told_by;
  bool recovered = false;  // that run ended, or gave up waiting, before it could
};

// What a sink knows of changes from elsewhere than Write.
struct AuditProgress {
  std::string run;              // whose calls are told of without Write; empty: none
  std::uint64_t last_seq = 0;   // the last durable line, and
  std::string last_hash;        // its hash
  std::set<std::string> names;  // of what has become durable since the last time
  // Names of calls whose changes nobody will tell of (AuditLog::Abandon).
  std::set<std::string> abandoned;
};

// The names under which a change is known: of the call that made it, and its own.
std::string AuditNameOfCall(std::string_view access_key, std::string_view request_id);
std::string AuditNameOfChange(std::string_view sequence);

class AuditSink {
 public:
  AuditSink(const AuditSink&) = delete;
  AuditSink& operator=(const AuditSink&) = delete;
  virtual ~AuditSink();

  // Write makes the events durable before it returns.
  // Fails: kUnavailable; the events are handed over again later.
  virtual Result<void> Write(std::span<const AuditEvent> events) = 0;

  // TakeProgress hands out what is known, and forgets the names; GiveBack takes them
  // again when nothing could be done with them. A sink without memory knows nothing.
  virtual AuditProgress TakeProgress();
  virtual void GiveBack(AuditProgress progress);

 protected:
  AuditSink() = default;
};

}  // namespace kms

#endif  // KMS_AUDIT_SINK_H_
