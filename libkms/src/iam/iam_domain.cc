#include "iam/iam_domain.h"

#include "identity/access_keys.h"

namespace kms {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxDescription = 1024;

bool HasEnabledKey(const std::vector<AccessKeyRecord>& keys) {
  return std::ranges::any_of(keys, [](const AccessKeyRecord& key) {
    return key.enabled && !key.suspended.value_or(false);
  });
}

}  // namespace

IamDomain::IamDomain(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)),
      tables_(parts().actions != nullptr ? *parts().actions : no_actions_) {}

Result<void> IamDomain::Authorise(const Reader& reader, const RequestContext& context,
                                  std::string_view action) const {
  return parts().policy.May(reader, context, action,
                            {context.principal.account, context.region, {}, {}, "iam"});
}

Result<std::unique_ptr<Snapshot>> IamDomain::Read(const RequestContext& context,
                                                  std::string_view action) const {
  KMS_TRY(auto snapshot, parts().store.Read());
  KMS_CHECK_OK(Authorise(*snapshot, context, action));
  return snapshot;
}

Result<std::string> IamDomain::Change(const RequestContext& context,
                                      std::string_view action, const Body& body) {
  const std::string& account = context.principal.account;
  return domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_CHECK_OK(Authorise(transaction, context, action));
        IamRecord iam;
        KMS_TRY(const auto found, transaction.Get(place::Iam(account)));
        if (found) {
          KMS_TRY(iam, ReadRecord<IamRecord>(found->value));
        }
        const std::uint64_t position = ++iam.changes;
        KMS_CHECK_OK(body(transaction, position, note.outcome));
        transaction.Put(place::Iam(account), WriteRecord(iam));
        KMS_TRY(const bool administrated, IsAdministrated(transaction, account));
        if (!administrated) return Reason::kLastAdministrator;
        return {};
      });
}

Result<bool> IamDomain::IsAdministrated(const Reader& reader,
                                        std::string_view account) const {
  KMS_TRY(const auto found, reader.Get(place::Account(account)));
  // Of a program that embeds the library and has accounts of its own making.
  if (!found) return true;
  KMS_TRY(const AccountRecord record, ReadRecord<AccountRecord>(found->value));
  KMS_TRY(const auto root_keys, AccessKeysOf(reader, account, record.root_user));
  if (HasEnabledKey(root_keys)) return true;
  KMS_TRY(const auto users, AllOf<UserRecord>(reader, place::Users(account)));
  for (const UserRecord& user : users) {
    KMS_TRY(const auto keys, AccessKeysOf(reader, account, user.id));
    if (!user.enabled || !HasEnabledKey(keys)) continue;
    KMS_TRY(const auto held, UserPolicies::Load(reader, account, user.id, tables_));
    if (held->Administers(tables_.actions)) return true;
  }
  return false;
}

Result<void> CheckDescriptionSize(std::string_view description) {
  if (description.size() > kMaxDescription)
    return Error(Reason::kTooLong).About("description");
  return {};
}

Result<void> CheckNamed(const NewNamed& wanted, std::string_view parameter) {
  const bool good = std::ranges::all_of(wanted.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.' || c == '@';
  });
  if (!good || wanted.name.empty() || wanted.name.size() > kMaxName)
    return Error(Reason::kBadParameter).About(parameter);
  return CheckDescriptionSize(wanted.description);
}

Result<void> TakeName(Transaction& transaction, const NamedRecord& record,
                      std::string_view kind, std::string_view parameter) {
  KMS_TRY(const auto taken,
          transaction.Get(place::IamName(record.account, kind, record.name)));
  if (taken) return Error(Reason::kNameTaken).About(parameter);
  ChangeIndex(transaction, {}, IndexOfNamed(record, kind));
  return {};
}

Result<void> CheckRoom(const Reader& reader, const std::string& prefix,
                       std::size_t limit) {
  KMS_TRY(const auto records, reader.Scan(prefix, {}, limit));
  if (records.size() >= limit) return Reason::kQuotaUsedUp;
  return {};
}

Result<AccountRecord> ReadAccount(const Reader& reader, std::string_view account) {
  return ReadAs<AccountRecord>(reader, place::Account(account), Reason::kInternal);
}

Result<UserRecord> FindUser(const Reader& reader, std::string_view account,
                            std::string_view user) {
  KMS_TRY(const auto found, reader.Get(place::User(account, user)));
  if (found) return ReadRecord<UserRecord>(found->value);
  KMS_TRY(const AccountRecord record, ReadAccount(reader, account));
  return user == record.root_user ? Reason::kBuiltIn : Reason::kUserNotFound;
}

Result<UserDescription> DescribeUser(const Reader& reader, const UserRecord& user) {
  UserDescription described{
      user.id, user.name, user.description, user.created, user.enabled, false, {}};
  KMS_TRY(const auto groups,
          reader.Scan(place::GroupsOf(user.account, user.id), {}, kAllRecords));
  for (const Record& link : groups) {
    KMS_TRY(LinkRecord group, ReadRecord<LinkRecord>(link.value));
    described.groups.push_back(std::move(group.id));
  }
  return described;
}

IamService::IamService(const std::shared_ptr<IamDomain>& domain)
    : users(domain),
      access_keys(domain),
      groups(domain),
      policies(domain),
      simulator(domain),
      projects(domain) {}

}  // namespace kms
