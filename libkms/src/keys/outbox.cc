#include "keys/outbox.h"

#include <string_view>
#include <vector>

#include "keys/domain.h"
#include "kms/encoding.h"

namespace kms {
namespace {

constexpr std::size_t kBatch = 256;

}  // namespace

void AppendToOutbox(Transaction& transaction, const RequestContext& context,
                    UnixMillis now, const ChangeNote& note) {
  AuditEvent event;
  event.time = now;
  event.request_id = context.request_id;
  event.account = context.principal.account;
  event.user = context.principal.user;
  event.access_key = context.principal.access_key;
  event.source = context.source;
  event.operation = context.operation;
  event.region = context.region;
  event.key = note.key;
  event.version = note.version;
  transaction.Append(place::Outbox(), ToJson(event));
}

Result<std::size_t> DrainOutbox(KeyStore& store, AuditSink& sink) {
  std::size_t drained = 0;
  const std::string outbox = place::Outbox();
  for (;;) {
    std::vector<Record> batch;
    {
      KMS_TRY(const auto snapshot, store.Read());
      KMS_TRY(batch, snapshot->Scan(outbox, {}, kBatch));
    }
    if (batch.empty()) return drained;
    std::vector<AuditEvent> events;
    for (const Record& record : batch) {
      KMS_TRY(AuditEvent event, FromJson<AuditEvent>(record.value));
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
