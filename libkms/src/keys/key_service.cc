#include "kms/key_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "keys/alias_names.h"
#include "keys/domain.h"
#include "keys/paging.h"
#include "keys/projects.h"
#include "tags/tag_record.h"

namespace kms {
namespace {

constexpr std::size_t kMaxDescriptionCharacters = 8192;
constexpr int kMinRotationDays = 7;
constexpr int kMaxRotationDays = 730;
constexpr int kMinPendingDays = 7;
constexpr int kMaxPendingDays = 30;

Result<void> CheckDescription(std::string_view text) {
  // Characters, not bytes: those that do not continue another.
  const auto characters = std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  if (static_cast<std::size_t>(characters) > kMaxDescriptionCharacters)
    return Error(Reason::kTooLong).About("description");
  return {};
}

Result<void> CheckNewKey(const NewKey& wanted) {
  const bool symmetric = IsSymmetric(wanted.spec);
  if (symmetric && wanted.usage == KeyUsage::kSignVerify)
    return Error(Reason::kBadKeyUsage).About("keyUsage");
  if (wanted.origin == KeyOrigin::kExternal) {
    if (!symmetric) return Error(Reason::kAsymmetricCannotImport).About("origin");
    if (wanted.spec != KeySpec::kAes256)
      return Error(Reason::kCannotImport).About("origin");
  }
  if (wanted.rotation_days) {
    if (!symmetric || wanted.origin == KeyOrigin::kExternal)
      return Error(Reason::kNoAutomaticRotation).About("enableAutomaticRotation");
    KMS_CHECK_OK(CheckRotationDays(*wanted.rotation_days));
  }
  if (!IsProjectId(wanted.project)) return Error(Reason::kBadParameter).About("epId");
  KMS_CHECK_OK(CheckDescription(wanted.description));
  if (!wanted.alias.empty()) KMS_CHECK_OK(CheckAliasName(wanted.alias));
  return {};
}

}  // namespace

Result<void> CheckRotationDays(int days) {
  if (days < kMinRotationDays || days > kMaxRotationDays)
    return Error(Reason::kBadRotationInterval).About("rotationInterval");
  return {};
}

KeyService::KeyService(std::shared_ptr<Domain> domain) : domain_(std::move(domain)) {}

Result<KeyDescription> KeyService::Create(const RequestContext& context,
                                          const NewKey& wanted) {
  KMS_CHECK_OK(CheckNewKey(wanted));
  KMS_TRY(const auto repeated, domain_->RepeatedOutcome(context));
  if (repeated) return domain_->DescribeOutcome(*repeated);
  // Asked before the costly generation, and again when it counts.
  const auto check = [&](const Reader& reader) -> Result<void> {
    KMS_CHECK_OK(domain_->parts().policy.May(
        reader, context, "kms:cmk:create",
        {context.principal.account, context.region, wanted.project, {}}));
    return CheckProject(reader, context.principal.account, wanted.project);
  };
  {
    KMS_TRY(const auto snapshot, domain_->parts().store.Read());
    KMS_CHECK_OK(check(*snapshot));
  }

  const UnixMillis now = domain_->Now();
  KeyRecord key;
  KMS_TRY(key.id, domain_->NewId());
  key.account = context.principal.account;
  key.region = context.region;
  key.project = wanted.project;
  key.creator = context.principal.user;
  key.spec = wanted.spec;
  key.usage = wanted.usage;
  key.level = wanted.level;
  key.origin = wanted.origin;
  key.description = wanted.description;
  key.created = key.updated = key.last_rotation = now;
  key.rotation_days = wanted.rotation_days;
  if (key.rotation_days) key.next_rotation = now + *key.rotation_days * kMillisPerDay;

  const bool symmetric = IsSymmetric(key.spec);
  if (!symmetric) {
    KMS_TRY(const auto snapshot, domain_->parts().store.Read());
    KMS_CHECK_OK(domain_->CheckVersionLimit(*snapshot, key.account, key.region));
  }
  if (key.level == ProtectionLevel::kHsm && domain_->parts().hsm == nullptr)
    return Error(Reason::kHsmKeyCreationFailed, "there is no HSM");
  std::optional<Domain::MadeVersion> made;
  if (key.origin == KeyOrigin::kKms) {
    KMS_TRY(made, domain_->NewVersion(context, key, now));
    key.material = true;
    key.versions = 1;
    if (symmetric) key.primary = made->record.id;
  }

  KMS_TRY(
      const std::string outcome,
      domain_->Change(
          context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
            KMS_CHECK_OK(check(transaction));
            KeyRecord placed = key;
            KMS_CHECK_OK(Domain::AddKey(transaction, placed, made ? &*made : nullptr));
            if (!symmetric) {
              KMS_CHECK_OK(
                  domain_->CheckVersionLimit(transaction, key.account, key.region));
              KMS_CHECK_OK(Domain::CountUp(
                  transaction, place::AsymmetricVersionCounter(key.account, key.region)));
            }
            if (!wanted.alias.empty())
              KMS_CHECK_OK(AddAlias(transaction, placed, wanted.alias, now));
            note.key = placed.id;
            note.outcome = ToJson(placed);
            return {};
          }));
  return domain_->DescribeOutcome(outcome);
}

