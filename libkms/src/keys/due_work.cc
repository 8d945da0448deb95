#include "keys/due_work.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "audit/outbox.h"
#include "keys/alias_names.h"
#include "keys/record_index.h"
#include "tags/tag_record.h"

namespace kms {
namespace {

constexpr std::size_t kBatch = 256;
// A round ends after so many batches, so that whoever runs it is heard in between.
constexpr int kBatchesPerRound = 16;
// The clocks may drift apart by this much between two observations, about a second
// apart, before it counts as a jump.
constexpr std::int64_t kToleranceMillis = 2000;

// When a token that did not answer is asked again.
constexpr UnixMillis kTokenPatience = 1000;

// Who the audit log says did it.
RequestContext SystemContext(const Due& due, std::string operation) {
  RequestContext context;
  context.principal.account = due.owner;
  context.region = due.region;
  context.operation = std::move(operation);
  return context;
}

void Sooner(UnixMillis& next, UnixMillis time) {
  if (next == 0 || time < next) next = time;
}

// The key of a due-date, if the date still follows from its facts; a stale date is
// erased.
Result<std::optional<KeyRecord>> StillDue(Transaction& transaction, const Due& due) {
  KMS_TRY(const auto found, transaction.Get(place::Key(due.owner, due.region, due.key)));
  if (found) {
    KMS_TRY(KeyRecord key, FromJson<KeyRecord>(found->value));
    const std::vector<Due> dues = DuesOf(key);
    if (std::ranges::find(dues, due) != dues.end())
      return std::optional<KeyRecord>(std::move(key));
  }
  transaction.Erase(place::DueDate(due));
  return std::optional<KeyRecord>();
}

Result<void> EraseAll(Transaction& transaction, const std::string& prefix) {
  KMS_TRY(const auto records, transaction.Scan(prefix, {}, kAllRecords));
  for (const Record& record : records) transaction.Erase(record.key);
  return {};
}

Result<void> EraseTokens(Transaction& transaction, const KeyRecord& key) {
  KMS_TRY(const auto records,
          transaction.Scan(place::Tokens(key.account, key.id), {}, kAllRecords));
  for (const Record& record : records) {
    // One that cannot be read must not keep the key; its date goes when it has come.
    if (const auto token = FromJson<TokenRecord>(record.value))
      ChangeIndex(transaction, IndexOf(key, *token), {});
    transaction.Erase(record.key);
  }
  return {};
}

}  // namespace

std::int64_t SteadyWatch::Observe(const Clock& clock) {
  const UnixMillis wall = clock.Now();
  const std::int64_t steady = clock.Steady();
  const std::int64_t apart = (wall - wall_) - (steady - steady_);
  if (!started_ || std::abs(apart) > kToleranceMillis) agreed_since_ = steady;
  started_ = true;
  wall_ = wall;
  steady_ = steady;
  return steady - agreed_since_;
}

Result<DueWork> DueWorker::Run(const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  const std::int64_t agreed = watch_.Observe(domain_->parts().clock);
  Round round{.stop = stop,
              .now = domain_->Now(),
              .may_delete = agreed >= domain_->parts().limits.steady_millis};
  KMS_CHECK_OK(DestroyObjects(round));
  const bool from_the_start = from_.empty();
  for (int batches = 0; batches < kBatchesPerRound; ++batches) {
    std::vector<Record> batch;
    {
      KMS_TRY(const auto snapshot, domain_->parts().store.Read());
      KMS_TRY(batch, snapshot->Scan(place::Dues(), from_, kBatch));
    }
    const bool all_due = DoBatch(batch, round);
    if (stop.stop_requested()) break;
    if (!all_due || batch.size() < kBatch) {
      from_.clear();
      if (!from_the_start) round.work.next = round.now;
      return round.work;
    }
    from_ = batch.back().key + '\0';
  }
  round.work.next = round.now;
  return round.work;
}

bool DueWorker::DoBatch(const std::vector<Record>& batch, Round& round) {
  DueWork& work = round.work;
  std::vector<Due> forgettable;
  bool all_due = true;
  for (const Record& record : batch) {
    if (round.stop.stop_requested()) break;
    const auto parsed = place::ParseDue(record.key);
    if (!parsed) {
      ++work.failed;  // one that cannot be read must not keep the others waiting
      continue;
    }
    const Due& due = *parsed;
    if (due.time > round.now) {
      Sooner(work.next, due.time);
      all_due = false;
      break;
    }
    std::size_t* counter = nullptr;
    Result<bool> done = false;
    switch (due.kind) {
      case DueKind::kRotate:
        counter = &work.rotated;
        done = Rotate(due, round);
        break;
      case DueKind::kDelete:
        counter = &work.deleted;
        if (!round.may_delete) {
          work.next = round.now;
          continue;
        }
        done = Delete(due);
        break;
      case DueKind::kExpire:
        counter = &work.expired;
        done = Expire(due);
        break;
      case DueKind::kToken:
      case DueKind::kRequest:
        forgettable.push_back(due);
        continue;
    }
    if (!done) {
      ++work.failed;
      Sooner(work.next, done.error().reason() == Reason::kHsmUnavailable
                            ? round.now + kTokenPatience
                            : round.now);
    } else if (*done) {
      ++*counter;
    }
  }
  if (!forgettable.empty()) {
    if (ForgetAll(forgettable)) {
      work.forgotten += forgettable.size();
    } else {
      work.failed += forgettable.size();
      work.next = round.now;
    }
  }
  return all_due;
}

// A token that does not answer leaves the rest for the next round, whenever that is.
Result<void> DueWorker::DestroyObjects(Round& round) {
  DueWork& work = round.work;
  CryptoBackend* const hsm = domain_->parts().hsm;
  if (hsm == nullptr) return {};
  std::vector<Record> records;
  {
    KMS_TRY(const auto snapshot, domain_->parts().store.Read());
    KMS_TRY(records, snapshot->Scan(place::Discards(), {}, kBatch * kBatchesPerRound));
  }
  for (const Record& record : records) {
    if (round.stop.stop_requested()) return {};
    const auto discard = FromJson<DiscardRecord>(record.value);
    if (!discard) {
      ++work.failed;
      continue;
    }
    if (discard->not_before > round.now) {
      Sooner(work.next, discard->not_before);
      continue;
    }
    if (discard->not_before != 0 && !round.may_delete) continue;
    const auto destroyed = Destroy(*hsm, *discard);
    if (!destroyed) {
      ++work.failed;
      Sooner(work.next, round.now + kTokenPatience);
      // One that cannot be destroyed does not keep the others.
      round.token_away = !hsm->Check();
      if (round.token_away) return {};
      continue;
    }
    if (*destroyed) ++work.destroyed;
  }
  return {};
}

Result<bool> DueWorker::Destroy(CryptoBackend& hsm, const DiscardRecord& discard) {
  const std::string where = place::Discard(discard.instance);
  KeyStore& store = domain_->parts().store;
  bool ours = discard.not_before == 0;
  if (!ours) {
    // From here on nobody can commit the material any more.
    KMS_CHECK_OK(store.Update([&](Transaction& transaction) -> Result<void> {
      KMS_TRY(const auto found, transaction.Get(where));
      ours = found.has_value();
      if (ours)
        transaction.Put(where, ToJson(DiscardRecord{discard.instance, discard.key, 0}));
      return {};
    }));
  }
  if (!ours) return false;  // taken over meanwhile
  KMS_CHECK_OK(hsm.Destroy(discard.instance));
  KMS_CHECK_OK(store.Update([&](Transaction& transaction) -> Result<void> {
    transaction.Erase(where);
    return {};
  }));
  return true;
}

Result<bool> DueWorker::Rotate(const Due& due, Round& round) {
  const UnixMillis now = domain_->Now();
  // Generated before the transaction, and thrown away if another process was first.
  std::optional<Domain::MadeVersion> made;
  const RequestContext context = SystemContext(due, "rotateKey");
  {
    KeyRecord key;
    {
      KMS_TRY(const auto snapshot, domain_->parts().store.Read());
      auto found = GetRecord<KeyRecord>(
          *snapshot, place::Key(due.owner, due.region, due.key), Reason::kKeyNotFound);
      if (!found && found.error().reason() != Reason::kKeyNotFound)
        return std::move(found).error();
      if (found) key = std::move(found).value();
    }
    if (!key.id.empty()) {
      if (key.level == ProtectionLevel::kHsm && round.token_away)
        return Reason::kHsmUnavailable;
      auto version = domain_->NewVersion(context, key, now);
      if (!version) {
        CryptoBackend* const hsm = domain_->parts().hsm;
        // A key that the token refuses says nothing about the others.
        if (version.error().reason() == Reason::kHsmUnavailable)
          round.token_away = hsm == nullptr || !hsm->Check();
        return std::move(version).error();
      }
      made = std::move(version).value();
    }
  }
  bool rotated = false;
  KMS_CHECK_OK(
      domain_->parts().store.Update([&](Transaction& transaction) -> Result<void> {
        rotated = false;
        KMS_TRY(const auto before, StillDue(transaction, due));
        if (!before || !made) return {};
        KeyRecord key = *before;
        VersionRecord numbered = made->record;
        KMS_CHECK_OK(Domain::KeepMaterial(transaction, made->material, numbered));
        numbered.number = key.versions++;
        key.primary = numbered.id;
        key.last_rotation = key.updated = now;
        const UnixMillis interval = *key.rotation_days * kMillisPerDay;
        // What was missed is made up for once, not as often as it was missed.
        key.next_rotation = due.time + interval;
        if (*key.next_rotation <= now) key.next_rotation = now + interval;
        Domain::PutVersion(transaction, numbered);
        Domain::PutKey(transaction, &*before, key);
        AppendToOutbox(transaction, EventOf(context, now, {key.id, numbered.id, {}}));
        rotated = true;
        return {};
      }));
  return rotated;
}

Result<bool> DueWorker::Delete(const Due& due) {
  const UnixMillis now = domain_->Now();
  bool deleted = false;
  const RequestContext context = SystemContext(due, "deleteKey");
  KMS_CHECK_OK(
      domain_->parts().store.Update([&](Transaction& transaction) -> Result<void> {
        deleted = false;
        KMS_TRY(const auto key, StillDue(transaction, due));
        if (!key) return {};
        KMS_TRY(const auto aliases,
                transaction.Scan(place::AliasesOfKey(key->account, key->id), {},
                                 kAllRecords));
        for (const Record& pointer_record : aliases) {
          KMS_TRY(const PointerRecord pointer,
                  FromJson<PointerRecord>(pointer_record.value));
          KMS_TRY(const AliasRecord alias,
                  GetRecord<AliasRecord>(
                      transaction, place::Alias(key->account, key->region, pointer.name),
                      Reason::kAliasNotFound));
          KMS_CHECK_OK(RemoveAlias(transaction, *key, alias));
        }
        KMS_CHECK_OK(UnbindAll(transaction, key->account, key->id));
        KMS_CHECK_OK(Domain::EraseVersions(transaction, key->account, key->id));
        KMS_CHECK_OK(EraseTokens(transaction, *key));
        KMS_CHECK_OK(EraseAll(transaction, place::TokenNonces(key->account, key->id)));
        if (!IsSymmetric(key->spec)) {
          KMS_CHECK_OK(Domain::CountDown(
              transaction, place::AsymmetricVersionCounter(key->account, key->region),
              key->versions));
        }
        KMS_CHECK_OK(Domain::CountDown(transaction,
                                       place::KeyCounter(key->account, key->region), 1));
        ChangeIndex(transaction, IndexOf(*key), {});
        transaction.Erase(place::Key(key->account, key->region, key->id));
        AppendToOutbox(transaction, EventOf(context, now, {key->id, {}, {}}));
        deleted = true;
        return {};
      }));
  if (deleted) domain_->Forget(due.key);
  return deleted;
}

Result<bool> DueWorker::Expire(const Due& due) {
  const UnixMillis now = domain_->Now();
  bool expired = false;
  const RequestContext context = SystemContext(due, "expireKeyMaterial");
  KMS_CHECK_OK(
      domain_->parts().store.Update([&](Transaction& transaction) -> Result<void> {
        expired = false;
        KMS_TRY(const auto before, StillDue(transaction, due));
        if (!before) return {};
        KeyRecord key = *before;
        KMS_CHECK_OK(RemoveMaterial(transaction, key));
        key.updated = now;
        Domain::PutKey(transaction, &*before, key);
        AppendToOutbox(transaction, EventOf(context, now, {key.id, key.primary, {}}));
        expired = true;
        return {};
      }));
  if (expired) domain_->Forget(due.key);
  return expired;
}

// Together: there is one for every change of the last minutes or hours.
Result<void> DueWorker::ForgetAll(const std::vector<Due>& dues) {
  KMS_CHECK_OK(
      domain_->parts().store.Update([&](Transaction& transaction) -> Result<void> {
        for (const Due& due : dues) {
          transaction.Erase(due.kind == DueKind::kToken
                                ? place::Token(due.owner, due.key, due.object)
                                : place::Request(due.owner, due.object));
          transaction.Erase(place::DueDate(due));
        }
        return {};
      }));
  return {};
}

}  // namespace kms
