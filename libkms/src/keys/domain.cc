#include "keys/domain.h"

#include <algorithm>
#include <utility>

#include "audit/outbox.h"
#include "identity/records.h"
#include "keys/blob.h"
#include "kms/encoding.h"
#include "tags/tag_record.h"

namespace kms {
namespace {

// What a parsed key record takes in the cache, about.
constexpr std::size_t kKeyRecordBytes = 1024;
constexpr std::size_t kKeyCacheShare = 4;  // a quarter of the cache holds key records

// After so long, material that nobody committed is that of an attempt that failed.
constexpr UnixMillis kGiveUpAfter = 60LL * 60 * 1000;

Error MustWait() {
  return Error(ErrorClass::kMustWait, Reason::kInternal,
               "the HSM has to be waited for, and this thread may not");
}

bool Waits(const LoadedVersion& version) {
  return (version.symmetric && version.symmetric->waits()) ||
         (version.private_key && version.private_key->waits());
}

}  // namespace

Domain::Domain(const Parts& parts)
    : parts_(parts),
      keys_(parts.limits.cache_bytes / kKeyCacheShare),
      versions_(parts.limits.cache_bytes - parts.limits.cache_bytes / kKeyCacheShare) {}

Result<std::string> Domain::NewId() const {
  KMS_TRY(const SecretBytes random, parts_.software.Random(16));
  return ToUuid(random.Reveal());
}

Result<CryptoBackend*> Domain::BackendOf(const RequestContext& context,
                                         ProtectionLevel level) const {
  if (level == ProtectionLevel::kSoftware) return &parts_.software;
  if (parts_.hsm == nullptr) return Error(Reason::kHsmUnavailable, "there is no HSM");
  if (!context.may_wait_for_token) return MustWait();
  return parts_.hsm;
}

Result<Material> Domain::NewMaterial(const RequestContext& context,
                                     const MaterialOwner& owner, std::string_view version,
                                     const Make& make) {
  KMS_TRY(CryptoBackend* const backend, BackendOf(context, owner.level));
  Material material;
  if (context.dry_run) return material;
  if (owner.level == ProtectionLevel::kHsm) {
    KMS_TRY(material.instance, NewId());
    material.watched = backend->keeps_objects();
  }
  if (material.watched) {
    // A token that is away, and asked again and again, must not fill the store.
    KMS_CHECK_OK(backend->Check());
    const DiscardRecord discard{material.instance, std::string(owner.id),
                                Now() + kGiveUpAfter};
    KMS_CHECK_OK(parts_.store.Update([&](Transaction& transaction) -> Result<void> {
      transaction.Put(place::Discard(discard.instance), ToJson(discard));
      return {};
    }));
  }
  auto made = make(*backend, MaterialPlace(owner, version, material.instance));
  if (!made) {
    // A call that has not come back may still make an object; one that was refused has
    // made what it will.
    if (made.error().error_class() != ErrorClass::kUnavailable)
      (void)Abandon(owner.id, material);
    return std::move(made).error();
  }
  material.key = std::move(*made);
  return material;
}

Result<void> Domain::Abandon(std::string_view key, const Material& material) const {
  if (!material.watched) return {};
  KMS_CHECK_OK(parts_.store.Update([&](Transaction& transaction) -> Result<void> {
    GiveUp(transaction, key, material);
    return {};
  }));
  return {};
}

Result<Domain::MadeVersion> Domain::NewVersion(const RequestContext& context,
                                               const MaterialOwner& owner,
                                               UnixMillis now) {
  return NewVersion(context, owner, now, [&](CryptoBackend& backend, const Place& place) {
    return backend.Generate(owner.spec, place);
  });
}

Result<Domain::MadeVersion> Domain::NewVersion(const RequestContext& context,
                                               const MaterialOwner& owner, UnixMillis now,
                                               const Make& make) {
  MadeVersion made;
  KMS_TRY(made.record.id, NewId());
  made.record.key = owner.id;
  made.record.account = owner.account;
  made.record.created = now;
  KMS_TRY(made.material, NewMaterial(context, owner, made.record.id, make));
  return made;
}

Result<void> Domain::KeepMaterial(Transaction& transaction, const Material& material,
                                  VersionRecord& version) {
  if (material.watched) {
    const std::string watch = place::Discard(material.instance);
    KMS_TRY(const DiscardRecord discard,
            GetRecord<DiscardRecord>(transaction, watch, Reason::kConflict));
    if (discard.not_before == 0) return Reason::kConflict;
    transaction.Erase(watch);
  }
  version.sealed = material.key.sealed;
  version.public_key = material.key.public_key;
  version.instance.reset();
  version.root.reset();
  version.in_token.reset();
  if (!material.instance.empty()) {
    version.instance = material.instance;
    version.root = material.key.root;
    version.in_token = material.key.in_token;
  }
  return {};
}

void Domain::GiveUp(Transaction& transaction, std::string_view key,
                    const Material& material) {
  if (material.watched)
    transaction.Put(place::Discard(material.instance),
                    ToJson(DiscardRecord{material.instance, std::string(key), 0}));
}

void Domain::DropMaterial(Transaction& transaction, VersionRecord& version) {
  if (version.instance && version.in_token.value_or(false))
    transaction.Put(place::Discard(*version.instance),
                    ToJson(DiscardRecord{*version.instance, version.key, 0}));
  version.sealed.clear();
  version.instance.reset();
  version.root.reset();
  version.in_token.reset();
}

Result<void> Domain::EraseVersions(Transaction& transaction, std::string_view account,
                                   std::string_view owner) {
  KMS_TRY(const auto records, transaction.Scan(place::Versions(account, owner), {},
                                               static_cast<std::size_t>(-1)));
  for (const Record& record : records) {
    // One that cannot be read names no object, and must not keep the others.
    if (auto version = FromJson<VersionRecord>(record.value))
      DropMaterial(transaction, *version);
    transaction.Erase(record.key);
  }
  KMS_TRY(const auto listed, transaction.Scan(place::VersionList(account, owner), {},
                                              static_cast<std::size_t>(-1)));
  for (const Record& record : listed) transaction.Erase(record.key);
  return {};
}

Result<std::string> Domain::ResolveName(const Reader& reader,
                                        const RequestContext& context,
                                        std::string_view name, Reason absent) const {
  // An alias is never shaped like an id.
  if (IsUuid(name)) return std::string(name);
  KMS_TRY(
      AliasRecord alias,
      GetRecord<AliasRecord>(
          reader, place::Alias(context.principal.account, context.region, name), absent));
  return std::move(alias.key);
}

Result<void> Domain::CheckKey(const Reader& reader, const RequestContext& context,
                              std::string_view action, const KeyRecord& key,
                              Reason absent) const {
  auto may = parts_.policy.May(reader, context, action,
                               {key.account, key.region, key.project, key.id});
  // A store that cannot be read denies nothing.
  if (!may && may.error().error_class() == ErrorClass::kDenied) return absent;
  return may;
}

Result<KeyRecord> Domain::ReadKey(const Reader& reader, const RequestContext& context,
                                  std::string_view name, std::string_view action,
                                  Reason absent) const {
  KMS_TRY(const std::string id, ResolveName(reader, context, name, absent));
  KMS_TRY(KeyRecord key,
          GetRecord<KeyRecord>(
              reader, place::Key(context.principal.account, context.region, id), absent));
  KMS_CHECK_OK(CheckKey(reader, context, action, key, absent));
  return key;
}

Result<std::shared_ptr<const KeyRecord>> Domain::FindKey(const Snapshot& snapshot,
                                                         const RequestContext& context,
                                                         std::string_view name,
                                                         std::string_view action,
                                                         Reason absent) {
  KMS_TRY(const std::string id, ResolveName(snapshot, context, name, absent));
  std::string store_key = place::Key(context.principal.account, context.region, id);
  KMS_TRY(const auto stored, snapshot.Get(store_key));
  if (!stored) {
    // Deleted, by whichever process: its material goes from memory, too.
    if (keys_.Erase(store_key)) Forget(id);
    return absent;
  }
  std::shared_ptr<const KeyRecord> key;
  if (const auto cached = keys_.Find(store_key);
      cached != nullptr && cached->revision == stored->revision) {
    key = cached->record;
  } else {
    KMS_TRY(KeyRecord parsed, FromJson<KeyRecord>(stored->value));
    key = std::make_shared<const KeyRecord>(std::move(parsed));
    // Another process may have taken the material away; an object of a token is another
    // one after the next import.
    if (!key->material || key->level == ProtectionLevel::kHsm) Forget(key->id);
    keys_.Put(std::move(store_key),
              std::make_shared<const CachedKey>(CachedKey{stored->revision, key}),
              kKeyRecordBytes + key->description.size());
  }
  KMS_CHECK_OK(CheckKey(snapshot, context, action, *key, absent));
  return key;
}

Result<std::shared_ptr<const KeyRecord>> Domain::UsableKey(const Snapshot& snapshot,
                                                           const RequestContext& context,
                                                           std::string_view name,
                                                           std::string_view action,
                                                           Action what) {
  KMS_TRY(auto key, FindKey(snapshot, context, name, action));
  KMS_CHECK_OK(CheckState(what, *key, Now()));
  return key;
}

Result<VersionRecord> Domain::ReadVersion(const Reader& reader,
                                          const MaterialOwner& owner,
                                          std::string_view version) const {
  return GetRecord<VersionRecord>(
      reader, place::Version(owner.account, owner.id, version), Reason::kVersionNotFound);
}

Result<std::shared_ptr<const LoadedVersion>> Domain::Load(const RequestContext& context,
                                                          const Reader& reader,
                                                          const MaterialOwner& owner,
                                                          std::string_view version,
                                                          Part part) {
  std::string cache_key;
  cache_key.reserve(owner.id.size() + version.size() + 1);
  cache_key.append(owner.id).append(version).push_back(static_cast<char>(part));
  if (auto cached = versions_.Find(cache_key)) {
    if (!context.may_wait_for_token && Waits(*cached)) return MustWait();
    return cached;
  }

  KMS_TRY(const VersionRecord record, ReadVersion(reader, owner, version));
  auto loaded = std::make_shared<LoadedVersion>();
  loaded->key = owner.id;
  loaded->id = record.id;
  loaded->subject_public_key = record.public_key;
  const Place place = MaterialPlace(
      owner, record.id, record.instance ? std::string_view(*record.instance) : "");
  std::size_t footprint = sizeof(LoadedVersion) + 256 + record.public_key.size();
  switch (part) {
    case Part::kSymmetric: {
      KMS_TRY(CryptoBackend* const backend, BackendOf(context, owner.level));
      KMS_TRY(loaded->symmetric,
              backend->LoadSymmetric(owner.spec, place, record.sealed));
      loaded->head = WriteBlobHead(owner.id, record.id);
      loaded->context = JoinKey({"blob", owner.account});
      footprint += loaded->symmetric->footprint_bytes();
      break;
    }
    case Part::kPrivate: {
      KMS_TRY(CryptoBackend* const backend, BackendOf(context, owner.level));
      KMS_TRY(loaded->private_key,
              backend->LoadPrivate(owner.spec, place, record.sealed));
      footprint += loaded->private_key->footprint_bytes();
      break;
    }
    case Part::kPublic: {
      // Nothing of it is secret: it needs no HSM, whatever the level.
      KMS_TRY(loaded->public_key, parts_.software.LoadPublic(record.public_key));
      footprint += loaded->public_key->footprint_bytes();
      break;
    }
  }
  versions_.Put(std::move(cache_key), loaded, footprint);
  return std::shared_ptr<const LoadedVersion>(std::move(loaded));
}

Result<std::shared_ptr<const LoadedVersion>> Domain::LoadSymmetric(
    const RequestContext& context, const Reader& reader, const MaterialOwner& owner,
    std::string_view version) {
  return Load(context, reader, owner, version, Part::kSymmetric);
}

Result<std::shared_ptr<const LoadedVersion>> Domain::LoadPrivate(
    const RequestContext& context, const Reader& reader, const MaterialOwner& owner,
    std::string_view version) {
  return Load(context, reader, owner, version, Part::kPrivate);
}

Result<std::shared_ptr<const LoadedVersion>> Domain::LoadPublic(
    const RequestContext& context, const Reader& reader, const MaterialOwner& owner,
    std::string_view version) {
  return Load(context, reader, owner, version, Part::kPublic);
}

Result<SecretBytes> Domain::DecryptWith(const LoadedVersion& version,
                                        EncryptionAlgorithm algorithm,
                                        ByteView ciphertext) {
  const bool padding_tells = algorithm == EncryptionAlgorithm::kRsaPkcs1;
  if (padding_tells && !padding_failures_.Take(version.key, Now()))
    return Error(Reason::kTooManyRequests,
                 "too many ciphertexts of PKCS#1 v1.5 did not decrypt: the key takes "
                 "one more every ten minutes, and OAEP at any time");
  auto plaintext = version.private_key->Decrypt(algorithm, ciphertext);
  if (padding_tells &&
      (plaintext || plaintext.error().error_class() != ErrorClass::kAuthFailed))
    padding_failures_.GiveBack(version.key);
  return plaintext;
}

void Domain::Forget(std::string_view key) {
  versions_.EraseIf([&](const LoadedVersion& loaded) { return loaded.key == key; });
}

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

void Domain::LeaveProject(Transaction& transaction, const KeyRecord& key) {
  if (key.project != kDefaultProject)
    transaction.Erase(place::KeyOfProject(key.account, key.project, key.region, key.id));
}

Result<void> Domain::AddKey(Transaction& transaction, KeyRecord& key,
                            const MadeVersion* first) {
  KMS_TRY(key.position, CountUp(transaction, place::KeyCounter(key.account, key.region)));
  PutKey(transaction, nullptr, key);
  transaction.Put(place::KeyList(key), ToJson(PointerRecord{key.id}));
  if (first == nullptr) return {};
  VersionRecord version = first->record;
  KMS_CHECK_OK(KeepMaterial(transaction, first->material, version));
  PutVersion(transaction, version);
  return {};
}

void Domain::PutKey(Transaction& transaction, const KeyRecord* before,
                    const KeyRecord& key) {
  transaction.Put(place::Key(key.account, key.region, key.id), ToJson(key));
  if (before == nullptr || before->project != key.project) {
    if (before != nullptr) LeaveProject(transaction, *before);
    if (key.project != kDefaultProject)
      transaction.Put(place::KeyOfProject(key.account, key.project, key.region, key.id),
                      ToJson(PointerRecord{key.id}));
  }
  const std::vector<Due> now_due = DuesOf(key);
  if (before != nullptr) {
    for (const Due& due : DuesOf(*before)) {
      if (std::ranges::find(now_due, due) == now_due.end())
        transaction.Erase(place::DueDate(due));
    }
  }
  for (const Due& due : now_due)
    transaction.Put(place::DueDate(due), ToJson(PointerRecord{}));
}

void Domain::PutVersion(Transaction& transaction, const VersionRecord& version) {
  transaction.Put(place::Version(version.account, version.key, version.id),
                  ToJson(version));
  transaction.Put(place::VersionList(version.account, version.key, version.number),
                  ToJson(PointerRecord{version.id}));
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

namespace {

KeyDescription Describe(const KeyRecord& key, UnixMillis now) {
  KeyDescription described;
  described.id = key.id;
  described.account = key.account;
  described.region = key.region;
  described.project = key.project;
  described.creator = key.creator;
  described.spec = key.spec;
  described.usage = key.usage;
  described.level = key.level;
  described.origin = key.origin;
  described.state = StateOf(key, now);
  described.description = key.description;
  described.created = key.created;
  described.updated = key.updated;
  described.deletion = key.deletion;
  described.material_expires = key.material_expires;
  described.rotation = RotationOf(key, now);
  described.rotation_days = key.rotation_days;
  described.last_rotation = key.last_rotation;
  described.next_rotation = key.next_rotation;
  described.primary_version = key.primary;
  described.deletion_protected = key.deletion_protected;
  described.is_default = key.is_default;
  return described;
}

}  // namespace

Result<KeyDescription> Domain::DescribeKey(const Reader& reader,
                                           const KeyRecord& key) const {
  KeyDescription described = Describe(key, Now());
  KMS_TRY(const auto aliases, reader.Scan(place::AliasesOfKey(key.account, key.id), {},
                                          static_cast<std::size_t>(-1)));
  for (const Record& record : aliases) {
    KMS_TRY(PointerRecord pointer, FromJson<PointerRecord>(record.value));
    described.aliases.push_back(std::move(pointer.name));
  }
  KMS_TRY(described.tags, DescribeTags(reader, key.account, key.region, key.id));
  return described;
}

Result<KeyDescription> Domain::DescribeOutcome(const std::string& outcome) const {
  KMS_TRY(const KeyRecord key, FromJson<KeyRecord>(outcome));
  // As it was then: the answer of a repeated request is the first one's.
  return Describe(key, key.created);
}

}  // namespace kms
