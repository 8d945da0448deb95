// The outbox: audit events that are committed with the change they tell of, until
// they have been handed to the audit sink.

#ifndef KMS_KEYS_OUTBOX_H_
#define KMS_KEYS_OUTBOX_H_

#include <cstddef>

#include "kms/audit_sink.h"
#include "kms/key_store.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

struct ChangeNote;

// AppendToOutbox writes the event of a change into its own transaction.
void AppendToOutbox(Transaction& transaction, const RequestContext& context,
                    UnixMillis now, const ChangeNote& note);

// DrainOutbox hands the events of the outbox to `sink`, in the order of commits, and
// removes them once the sink has them. Returns how many.
Result<std::size_t> DrainOutbox(KeyStore& store, AuditSink& sink);

}  // namespace kms

#endif  // KMS_KEYS_OUTBOX_H_
