#include "kms/user_service.h"

#include "iam/iam_domain.h"
#include "identity/access_keys.h"

namespace kms {
namespace {

UserDescription DescribeRoot(const AccountRecord& account) {
  return {account.root_user, "root", "", account.created.value_or(0), true, true, {}};
}

}  // namespace

UserService::UserService(std::shared_ptr<IamDomain> domain)
    : domain_(std::move(domain)) {}

Result<UserDescription> UserService::Create(const RequestContext& context,
                                            const NewNamed& wanted) {
  KMS_CHECK_OK(CheckNamed(wanted, "userName"));
  UserRecord user;
  KMS_TRY(std::string id, NewIdentityId(domain_->parts().software));
  FillNamed(user, context, wanted, std::move(id), domain_->domain().Now());
  KMS_TRY(
      const std::string outcome,
      domain_->Change(context, "kms:iam:createUser",
                      [&](Transaction& transaction, std::uint64_t position,
                          std::string& made) -> Result<void> {
                        KMS_CHECK_OK(CheckRoom(transaction, place::Users(user.account),
                                               domain_->limits().users));
                        KMS_CHECK_OK(TakeName(transaction, user, "user", "userName"));
                        UserRecord placed = user;
                        placed.position = position;
                        made = WriteRecord(placed);
                        transaction.Put(place::User(user.account, user.id), made);
                        return {};
                      }));
  KMS_TRY(const UserRecord made, ReadRecord<UserRecord>(outcome));
  return UserDescription{made.id, made.name, made.description, made.created, made.enabled,
                         false,   {}};
}

Result<UserDescription> UserService::Describe(const RequestContext& context,
                                              std::string_view user) {
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:describeUser"));
  const auto found = FindUser(*snapshot, context.principal.account, user);
  if (found) return DescribeUser(*snapshot, *found);
  if (found.error().reason() != Reason::kBuiltIn) return found.error();
  KMS_TRY(const AccountRecord account, ReadAccount(*snapshot, context.principal.account));
  return DescribeRoot(account);
}

Result<Page<UserDescription>> UserService::List(const RequestContext& context,
                                                const PageRequest& page) {
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:listUsers"));
  KMS_TRY(const AccountRecord account, ReadAccount(*snapshot, context.principal.account));
  KMS_TRY(const auto users, AllOf<UserRecord>(*snapshot, place::Users(account.id)));
  std::vector<UserDescription> all = {DescribeRoot(account)};
  for (const UserRecord& user : users) {
    KMS_TRY(UserDescription described, DescribeUser(*snapshot, user));
    all.push_back(std::move(described));
  }
  return PageFrom(std::move(all), page);
}

Result<void> UserService::SetEnabled(const RequestContext& context, std::string_view id,
                                     bool enabled) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, enabled ? "kms:iam:enableUser" : "kms:iam:disableUser",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(UserRecord user, FindUser(transaction, account, id));
        user.enabled = enabled;
        transaction.Put(place::User(account, user.id), WriteRecord(user));
        KMS_TRY(const auto keys, AccessKeysOf(transaction, account, user.id));
        for (AccessKeyRecord key : keys) {
          key.suspended = !enabled;
          PutAccessKey(transaction, key);
        }
        return {};
      }));
  return {};
}

Result<void> UserService::Delete(const RequestContext& context, std::string_view id) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:deleteUser",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(const UserRecord user, FindUser(transaction, account, id));
        KMS_TRY(const auto keys, AccessKeysOf(transaction, account, user.id));
        for (const AccessKeyRecord& key : keys) EraseAccessKey(transaction, key);
        KMS_TRY(const UserDescription described, DescribeUser(transaction, user));
        for (const std::string& group : described.groups)
          ChangeIndex(transaction, IndexOfMembership(account, group, user.id), {});
        ChangeIndex(transaction, IndexOfNamed(user, "user"), {});
        transaction.Erase(place::User(account, user.id));
        return {};
      }));
  return {};
}

}  // namespace kms
