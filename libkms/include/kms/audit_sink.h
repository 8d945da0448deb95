// AuditSink: where audit events go after the change that they tell of.
//
// An event is committed in the same transaction as its change, in the store's
// outbox, and handed to the sink afterwards, in the order of commits. An event may
// be handed over twice after a crash; its sequence tells.
//
// Threads: called from one thread at a time.

#ifndef KMS_AUDIT_SINK_H_
#define KMS_AUDIT_SINK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kms/clock.h"
#include "kms/result.h"

namespace kms {

// Names things, and never holds a plaintext, a secret or a body.
struct AuditEvent {
  std::string sequence;  // ascending, unique in the store; hexadecimal
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
};

class AuditSink {
 public:
  AuditSink(const AuditSink&) = delete;
  AuditSink& operator=(const AuditSink&) = delete;
  virtual ~AuditSink();

  // Write makes the events durable before it returns.
  // Fails: kUnavailable; the events are handed over again later.
  virtual Result<void> Write(std::span<const AuditEvent> events) = 0;

 protected:
  AuditSink() = default;
};

// OpenAuditFile appends events to the file `path` (created with mode 0600), one
// JSON object a line, synced with every Write.
// Fails: kUnavailable.
Result<std::unique_ptr<AuditSink>> OpenAuditFile(const std::string& path);

}  // namespace kms

#endif  // KMS_AUDIT_SINK_H_
