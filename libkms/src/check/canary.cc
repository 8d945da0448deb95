// TryEveryVersion: a message under every version.

#include "check/check_run.h"
#include "check/version_owner.h"
#include "crypto/pair_test.h"
#include "kms/store_check.h"

namespace kms {
namespace {

using namespace check;

constexpr std::string_view kMessage = "libkms canary";

Result<void> TrySymmetric(CryptoBackend& backend, KeySpec spec, const Place& place,
                          ByteView sealed) {
  KMS_TRY(const auto key, backend.LoadSymmetric(spec, place, sealed));
  KMS_TRY(const Bytes canary, key->Seal({}, {}, AsBytes(kMessage)));
  KMS_TRY(const SecretBytes opened, key->Open({}, {}, canary));
  if (!ConstantTimeEqual(opened.Reveal(), AsBytes(kMessage)))
    return Error(ErrorClass::kCorrupt, Reason::kInternal, "the canary has changed");
  return {};
}

Result<void> TryPair(CryptoBackend& backend, KeySpec spec, const Place& place,
                     const VersionRecord& version) {
  KMS_TRY(const auto private_key, backend.LoadPrivate(spec, place, version.sealed));
  KMS_TRY(const auto public_key, backend.LoadPublic(version.public_key));
  return internal::TestPair(spec, *private_key, *public_key);
}

class CanaryRun {
 public:
  CanaryRun(const StoreCheckParts& parts, const TellFinding& tell,
            const Snapshot& snapshot)
      : software_(parts.software), hsm_(parts.hsm), run_(parts, tell, snapshot) {}

  Result<void> Begin() { return run_.Begin(); }

  Result<void> Try(const Record& record) {
    const auto version = FromJson<VersionRecord>(record.value);
    if (!version) {
      run_.Report(record.key, version.error().detail());
      return {};
    }
    KMS_TRY(const Owner* const found, run_.FindOwner(version->account, version->key));
    const auto owner = OwnerOfVersion(*found, *version);
    if (!owner) {
      run_.Report(record.key, "is of no key and no certificate");
      return {};
    }
    if (version->sealed.empty()) {
      ++summary_.without_material;
      return {};
    }
    CryptoBackend* const backend =
        owner->of.level == ProtectionLevel::kHsm ? hsm_ : &software_;
    if (backend == nullptr) {
      ++summary_.in_hsm;
      return {};
    }
    const bool symmetric = IsSymmetric(owner->of.spec);
    const Place place = Domain::MaterialPlace(
        owner->of, version->id,
        version->instance ? std::string_view(*version->instance) : std::string_view());
    const auto tried =
        symmetric ? TrySymmetric(*backend, owner->of.spec, place, version->sealed)
                  : TryPair(*backend, owner->of.spec, place, *version);
    if (tried) {
      ++(symmetric ? summary_.symmetric : summary_.pairs);
    } else if (tried.error().error_class() == ErrorClass::kUnavailable) {
      return Error(tried.error().error_class(), tried.error().reason(),
                   ShowPlace(record.key) + ": " + tried.error().detail());
    } else {
      run_.Report(record.key, "cannot be used");
    }
    return {};
  }

  CanarySummary Finish() {
    summary_.findings = run_.summary().findings;
    return summary_;
  }

 private:
  CryptoBackend& software_;
  CryptoBackend* const hsm_;
  CheckRun run_;
  CanarySummary summary_;
};

}  // namespace

Result<CanarySummary> TryEveryVersion(const StoreCheckParts& parts,
                                      const TellFinding& tell) {
  KMS_TRY(const auto snapshot, parts.store.Read());
  CanaryRun run(parts, tell, *snapshot);
  KMS_CHECK_OK(run.Begin());
  KMS_CHECK_OK(ForEachRecord(*snapshot, place::AllVersions(),
                             [&](const Record& record) { return run.Try(record); }));
  return run.Finish();
}

}  // namespace kms
