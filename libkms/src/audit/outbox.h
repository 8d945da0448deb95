// The outbox: audit events that are committed with the change they tell of, until they
// have been handed to the audit sink.

#ifndef KMS_AUDIT_OUTBOX_H_
#define KMS_AUDIT_OUTBOX_H_

#include <cstddef>

#include "kms/audit_sink.h"
#include "kms/key_store.h"
#include "kms/result.h"

namespace kms {

// AppendToOutbox writes `event` into the transaction of its change. Its sequence is
// given at commit.
void AppendToOutbox(Transaction& transaction, const AuditEvent& event);

// ReadOutboxEvent reads the event of a record of the outbox, whose store key its sequence
// comes from. Fails: kCorrupt.
Result<AuditEvent> ReadOutboxEvent(const Record& record);

// DrainOutbox hands the events of the outbox to `sink`, in the order of commits, and
// removes them once the sink has them. Events that it has learnt of otherwise are
// removed, and those that it is about to learn of are left. Returns how many were handed
// over.
Result<std::size_t> DrainOutbox(KeyStore& store, AuditSink& sink);

}  // namespace kms

#endif  // KMS_AUDIT_OUTBOX_H_