Result<KeyDescription> KeyService::Describe(const RequestContext& context,
                                            std::string_view name) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto key, domain_->FindKey(*snapshot, context, name, "kms:cmk:describe"));
  return domain_->DescribeKey(*snapshot, *key);
}

Result<Page<KeyDescription>> KeyService::List(const RequestContext& context,
                                              const KeyFilter& filter,
                                              const PageRequest& page) {
  constexpr std::string_view kAction = "kms:cmk:list";
  const std::string& account = context.principal.account;
  const Policy& policy = domain_->parts().policy;
  KMS_CHECK_OK(policy.MayAnywhere(context, kAction));
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  const bool all = policy.MayEverywhere(*snapshot, context, kAction).has_value();
  Page<KeyDescription> listed;
  const std::string index = place::KeyList(account, context.region);
  const auto describe = [&](const std::string& id) -> Result<std::optional<KeyRecord>> {
    KMS_TRY(const auto found, snapshot->Get(place::Key(account, context.region, id)));
    if (!found) return std::optional<KeyRecord>();
    KMS_TRY(KeyRecord key, FromJson<KeyRecord>(found->value));
    return std::optional<KeyRecord>(std::move(key));
  };

  const bool filtered =
      filter.usage || filter.level || filter.spec || filter.state || filter.tag;
  if (!filtered && all) {
    KMS_TRY(listed.total,
            LiveCount(*snapshot, place::KeyCounter(account, context.region)));
    KMS_TRY(const auto ids, PageOf(*snapshot, index, page));
    for (const std::string& id : ids) {
      KMS_TRY(const auto key, describe(id));
      if (!key) continue;
      KMS_TRY(KeyDescription described, domain_->DescribeKey(*snapshot, *key));
      listed.items.push_back(std::move(described));
    }
    return listed;
  }

  const UnixMillis now = domain_->Now();
  const std::size_t first = FirstOf(page);
  KMS_TRY(const auto ids, PageOf(*snapshot, index, {0, kAllRecords}));
  for (const std::string& id : ids) {
    KMS_TRY(const auto key, describe(id));
    if (!key || (filter.usage && key->usage != *filter.usage) ||
        (filter.level && key->level != *filter.level) ||
        (filter.spec && key->spec != *filter.spec) ||
        (filter.state && StateOf(*key, now) != *filter.state))
      continue;
    if (!all) {
      const auto may = domain_->CheckKey(*snapshot, context, kAction, *key);
      if (!may && may.error().reason() != Reason::kKeyNotFound) return may.error();
      if (!may) continue;
    }
    if (filter.tag) {
      KMS_TRY(const bool has,
              HasTag(*snapshot, account, key->region, key->id, *filter.tag));
      if (!has) continue;
    }
    if (listed.total >= first && listed.items.size() < page.size) {
      KMS_TRY(KeyDescription described, domain_->DescribeKey(*snapshot, *key));
      listed.items.push_back(std::move(described));
    }
    ++listed.total;
  }
  return listed;
}

Result<void> KeyService::Enable(const RequestContext& context, std::string_view name) {
  return domain_->ChangeKey(context, name, "kms:cmk:enable", Action::kEnable,
                            [](Transaction&, KeyRecord& key, UnixMillis) -> Result<void> {
                              key.enabled = true;
                              return {};
                            });
}

Result<void> KeyService::Disable(const RequestContext& context, std::string_view name) {
  return domain_->ChangeKey(context, name, "kms:cmk:disable", Action::kDisable,
                            [](Transaction&, KeyRecord& key, UnixMillis) -> Result<void> {
                              key.enabled = false;
                              return {};
                            });
}

Result<void> KeyService::ScheduleDeletion(const RequestContext& context,
                                          std::string_view name, int days) {
  if (days < kMinPendingDays || days > kMaxPendingDays)
    return Error(Reason::kBadPendingWindow).About("pendingWindowInDays");
  return domain_->ChangeKey(
      context, name, "kms:cmk:delete", Action::kScheduleDeletion,
      [&](Transaction&, KeyRecord& key, UnixMillis now) -> Result<void> {
        key.deletion = now + days * kMillisPerDay;
        return {};
      });
}

Result<void> KeyService::CancelDeletion(const RequestContext& context,
                                        std::string_view name) {
  return domain_->ChangeKey(context, name, "kms:cmk:undelete", Action::kCancelDeletion,
                            [](Transaction&, KeyRecord& key, UnixMillis) -> Result<void> {
                              key.deletion.reset();
                              key.enabled = true;
                              return {};
                            });
}

Result<void> KeyService::SetDeletionProtection(const RequestContext& context,
                                               std::string_view name, bool on) {
  return domain_->ChangeKey(
      context, name, on ? "kms:cmk:deleteProtect" : "kms:cmk:cancelDeleteProtect",
      on ? Action::kProtect : Action::kUnprotect,
      [&](Transaction&, KeyRecord& key, UnixMillis) -> Result<void> {
        key.deletion_protected = on;
        return {};
      });
}

Result<void> KeyService::UpdateDescription(const RequestContext& context,
                                           std::string_view name,
                                           std::string_view description) {
  KMS_CHECK_OK(CheckDescription(description));
  return domain_->ChangeKey(
      context, name, "kms:cmk:update", Action::kUpdateDescription,
      [&](Transaction&, KeyRecord& key, UnixMillis) -> Result<void> {
        key.description = description;
        return {};
      });
}

}  // namespace kms
