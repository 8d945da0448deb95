// The material of versions: making it, keeping it with its version, and giving it up.

#include <utility>

#include "keys/domain.h"

namespace kms {
namespace {

// After so long, material that nobody committed is that of an attempt that failed.
constexpr UnixMillis kGiveUpAfter = 60LL * 60 * 1000;

}  // namespace

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
  KMS_TRY(const auto records,
          transaction.Scan(place::Versions(account, owner), {}, kAllRecords));
  for (const Record& record : records) {
    // One that cannot be read names no object, and must not keep the others.
    if (auto version = FromJson<VersionRecord>(record.value))
      DropMaterial(transaction, *version);
    transaction.Erase(record.key);
  }
  KMS_TRY(const auto listed,
          transaction.Scan(place::VersionList(account, owner), {}, kAllRecords));
  for (const Record& record : listed) transaction.Erase(record.key);
  return {};
}

}  // namespace kms
