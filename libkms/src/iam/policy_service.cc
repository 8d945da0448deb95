#include "kms/policy_service.h"

#include "iam/iam_domain.h"
#include "keys/projects.h"

namespace kms {
namespace {

PolicyDescription DescriptionOf(const PolicyRecord& policy) {
  return {policy.id,      policy.name, policy.description, policy.created,
          policy.updated, false,       policy.document};
}

PolicyDescription DescriptionOf(const SystemPolicy& policy) {
  return {std::string(policy.id),
          std::string(policy.id),
          std::string(policy.description),
          0,
          0,
          true,
          policy.text};
}

const SystemPolicy* FindSystem(const PolicyTables& tables, std::string_view id) {
  const auto found = std::ranges::find(tables.system, id, &SystemPolicy::id);
  return found == tables.system.end() ? nullptr : &*found;
}

// A policy of the account's own. Fails: kPolicyNotFound, kBuiltIn.
Result<PolicyRecord> FindCustom(const Reader& reader, const RequestContext& context,
                                const PolicyTables& tables, std::string_view id) {
  if (FindSystem(tables, id) != nullptr) return Reason::kBuiltIn;
  return ReadAs<PolicyRecord>(reader, place::PolicyOf(context.principal.account, id),
                              Reason::kPolicyNotFound);
}

// Who and what a grant joins. Fails: kGroupNotFound, kPolicyNotFound, kBadParameter.
Result<void> CheckGrant(const Reader& reader, const RequestContext& context,
                        const PolicyTables& tables, const Grant& grant) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(ReadAs<GroupRecord>(reader, place::Group(account, grant.group),
                                   Reason::kGroupNotFound));
  const auto policy = FindCustom(reader, context, tables, grant.policy);
  if (!policy && policy.error().reason() != Reason::kBuiltIn) return policy.error();
  if (grant.project.empty()) return {};
  return CheckProject(reader, account, grant.project);
}

}  // namespace

PolicyService::PolicyService(std::shared_ptr<IamDomain> domain)
    : domain_(std::move(domain)) {}

Result<PolicyDescription> PolicyService::Create(const RequestContext& context,
                                                const NewNamed& wanted,
                                                std::string_view document) {
  KMS_CHECK_OK(CheckNamed(wanted, "policyName"));
  KMS_CHECK_OK(PolicyDocument::Parse(document, domain_->tables().actions));
  if (FindSystem(domain_->tables(), wanted.name) != nullptr)
    return Error(Reason::kNameTaken).About("policyName");
  PolicyRecord policy;
  KMS_TRY(std::string id, domain_->domain().NewId());
  FillNamed(policy, context, wanted, std::move(id), domain_->domain().Now());
  policy.updated = policy.created;
  policy.document = document;
  KMS_TRY(const std::string outcome,
          domain_->Change(
              context, "kms:iam:createPolicy",
              [&](Transaction& transaction, std::uint64_t position,
                  std::string& made) -> Result<void> {
                KMS_CHECK_OK(CheckRoom(transaction, place::Policies(policy.account),
                                       domain_->limits().policies));
                KMS_CHECK_OK(TakeName(transaction, policy, "policy", "policyName"));
                PolicyRecord placed = policy;
                placed.position = position;
                made = WriteRecord(placed);
                transaction.Put(place::PolicyOf(policy.account, policy.id), made);
                return {};
              }));
  KMS_TRY(const PolicyRecord made, ReadRecord<PolicyRecord>(outcome));
  return DescriptionOf(made);
}

Result<void> PolicyService::Update(const RequestContext& context, std::string_view id,
                                   std::optional<std::string_view> description,
                                   std::optional<std::string_view> document) {
  if (description) KMS_CHECK_OK(CheckDescriptionSize(*description));
  if (document) KMS_CHECK_OK(PolicyDocument::Parse(*document, domain_->tables().actions));
  const UnixMillis now = domain_->domain().Now();
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:updatePolicy",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(PolicyRecord policy,
                FindCustom(transaction, context, domain_->tables(), id));
        if (description) policy.description = *description;
        if (document) policy.document = *document;
        policy.updated = now;
        transaction.Put(place::PolicyOf(policy.account, policy.id), WriteRecord(policy));
        return {};
      }));
  return {};
}

