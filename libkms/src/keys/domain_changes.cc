// Committing changes, with what belongs to each: its event, its request id, due-dates,
// lists and counters.

#include <algorithm>
#include <utility>

#include "audit/outbox.h"
#include "identity/records.h"
#include "keys/domain.h"
#include "keys/record_index.h"

namespace kms {

Result<std::optional<std::string>> Domain::StoredOutcome(
    const Reader& reader, const RequestContext& context) const {
  if (context.request_id.empty()) return std::optional<std::string>();
  KMS_TRY(const auto stored,
          reader.Get(place::Request(context.principal.access_key, context.request_id)));
  if (!stored) {
    // Used before for something that keeps no outcome, or that was refused.
    if (context.seen_before) return Reason::kReplayed;
    return std::optional<std::string>();
  }
  KMS_TRY(RequestRecord request, FromJson<RequestRecord>(stored->value));
  if (!std::ranges::equal(request.fingerprint, context.fingerprint))
    return Reason::kReplayed;
  return std::optional<std::string>(std::move(request.outcome));
}

Result<std::optional<std::string>> Domain::RepeatedOutcome(
    const RequestContext& context) const {
  KMS_TRY(const auto snapshot, parts_.store.Read());
  return StoredOutcome(*snapshot, context);
}

Result<void> EndDryRun(const RequestContext& context) {
  if (!context.dry_run) return {};
  return Error(ErrorClass::kDryRun, Reason::kInternal, "a dry run ends here");
}

AuditEvent EventOf(const RequestContext& context, UnixMillis now,
                   const ChangeNote& note) {
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
  event.told_by = context.told_by;
  return event;
}

Result<std::string> Domain::Change(const RequestContext& context, const Body& body) {
  const UnixMillis now = Now();
  std::string outcome;
  KMS_CHECK_OK(parts_.store.Update([&](Transaction& transaction) -> Result<void> {
    KMS_TRY(auto stored, StoredOutcome(transaction, context));
    if (stored) {
      outcome = *std::move(stored);
      return {};
    }
    ChangeNote note;
    KMS_CHECK_OK(body(transaction, note));
    KMS_CHECK_OK(EndDryRun(context));
    if (!context.request_id.empty()) {
      transaction.Put(
          place::Request(context.principal.access_key, context.request_id),
          ToJson(RequestRecord{{context.fingerprint.begin(), context.fingerprint.end()},
                               note.outcome}));
      const UnixMillis until = std::max(now, context.replayable_until);
      transaction.Put(
          place::DueDate({until, DueKind::kRequest, context.principal.access_key, "", "",
                          context.request_id}),
          ToJson(PointerRecord{}));
    }
    AppendToOutbox(transaction, EventOf(context, now, note));
    outcome = std::move(note.outcome);
    return {};
  }));
  return outcome;
}

Result<void> Domain::ChangeWithoutId(const RequestContext& context, const Body& body) {
  const UnixMillis now = Now();
  KMS_CHECK_OK(parts_.store.Update([&](Transaction& transaction) -> Result<void> {
    ChangeNote note;
    KMS_CHECK_OK(body(transaction, note));
    KMS_CHECK_OK(EndDryRun(context));
    AppendToOutbox(transaction, EventOf(context, now, note));
    return {};
  }));
  return {};
}

Result<void> Domain::ChangeKey(const RequestContext& context, std::string_view name,
                               std::string_view action, Action what,
                               const KeyBody& body) {
  const UnixMillis now = Now();
  KMS_CHECK_OK(
      Change(context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const KeyRecord before, ReadKey(transaction, context, name, action));
        KMS_CHECK_OK(CheckState(what, before, now));
        KeyRecord key = before;
        KMS_CHECK_OK(body(transaction, key, now));
        key.updated = now;
        PutKey(transaction, &before, key);
        note.key = key.id;
        return {};
      }));
  return {};
}

Result<void> Domain::AddKey(Transaction& transaction, KeyRecord& key,
                            const MadeVersion* first) {
  KMS_TRY(key.position, CountUp(transaction, place::KeyCounter(key.account, key.region)));
  PutKey(transaction, nullptr, key);
  if (first == nullptr) return {};
  VersionRecord version = first->record;
  KMS_CHECK_OK(KeepMaterial(transaction, first->material, version));
  PutVersion(transaction, version);
  return {};
}

void Domain::PutKey(Transaction& transaction, const KeyRecord* before,
                    const KeyRecord& key) {
  transaction.Put(place::Key(key.account, key.region, key.id), ToJson(key));
  ChangeIndex(transaction, before != nullptr ? IndexOf(*before) : Index(), IndexOf(key));
}

void Domain::PutVersion(Transaction& transaction, const VersionRecord& version) {
  transaction.Put(place::Version(version.account, version.key, version.id),
                  ToJson(version));
  ChangeIndex(transaction, {}, IndexOf(version));
}

Result<std::uint64_t> Domain::CountUp(Transaction& transaction,
                                      std::string_view store_key) {
  CounterRecord counter;
  KMS_TRY(const auto found, transaction.Get(store_key));
  if (found) {
    KMS_TRY(counter, FromJson<CounterRecord>(found->value));
  }
  const std::uint64_t position = counter.next++;
  ++counter.live;
  transaction.Put(store_key, ToJson(counter));
  return position;
}

Result<void> Domain::CountDown(Transaction& transaction, std::string_view store_key,
                               std::uint64_t by) {
  KMS_TRY(CounterRecord counter,
          GetRecord<CounterRecord>(transaction, store_key, Reason::kInternal));
  counter.live -= std::min(by, counter.live);
  transaction.Put(store_key, ToJson(counter));
  return {};
}

Result<void> Domain::CheckVersionLimit(const Reader& reader, std::string_view account,
                                       std::string_view region) const {
  KMS_TRY(const auto found, reader.Get(place::AsymmetricVersionCounter(account, region)));
  if (!found) return {};
  KMS_TRY(const CounterRecord counter, FromJson<CounterRecord>(found->value));
  if (counter.live >= static_cast<std::uint64_t>(parts_.limits.asymmetric_versions))
    return Reason::kVersionLimit;
  return {};
}

}  // namespace kms
