// Keys, and what belongs to them but versions: aliases, import tokens, dates, request
// ids.

#include <algorithm>

#include "check/kinds.h"
#include "keys/alias_names.h"
#include "keys/domain.h"
#include "keys/import_places.h"
#include "keys/record_index.h"

namespace kms::check {
namespace {

// What of the facts of a key no call leads to; empty: nothing. Whatever is left has one
// of the four states (keys/states.h).
std::string_view FaultOf(const KeyRecord& key) {
  const bool symmetric = IsSymmetric(key.spec);
  const bool external = key.origin == KeyOrigin::kExternal;
  if (!IsUuid(key.id)) return "has an id that is none";
  if (key.usage != KeyUsage::kEncryptDecrypt && key.usage != KeyUsage::kSignVerify)
    return "has an unknown usage";
  if (symmetric && key.usage == KeyUsage::kSignVerify) return "cannot be for signing";
  if (external && key.spec != KeySpec::kAes256) return "cannot have imported material";
  if (key.level != ProtectionLevel::kHsm && key.level != ProtectionLevel::kSoftware)
    return "has an unknown protection level";
  if (!key.material && !external) return "has lost its material";
  if (key.material && key.versions == 0) return "has material, and no version";
  if (symmetric && key.primary.empty() != (key.versions == 0))
    return "has no primary version, or one too many";
  if (!symmetric && (!key.primary.empty() || key.versions == 0))
    return "has a primary version, or no version at all";
  if (external && key.versions > 1) return "has more than one imported material";
  if (external != !key.fingerprint.empty() && key.versions > 0)
    return "has imported material without a fingerprint, or the other way round";
  if (key.material_expires && (!external || !key.material))
    return "has no material that could expire";
  if (key.rotation_days.has_value() != key.next_rotation.has_value())
    return "has an interval of rotation without a date, or the other way round";
  if (key.rotation_days &&
      (!symmetric || external || !CheckRotationDays(*key.rotation_days)))
    return "cannot rotate like that";
  if (key.deletion && key.deletion_protected) return "is to be deleted, and protected";
  if (key.is_default && (!symmetric || external || !key.enabled || key.deletion ||
                         key.deletion_protected || key.rotation_days))
    return "is not as default keys are";
  return {};
}

// The index entries of an alias: none, if its key is not there.
Result<Index> IndexOfAlias(CheckRun& run, std::string_view account,
                           std::string_view region, const AliasRecord& alias) {
  KMS_TRY(const auto key, run.ReadAt<KeyRecord>(place::Key(account, region, alias.key)));
  return key ? IndexOf(*key, alias) : Index();
}

// An entry of one of the two lists of aliases.
Result<void> CheckAliasEntry(CheckRun& run, const Entry& entry, std::string_view account,
                             std::string_view region) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  const std::string owner = place::Alias(account, region, pointer->name);
  KMS_TRY(const bool there, run.Needs(entry, owner));
  if (!there) return {};
  KMS_TRY(const auto alias, run.ReadAt<AliasRecord>(owner));
  if (!alias) return {};
  KMS_TRY(const Index index, IndexOfAlias(run, account, region, *alias));
  run.IsIn(entry, index, owner);
  return {};
}

}  // namespace

Result<void> CheckKey(CheckRun& run, const Entry& entry) {
  const auto key = run.Parse<KeyRecord>(entry);
  if (!key) return {};
  run.StandsAt(entry, place::Key(key->account, key->region, key->id));
  run.NeedsAccount(entry, key->account);
  KMS_CHECK_OK(run.NeedsProject(entry, key->account, key->project));
  KMS_CHECK_OK(run.HasIndex(entry, IndexOf(*key)));
  if (const auto fault = FaultOf(*key); !fault.empty())
    run.Report(entry, std::string(fault));

  run.Count(place::KeyCounter(key->account, key->region), key->position);
  if (key->is_default) run.Count(place::DefaultKeyCounter(key->account, key->region), 0);
  if (!IsSymmetric(key->spec))
    run.Count(place::AsymmetricVersionCounter(key->account, key->region), 0,
              key->versions);

  // Each entry is checked where it stands: their number, and which is the last, is what
  // only the key tells.
  KMS_TRY(
      const auto versions,
      run.snapshot().Scan(place::VersionList(key->account, key->id), {}, kAllRecords));
  if (versions.size() != key->versions)
    run.Report(entry, "has had " + std::to_string(key->versions) +
                          " versions, and there are " + std::to_string(versions.size()));
  if (!key->primary.empty()) {
    KMS_CHECK_OK(run.Needs(entry, place::Version(key->account, key->id, key->primary)));
    const auto newest = versions.empty() ? Result<PointerRecord>(PointerRecord())
                                         : FromJson<PointerRecord>(versions.back().value);
    if (newest && newest->name != key->primary)
      run.Report(entry, "has a primary version that is not the newest");
  }
  if (key->fingerprint.empty()) return {};
  return run.Opened(entry, "the fingerprint",
                    run.parts().root.Open(FingerprintPlace(*key), key->fingerprint));
}

