// Accounts, their access keys, and what their administration keeps.

#include <algorithm>

#include "check/kinds.h"
#include "identity/access_keys.h"
#include "policy/system_policies.h"

namespace kms::check {
namespace {

// What users, groups, policies and projects have in common. Nothing, if it is malformed.
template <typename R, typename PlaceFunction>
Result<std::optional<R>> CheckNamed(CheckRun& run, const Entry& entry,
                                    PlaceFunction place_of) {
  auto record = run.Parse<R>(entry);
  if (!record) return std::optional<R>();
  run.StandsAt(entry, place_of(record->account, record->id));
  run.NeedsAccount(entry, record->account);
  run.CountChange(record->account, record->position);
  KMS_CHECK_OK(run.HasIndex(entry, IndexOfNamed(*record, entry.part(0))));
  return record;
}

Result<void> CheckUserOfKey(CheckRun& run, const Entry& entry,
                            const AccessKeyRecord& key) {
  KMS_CHECK_OK(run.HasIndex(entry, IndexOfUserKey(key)));
  bool enabled = true;
  if (key.root) {
    KMS_TRY(const auto account, run.ReadAt<AccountRecord>(place::Account(key.account)));
    if (account && account->root_user != key.user)
      run.Report(entry, "is the root user's, and names another");
  } else {
    const std::string user = place::User(key.account, key.user);
    KMS_TRY(const bool there, run.Needs(entry, user));
    if (!there) return {};
    KMS_TRY(const auto owner, run.ReadAt<UserRecord>(user));
    if (!owner) return {};
    enabled = owner->enabled;
  }
  if (key.suspended.value_or(false) == enabled)
    run.Report(entry, "is not suspended as its user is");
  return {};
}

// Whose user it was that made it, does not matter: it may be gone.
Result<void> CheckPointOfKey(CheckRun& run, const Entry& entry,
                             const AccessKeyRecord& key) {
  if (!key.region || !key.scope || !key.position) {
    run.Report(entry, "lacks facts of keys of access points");
    return {};
  }
  KMS_CHECK_OK(run.HasIndex(entry, IndexOfPointKey(key)));
  run.Count(place::KeyCounterOfAccessPoint(key.account, *key.region, *key.access_point),
            *key.position);
  KMS_CHECK_OK(
      run.Needs(entry, place::AccessPoint(key.account, *key.region, *key.access_point)));
  return {};
}

// That a user is in a group is two entries, which follow from each other.
Result<void> CheckMembership(CheckRun& run, const Entry& entry, std::string_view group,
                             std::string_view user) {
  if (!run.Parse<LinkRecord>(entry)) return {};
  const std::string_view account = entry.part(1);
  KMS_CHECK_OK(run.HasIndex(entry, IndexOfMembership(account, group, user)));
  KMS_CHECK_OK(run.Needs(entry, place::Group(account, group)));
  KMS_CHECK_OK(run.Needs(entry, place::User(account, user)));
  return {};
}

bool IsSystemPolicy(const CheckRun& run, std::string_view id) {
  const auto policies = SystemPolicies(run.parts().actions);
  return std::ranges::find(policies, id, &SystemPolicy::id) != policies.end();
}

}  // namespace

Result<void> CheckAccount(CheckRun& run, const Entry& entry) {
  const auto account = run.Parse<AccountRecord>(entry);
  if (!account) return {};
  run.StandsAt(entry, place::Account(account->id));
  if (account->root_user.empty()) run.Report(entry, "has no root user");
  return {};
}

Result<void> CheckAccessKey(CheckRun& run, const Entry& entry) {
  const auto key = run.Parse<AccessKeyRecord>(entry);
  if (!key) return {};
  run.StandsAt(entry, AccessKeyPlace(key->id));
  run.NeedsAccount(entry, key->account);
  KMS_CHECK_OK(key->access_point ? CheckPointOfKey(run, entry, *key)
                                 : CheckUserOfKey(run, entry, *key));
  return run.Opened(entry, "the secret key", OpenSecretKey(run.parts().root, *key));
}

Result<void> CheckAccessKeysOfUser(CheckRun& run, const Entry& entry) {
  return run.FollowsFrom<AccessKeyRecord>(
      entry, AccessKeyPlace(entry.record.value), [](const AccessKeyRecord& key) {
        return key.access_point ? Index() : IndexOfUserKey(key);
      });
}

Result<void> CheckIam(CheckRun& run, const Entry& entry) {
  const auto iam = run.Parse<IamRecord>(entry);
  if (!iam) return {};
  run.StandsAt(entry, place::Iam(entry.part(1)));
  run.NeedsAccount(entry, entry.part(1));
  run.FoundChanges(entry.part(1), iam->changes);
  return {};
}

Result<void> CheckUser(CheckRun& run, const Entry& entry) {
  KMS_CHECK_OK(CheckNamed<UserRecord>(run, entry, place::User));
  return {};
}

Result<void> CheckGroup(CheckRun& run, const Entry& entry) {
  KMS_CHECK_OK(CheckNamed<GroupRecord>(run, entry, place::Group));
  return {};
}

Result<void> CheckPolicy(CheckRun& run, const Entry& entry) {
  KMS_TRY(const auto policy, CheckNamed<PolicyRecord>(run, entry, place::PolicyOf));
  if (policy && !PolicyDocument::Parse(policy->document, run.parts().actions))
    run.Report(entry, "has a document that is none");
  return {};
}

Result<void> CheckProject(CheckRun& run, const Entry& entry) {
  KMS_CHECK_OK(CheckNamed<ProjectRecord>(run, entry, place::Project));
  return {};
}

Result<void> CheckIamName(CheckRun& run, const Entry& entry) {
  const auto link = run.Parse<LinkRecord>(entry);
  if (!link) return {};
  const std::string_view account = entry.part(1);
  const std::string_view kind = entry.part(2);
  const auto index = [&](const NamedRecord& record) {
    return IndexOfNamed(record, kind);
  };
  if (kind == "user")
    return run.FollowsFrom<UserRecord>(entry, place::User(account, link->id), index);
  if (kind == "group")
    return run.FollowsFrom<GroupRecord>(entry, place::Group(account, link->id), index);
  if (kind == "policy")
    return run.FollowsFrom<PolicyRecord>(entry, place::PolicyOf(account, link->id),
                                         index);
  if (kind == "project")
    return run.FollowsFrom<ProjectRecord>(entry, place::Project(account, link->id),
                                          index);
  run.Report(entry, "is the name of no known kind");
  return {};
}

Result<void> CheckMembersOfGroup(CheckRun& run, const Entry& entry) {
  return CheckMembership(run, entry, entry.part(2), entry.part(3));
}

Result<void> CheckGroupsOfUser(CheckRun& run, const Entry& entry) {
  return CheckMembership(run, entry, entry.part(3), entry.part(2));
}

Result<void> CheckGrant(CheckRun& run, const Entry& entry) {
  const auto grant = run.Parse<GrantRecord>(entry);
  if (!grant) return {};
  const std::string_view account = entry.part(1);
  run.StandsAt(entry, place::Grant(account, grant->group, grant->policy, grant->project));
  run.CountChange(account, grant->position);
  KMS_CHECK_OK(run.Needs(entry, place::Group(account, grant->group)));
  if (!IsSystemPolicy(run, grant->policy))
    KMS_CHECK_OK(run.Needs(entry, place::PolicyOf(account, grant->policy)));
  return run.NeedsProject(entry, account, grant->project);
}

}  // namespace kms::check
