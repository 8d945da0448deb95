// Versions with their material, and the records that a token needs.

#include "check/kinds.h"
#include "check/version_owner.h"
#include "keys/domain.h"
#include "keys/record_index.h"

namespace kms::check {
namespace {

// What is wrong with where the material is said to be; empty: nothing.
std::string_view FaultOfWhereabouts(const VersionRecord& version,
                                    const VersionOwner& owner) {
  const bool told = version.instance || version.root || version.in_token;
  if (version.sealed.empty() == owner.has_material)
    return owner.has_material ? "has lost its material"
                              : "has material, and is to have none";
  if (version.sealed.empty() || owner.of.level == ProtectionLevel::kSoftware)
    return told ? "has facts of the HSM level" : "";
  return version.instance && version.root && version.in_token
             ? ""
             : "lacks facts of the HSM level";
}

Result<void> CheckPublicHalf(CheckRun& run, const Entry& entry,
                             const VersionRecord& version, KeySpec spec) {
  if (IsSymmetric(spec)) {
    if (!version.public_key.empty()) run.Report(entry, "has a public key");
    return {};
  }
  const auto key = run.parts().software.LoadPublic(version.public_key);
  if (!key && key.error().error_class() == ErrorClass::kUnavailable) return key.error();
  if (!key || (*key)->spec() != spec)
    run.Report(entry, "has a public key that is none of its kind");
  return {};
}

// Material in a token, or under a root key there.
Result<void> CheckInHsm(CheckRun& run, const Entry& entry, const VersionRecord& version) {
  ++run.summary().in_hsm;
  if (!version.instance || !version.root) return {};
  const std::string root = place::HsmRoot(*version.root);
  KMS_TRY(const bool there, run.Needs(entry, root));
  if (there) {
    KMS_TRY(const auto record, run.ReadAt<HsmRootRecord>(root));
    if (record && !record->made)
      run.Report(entry, "is under a root key that is not made");
  }
  const std::string discard = place::Discard(*version.instance);
  KMS_TRY(const auto found, run.snapshot().Get(discard));
  if (found) run.Report(entry, "is to be destroyed, by " + ShowPlace(discard));
  return {};
}

Result<void> CheckMaterial(CheckRun& run, const Entry& entry,
                           const VersionRecord& version, const MaterialOwner& owner) {
  const Place place = Domain::MaterialPlace(owner, version.id, {});
  constexpr std::string_view kWhat = "its material";
  if (!IsSymmetric(owner.spec))
    return run.Opened(
        entry, kWhat,
        run.parts().software.LoadPrivate(owner.spec, place, version.sealed));
  const auto material = run.parts().root.Open(place, version.sealed);
  KMS_CHECK_OK(run.Opened(entry, kWhat, material));
  if (material && material->size() != KeyBytes(owner.spec))
    run.Report(entry, "has material of another length");
  return {};
}

Result<void> CheckNonces(CheckRun& run, const Entry& entry) {
  const auto count = run.Parse<NonceCountRecord>(entry);
  if (count && count->reserved > kMostNonces)
    run.Report(entry, "counts more nonces than there may be");
  return {};
}

}  // namespace

Result<void> CheckVersion(CheckRun& run, const Entry& entry) {
  const auto version = run.Parse<VersionRecord>(entry);
  if (!version) return {};
  run.StandsAt(entry, place::Version(version->account, version->key, version->id));
  KMS_CHECK_OK(run.HasIndex(entry, IndexOf(*version)));
  KMS_TRY(const Owner* const found, run.FindOwner(version->account, version->key));
  if (found->unreadable) return {};
  const auto owner = OwnerOfVersion(*found, *version);
  if (!owner) {
    run.Report(entry, "is of no key and no certificate");
    return {};
  }
  if (version->number >= owner->versions)
    run.Report(entry, "has number " + std::to_string(version->number) +
                          ", and its owner has had " + std::to_string(owner->versions));
  KMS_CHECK_OK(CheckPublicHalf(run, entry, *version, owner->of.spec));
  if (const auto fault = FaultOfWhereabouts(*version, *owner); !fault.empty())
    run.Report(entry, std::string(fault));
  if (version->sealed.empty()) return {};
  if (owner->of.level == ProtectionLevel::kHsm) return CheckInHsm(run, entry, *version);
  return CheckMaterial(run, entry, *version, owner->of);
}

Result<void> CheckVersionList(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  return run.FollowsFrom<VersionRecord>(
      entry, place::Version(entry.part(1), entry.part(2), pointer->name),
      [](const VersionRecord& version) { return IndexOf(version); });
}

// Whether something lacks such a record, only the token could tell.
Result<void> CheckDiscard(CheckRun& run, const Entry& entry) {
  if (const auto discard = run.Parse<DiscardRecord>(entry))
    run.StandsAt(entry, place::Discard(discard->instance));
  return {};
}

Result<void> CheckHsmRoot(CheckRun& run, const Entry& entry) {
  const auto root = run.Parse<HsmRootRecord>(entry);
  if (!root) return {};
  run.StandsAt(entry, place::HsmRoot(root->index));
  if (!root->seal.empty()) ++run.summary().in_hsm;
  return {};
}

Result<void> CheckHsmRootNonces(CheckRun& run, const Entry& entry) {
  KMS_CHECK_OK(CheckNonces(run, entry));
  KMS_CHECK_OK(run.Needs(
      entry, place::HsmRoot(static_cast<std::uint32_t>(NumberOf(entry.part(1))))));
  return {};
}

// Versions whose material is gone for now keep their count: it may be imported again.
Result<void> CheckTokenNonces(CheckRun& run, const Entry& entry) {
  KMS_CHECK_OK(CheckNonces(run, entry));
  KMS_TRY(const Owner* const owner, run.FindOwner(entry.part(1), entry.part(2)));
  if (owner->unreadable) return {};
  if (!owner->key || owner->key->level != ProtectionLevel::kHsm)
    run.Report(entry, "is of no key in a token");
  KMS_CHECK_OK(
      run.Needs(entry, place::Version(entry.part(1), entry.part(2), entry.part(3))));
  return {};
}

}  // namespace kms::check
