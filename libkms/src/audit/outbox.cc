#include "audit/outbox.h"

#include <string>
#include <vector>

#include "core/json_record.h"
#include "kms/encoding.h"

namespace kms {

// All of an event but its sequence, which is its place in the outbox.
template <typename Archive>
void Members(Archive& archive, AuditEvent& r) {
  archive("time", r.time);
  archive("requestId", r.request_id);
  archive("account", r.account);
  archive("user", r.user);
  archive("accessKey", r.access_key);
  archive("source", r.source);
  archive("operation", r.operation);
  archive("region", r.region);
  archive("key", r.key);
  archive("version", r.version);
}

namespace {

constexpr std::size_t kBatch = 256;

std::string Outbox() { return JoinKey({"outbox"}); }

}  // namespace

void AppendToOutbox(Transaction& transaction, const AuditEvent& event) {
  transaction.Append(Outbox(), WriteRecord(event));
}

Result<std::size_t> DrainOutbox(KeyStore& store, AuditSink& sink) {
  std::size_t drained = 0;
  const std::string outbox = Outbox();
  for (;;) {
    std::vector<Record> batch;
    {
      KMS_TRY(const auto snapshot, store.Read());
      KMS_TRY(batch, snapshot->Scan(outbox, {}, kBatch));
    }
    if (batch.empty()) return drained;
    std::vector<AuditEvent> events;
    for (const Record& record : batch) {
      KMS_TRY(AuditEvent event, ReadRecord<AuditEvent>(record.value));
      event.sequence = ToHex(AsBytes(record.key).subspan(outbox.size()));
      events.push_back(std::move(event));
    }
    KMS_CHECK_OK(sink.Write(events));
    KMS_CHECK_OK(store.Update([&](Transaction& transaction) -> Result<void> {
      for (const Record& record : batch) transaction.Erase(record.key);
      return {};
    }));
    drained += batch.size();
  }
}

}  // namespace kms
