#include "audit/outbox.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/keys.h"
#include "core/json_record.h"
#include "kms/encoding.h"

namespace kms {

namespace {

// All of an event but its sequence, which is its place in the outbox.
struct OutboxRecord {
  AuditEvent event;
  std::optional<std::string> told_by;  // releases before the audit trail wrote none
};

template <typename Archive>
void Members(Archive& archive, OutboxRecord& r) {
  archive("time", r.event.time);
  archive("requestId", r.event.request_id);
  archive("account", r.event.account);
  archive("user", r.event.user);
  archive("accessKey", r.event.access_key);
  archive("source", r.event.source);
  archive("operation", r.event.operation);
  archive("region", r.event.region);
  archive("key", r.event.key);
  archive("version", r.event.version);
  archive("toldBy", r.told_by);
}

constexpr std::size_t kBatch = 256;
// How many lines the mark of a store without changes may be behind.
constexpr std::uint64_t kIdleLines = 1000;

std::string Outbox() { return JoinKey({"outbox"}); }

}  // namespace

void AppendToOutbox(Transaction& transaction, const AuditEvent& event) {
  OutboxRecord record{event, std::nullopt};
  if (!event.told_by.empty()) record.told_by = event.told_by;
  transaction.Append(Outbox(), WriteRecord(record));
}

Result<AuditEvent> ReadOutboxEvent(const Record& record) {
  KMS_TRY(OutboxRecord read, ReadRecord<OutboxRecord>(record.value));
  AuditEvent event = std::move(read.event);
  event.told_by = read.told_by.value_or("");
  event.sequence =
      ToHex(AsBytes(record.key).subspan(std::min(Outbox().size(), record.key.size())));
  return event;
}

namespace {

// What is to be done with one event of the outbox.
enum class Fate : std::uint8_t {
  kWrite,
  kErase,  // it has its line
  kLeave,  // its call is about to tell
};

Fate FateOf(const AuditEvent& event, const AuditProgress& progress) {
  const auto known = [&](const std::string& name) {
    return progress.names.contains(name);
  };
  if (known(AuditNameOfChange(event.sequence))) return Fate::kErase;
  if (event.told_by.empty()) return Fate::kWrite;
  const std::string call = AuditNameOfCall(event.access_key, event.request_id);
  if (known(call)) return Fate::kErase;
  if (progress.abandoned.contains(call)) return Fate::kWrite;
  return event.told_by == progress.run ? Fate::kLeave : Fate::kWrite;
}

Result<std::size_t> Drain(KeyStore& store, AuditSink& sink,
                          const AuditProgress& progress) {
  std::size_t drained = 0;
  const std::string outbox = Outbox();
  for (std::string from;;) {
    std::vector<Record> batch;
    {
      KMS_TRY(const auto snapshot, store.Read());
      KMS_TRY(batch, snapshot->Scan(outbox, from, kBatch));
      if (progress.last_seq > 0) {
        KMS_TRY(const audit::Link mark, audit::ReadMark(*snapshot));
        if (batch.empty() && from.empty() && progress.last_seq - mark.seq < kIdleLines)
          return drained;
      }
    }
    std::vector<AuditEvent> events;
    std::vector<std::string> done;
    for (const Record& record : batch) {
      KMS_TRY(AuditEvent event, ReadOutboxEvent(record));
      const Fate fate = FateOf(event, progress);
      if (fate == Fate::kLeave) continue;
      done.push_back(record.key);
      if (fate == Fate::kErase) continue;
      event.recovered = !event.told_by.empty();
      events.push_back(std::move(event));
    }
    const bool last = batch.size() < kBatch;
    if (!last) from = batch.back().key + '\0';
    KMS_CHECK_OK(sink.Write(events));
    KMS_CHECK_OK(store.Update([&](Transaction& transaction) -> Result<void> {
      for (const std::string& key : done) transaction.Erase(key);
      if (last && progress.last_seq > 0)
        audit::PutMark(transaction, progress.last_seq, progress.last_hash);
      return {};
    }));
    drained += events.size();
    if (last) return drained;
  }
}

}  // namespace

Result<std::size_t> DrainOutbox(KeyStore& store, AuditSink& sink) {
  AuditProgress progress = sink.TakeProgress();
  auto drained = Drain(store, sink, progress);
  if (!drained) sink.GiveBack(std::move(progress));
  return drained;
}

}  // namespace kms