Result<PolicyDescription> PolicyService::Describe(const RequestContext& context,
                                                  std::string_view id) {
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:describePolicy"));
  if (const SystemPolicy* const system = FindSystem(domain_->tables(), id))
    return DescriptionOf(*system);
  KMS_TRY(const PolicyRecord policy,
          FindCustom(*snapshot, context, domain_->tables(), id));
  return DescriptionOf(policy);
}

Result<Page<PolicyDescription>> PolicyService::List(const RequestContext& context,
                                                    const PageRequest& page) {
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:listPolicies"));
  KMS_TRY(const auto policies,
          AllOf<PolicyRecord>(*snapshot, place::Policies(context.principal.account)));
  std::vector<PolicyDescription> all;
  for (const SystemPolicy& policy : domain_->tables().system)
    all.push_back(DescriptionOf(policy));
  for (const PolicyRecord& policy : policies) all.push_back(DescriptionOf(policy));
  return PageFrom(std::move(all), page);
}

Result<void> PolicyService::Delete(const RequestContext& context, std::string_view id) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:deletePolicy",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(const PolicyRecord policy,
                FindCustom(transaction, context, domain_->tables(), id));
        KMS_TRY(const auto grants,
                AllOf<GrantRecord>(transaction, place::Grants(account)));
        if (std::ranges::find(grants, policy.id, &GrantRecord::policy) != grants.end())
          return Error(Reason::kStillInUse).About("policyId");
        ChangeIndex(transaction, IndexOfNamed(policy, "policy"), {});
        transaction.Erase(place::PolicyOf(account, policy.id));
        return {};
      }));
  return {};
}

Result<void> PolicyService::Grant(const RequestContext& context,
                                  const kms::Grant& grant) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:grantPolicy",
      [&](Transaction& transaction, std::uint64_t position,
          std::string&) -> Result<void> {
        KMS_CHECK_OK(CheckGrant(transaction, context, domain_->tables(), grant));
        const std::string store_key =
            place::Grant(account, grant.group, grant.policy, grant.project);
        KMS_TRY(const auto already, transaction.Get(store_key));
        if (already) return {};
        KMS_CHECK_OK(CheckRoom(transaction, place::GrantsOf(account, grant.group),
                               domain_->limits().grants_per_group));
        transaction.Put(store_key, WriteRecord(GrantRecord{grant.group, grant.policy,
                                                           grant.project, position}));
        return {};
      }));
  return {};
}

Result<void> PolicyService::Revoke(const RequestContext& context,
                                   const kms::Grant& grant) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:revokePolicy",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_CHECK_OK(CheckGrant(transaction, context, domain_->tables(), grant));
        transaction.Erase(
            place::Grant(account, grant.group, grant.policy, grant.project));
        return {};
      }));
  return {};
}

Result<Page<kms::Grant>> PolicyService::ListGrants(const RequestContext& context,
                                                   std::string_view group,
                                                   const PageRequest& page) {
  const std::string& account = context.principal.account;
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:listGrants"));
  if (!group.empty())
    KMS_CHECK_OK(ReadAs<GroupRecord>(*snapshot, place::Group(account, group),
                                     Reason::kGroupNotFound));
  KMS_TRY(auto grants,
          AllOf<GrantRecord>(*snapshot, group.empty() ? place::Grants(account)
                                                      : place::GrantsOf(account, group)));
  std::vector<kms::Grant> all;
  for (GrantRecord& grant : grants)
    all.push_back(
        {std::move(grant.group), std::move(grant.policy), std::move(grant.project)});
  return PageFrom(std::move(all), page);
}

}  // namespace kms
