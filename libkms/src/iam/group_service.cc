#include "kms/group_service.h"

#include "iam/iam_domain.h"

namespace kms {
namespace {

GroupDescription DescriptionOf(const GroupRecord& group) {
  return {group.id, group.name, group.description, group.created};
}

Result<GroupRecord> FindGroup(const Reader& reader, const RequestContext& context,
                              std::string_view group) {
  return ReadAs<GroupRecord>(reader, place::Group(context.principal.account, group),
                             Reason::kGroupNotFound);
}

}  // namespace

GroupService::GroupService(std::shared_ptr<IamDomain> domain)
    : domain_(std::move(domain)) {}

Result<GroupDescription> GroupService::Create(const RequestContext& context,
                                              const NewNamed& wanted) {
  KMS_CHECK_OK(CheckNamed(wanted, "groupName"));
  GroupRecord group;
  KMS_TRY(std::string id, domain_->domain().NewId());
  FillNamed(group, context, wanted, std::move(id), domain_->domain().Now());
  KMS_TRY(
      const std::string outcome,
      domain_->Change(context, "kms:iam:createGroup",
                      [&](Transaction& transaction, std::uint64_t position,
                          std::string& made) -> Result<void> {
                        KMS_CHECK_OK(CheckRoom(transaction, place::Groups(group.account),
                                               domain_->limits().groups));
                        KMS_CHECK_OK(TakeName(transaction, group, "group", "groupName"));
                        GroupRecord placed = group;
                        placed.position = position;
                        made = WriteRecord(placed);
                        transaction.Put(place::Group(group.account, group.id), made);
                        return {};
                      }));
  KMS_TRY(const GroupRecord made, ReadRecord<GroupRecord>(outcome));
  return DescriptionOf(made);
}

Result<Page<GroupDescription>> GroupService::List(const RequestContext& context,
                                                  const PageRequest& page) {
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:listGroups"));
  KMS_TRY(const auto groups,
          AllOf<GroupRecord>(*snapshot, place::Groups(context.principal.account)));
  std::vector<GroupDescription> all;
  for (const GroupRecord& group : groups) all.push_back(DescriptionOf(group));
  return PageFrom(std::move(all), page);
}

Result<void> GroupService::Delete(const RequestContext& context, std::string_view id) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:deleteGroup",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(const GroupRecord group, FindGroup(transaction, context, id));
        for (const std::string& used :
             {place::MembersOf(account, group.id), place::GrantsOf(account, group.id)}) {
          KMS_TRY(const auto records, transaction.Scan(used, {}, 1));
          if (!records.empty()) return Error(Reason::kStillInUse).About("groupId");
        }
        ChangeIndex(transaction, IndexOfNamed(group, "group"), {});
        transaction.Erase(place::Group(account, group.id));
        return {};
      }));
  return {};
}

Result<void> GroupService::AddUser(const RequestContext& context, std::string_view id,
                                   std::string_view user_id) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:addUserToGroup",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(const GroupRecord group, FindGroup(transaction, context, id));
        KMS_TRY(const UserRecord user, FindUser(transaction, account, user_id));
        KMS_TRY(const auto already,
                transaction.Get(place::MemberOf(account, group.id, user.id)));
        if (already) return {};
        KMS_CHECK_OK(CheckRoom(transaction, place::GroupsOf(account, user.id),
                               domain_->limits().groups_per_user));
        ChangeIndex(transaction, {}, IndexOfMembership(account, group.id, user.id));
        return {};
      }));
  return {};
}

Result<void> GroupService::RemoveUser(const RequestContext& context, std::string_view id,
                                      std::string_view user_id) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:removeUserFromGroup",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(const GroupRecord group, FindGroup(transaction, context, id));
        KMS_TRY(const UserRecord user, FindUser(transaction, account, user_id));
        ChangeIndex(transaction, IndexOfMembership(account, group.id, user.id), {});
        return {};
      }));
  return {};
}

Result<Page<UserDescription>> GroupService::ListUsers(const RequestContext& context,
                                                      std::string_view id,
                                                      const PageRequest& page) {
  const std::string& account = context.principal.account;
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:listGroupUsers"));
  KMS_TRY(const GroupRecord group, FindGroup(*snapshot, context, id));
  KMS_TRY(const auto links,
          snapshot->Scan(place::MembersOf(account, group.id), {}, kAllRecords));
  std::vector<UserRecord> users;
  for (const Record& record : links) {
    KMS_TRY(const LinkRecord link, ReadRecord<LinkRecord>(record.value));
    KMS_TRY(UserRecord user, FindUser(*snapshot, account, link.id));
    users.push_back(std::move(user));
  }
  std::ranges::sort(users, {}, &UserRecord::position);
  std::vector<UserDescription> all;
  for (const UserRecord& user : users) {
    KMS_TRY(UserDescription described, DescribeUser(*snapshot, user));
    all.push_back(std::move(described));
  }
  return PageFrom(std::move(all), page);
}

}  // namespace kms