Result<void> CheckKeyList(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  return run.FollowsFrom<KeyRecord>(
      entry, place::Key(entry.part(1), entry.part(2), pointer->name),
      [](const KeyRecord& key) { return IndexOf(key); });
}

Result<void> CheckAlias(CheckRun& run, const Entry& entry) {
  const auto alias = run.Parse<AliasRecord>(entry);
  if (!alias) return {};
  const std::string_view account = entry.part(1);
  const std::string_view region = entry.part(2);
  run.StandsAt(entry, place::Alias(account, region, alias->name));
  const std::string owner = place::Key(account, region, alias->key);
  KMS_TRY(const bool there, run.Needs(entry, owner));
  if (!there) return {};
  KMS_TRY(const auto key, run.ReadAt<KeyRecord>(owner));
  if (!key) return {};
  KMS_CHECK_OK(run.HasIndex(entry, IndexOf(*key, *alias)));
  if (IsListed(*key, *alias))
    run.Count(place::AliasCounter(account, region), alias->position);
  if (!key->is_default) return {};
  const auto other_name = OtherSpelling(alias->name);
  if (!other_name) {
    run.Report(entry, "is no alias of a default key");
    return {};
  }
  const std::string other = place::Alias(account, region, *other_name);
  KMS_TRY(const bool has_other, run.Needs(entry, other));
  if (!has_other) return {};
  KMS_TRY(const auto same, run.ReadAt<AliasRecord>(other));
  if (same && same->key != alias->key)
    run.Report(entry, "is of another key than " + ShowPlace(other));
  return {};
}

Result<void> CheckAliasList(CheckRun& run, const Entry& entry) {
  return CheckAliasEntry(run, entry, entry.part(1), entry.part(2));
}

Result<void> CheckAliasesOfKey(CheckRun& run, const Entry& entry) {
  KMS_TRY(const Owner* const owner, run.FindOwner(entry.part(1), entry.part(2)));
  if (owner->unreadable) return {};
  if (!owner->key) {
    run.Report(entry, "is of a key that is missing");
    return {};
  }
  const std::string region = owner->key->region;
  return CheckAliasEntry(run, entry, entry.part(1), region);
}

Result<void> CheckToken(CheckRun& run, const Entry& entry) {
  const auto token = run.Parse<TokenRecord>(entry);
  if (!token) return {};
  run.StandsAt(entry, place::Token(entry.part(1), token->key, token->id));
  KMS_TRY(const Owner* const owner, run.FindOwner(entry.part(1), token->key));
  if (owner->unreadable) return {};
  if (!owner->key || owner->key->origin != KeyOrigin::kExternal) {
    run.Report(entry, "is of no key that material could be imported for");
    return {};
  }
  const KeyRecord& key = *owner->key;
  KMS_CHECK_OK(run.HasIndex(entry, IndexOf(key, *token)));
  if (token->pair.value_or(ProtectionLevel::kSoftware) == ProtectionLevel::kHsm) {
    ++run.summary().in_hsm;
    return {};
  }
  return run.Opened(
      entry, "its private key",
      run.parts().software.LoadPrivate(KeySpec::kRsa2048, ImportKeyPlace(key, token->id),
                                       token->sealed));
}

Result<void> CheckDue(CheckRun& run, const Entry& entry) {
  if (!run.Parse<PointerRecord>(entry)) return {};
  const auto due = place::ParseDue(entry.key());
  if (!due) {
    run.Report(entry, due.error().detail());
    return {};
  }
  const std::string key_place = place::Key(due->owner, due->region, due->key);
  switch (due->kind) {
    case DueKind::kRotate:
    case DueKind::kDelete:
    case DueKind::kExpire:
      return run.FollowsFrom<KeyRecord>(
          entry, key_place, [](const KeyRecord& key) { return IndexOf(key); });
    case DueKind::kToken: {
      KMS_TRY(const auto key, run.ReadAt<KeyRecord>(key_place));
      return run.FollowsFrom<TokenRecord>(
          entry, place::Token(due->owner, due->key, due->object),
          [&](const TokenRecord& token) { return key ? IndexOf(*key, token) : Index(); });
    }
    case DueKind::kRequest: {
      const std::string request = place::Request(due->owner, due->object);
      KMS_TRY(const bool there, run.Needs(entry, request));
      if (there && !run.KeepsRequest(request))
        run.Report(entry, "is the second date of " + ShowPlace(request));
      return {};
    }
  }
  return {};
}

// Dates sort before requests: all are known by now.
Result<void> CheckRequest(CheckRun& run, const Entry& entry) {
  if (!run.Parse<RequestRecord>(entry)) return {};
  if (!run.IsKept(entry.key())) run.Report(entry, "has no date at which it is forgotten");
  return {};
}

}  // namespace kms::check
