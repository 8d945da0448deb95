// Finding keys, and loading their versions.

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

Result<std::shared_ptr<const LoadedVersion>> Domain::Load(
    const RequestContext& context, std::unique_ptr<Snapshot> snapshot,
    const MaterialOwner& owner, std::string_view version, Part part) {
  std::string cache_key;
  cache_key.reserve(owner.id.size() + version.size() + 1);
  cache_key.append(owner.id).append(version).push_back(static_cast<char>(part));
  if (auto cached = versions_.Find(cache_key)) {
    if (!context.may_wait_for_token && Waits(*cached)) return MustWait();
    return cached;
  }

  KMS_TRY(const VersionRecord record, ReadVersion(*snapshot, owner, version));
  snapshot.reset();
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
    const RequestContext& context, std::unique_ptr<Snapshot> snapshot,
    const MaterialOwner& owner, std::string_view version) {
  return Load(context, std::move(snapshot), owner, version, Part::kSymmetric);
}

Result<std::shared_ptr<const LoadedVersion>> Domain::LoadPrivate(
    const RequestContext& context, std::unique_ptr<Snapshot> snapshot,
    const MaterialOwner& owner, std::string_view version) {
  return Load(context, std::move(snapshot), owner, version, Part::kPrivate);
}

Result<std::shared_ptr<const LoadedVersion>> Domain::LoadPublic(
    const RequestContext& context, std::unique_ptr<Snapshot> snapshot,
    const MaterialOwner& owner, std::string_view version) {
  return Load(context, std::move(snapshot), owner, version, Part::kPublic);
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
  KMS_TRY(const auto aliases,
          reader.Scan(place::AliasesOfKey(key.account, key.id), {}, kAllRecords));
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
