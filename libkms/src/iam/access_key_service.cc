#include <tuple>

#include "iam/iam_domain.h"
#include "identity/access_keys.h"
#include "kms/user_service.h"

namespace kms {
namespace {

AccessKeyDescription DescriptionOf(const AccessKeyRecord& key) {
  return {key.id, key.user, key.created.value_or(0), key.enabled};
}

struct Owner {
  std::string id;
  bool root = false;
  bool enabled = true;
};

// Whose access keys these are. Those of the root user are for itself only.
Result<Owner> FindOwner(const Reader& reader, const RequestContext& context,
                        std::string_view user) {
  const auto found = FindUser(reader, context.principal.account, user);
  if (found) return Owner{found->id, false, found->enabled};
  if (found.error().reason() != Reason::kBuiltIn) return found.error();
  if (!context.principal.root) return Reason::kDenied;
  return Owner{std::string(user), true, true};
}

Result<AccessKeyRecord> FindKey(const Reader& reader, const RequestContext& context,
                                std::string_view user, std::string_view access_key) {
  KMS_TRY(const Owner owner, FindOwner(reader, context, user));
  KMS_TRY(AccessKeyRecord key,
          FindAccessKey(reader, context.principal.account, access_key));
  // Those that the user made for an access point are the access point's.
  if (key.user != owner.id || key.access_point) return Reason::kAccessKeyNotFound;
  return key;
}

}  // namespace

AccessKeyService::AccessKeyService(std::shared_ptr<IamDomain> domain)
    : domain_(std::move(domain)) {}

Result<CreatedAccessKey> AccessKeyService::Create(const RequestContext& context,
                                                  std::string_view user) {
  const Parts& parts = domain_->parts();
  Owner owner;
  {
    KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:createAccessKey"));
    KMS_TRY(owner, FindOwner(*snapshot, context, user));
  }
  KMS_TRY(MadeAccessKey made,
          MakeAccessKey(parts.root, parts.software, context.principal.account, owner.id,
                        owner.root, domain_->domain().Now()));
  KMS_TRY(
      const std::string outcome,
      domain_->Change(context, "kms:iam:createAccessKey",
                      [&](Transaction& transaction, std::uint64_t,
                          std::string& told) -> Result<void> {
                        KMS_TRY(const Owner now, FindOwner(transaction, context, user));
                        KMS_CHECK_OK(CheckRoom(transaction,
                                               place::AccessKeysOfUser(
                                                   made.record.account, made.record.user),
                                               domain_->limits().access_keys_per_user));
                        AccessKeyRecord record = made.record;
                        record.suspended = !now.enabled;
                        PutAccessKey(transaction, record);
                        record.sealed.clear();  // no second copy of it
                        told = WriteAccessKey(record);
                        return {};
                      }));
  KMS_TRY(const AccessKeyRecord stored, ReadAccessKey(outcome));
  CreatedAccessKey created{DescriptionOf(stored), std::nullopt};
  if (stored.id == made.record.id) created.secret = std::move(made.access_key.secret);
  return created;
}

Result<std::vector<AccessKeyDescription>> AccessKeyService::List(
    const RequestContext& context, std::string_view user) {
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:listAccessKeys"));
  KMS_TRY(const Owner owner, FindOwner(*snapshot, context, user));
  KMS_TRY(const auto keys, AccessKeysOf(*snapshot, context.principal.account, owner.id));
  std::vector<AccessKeyDescription> described;
  for (const AccessKeyRecord& key : keys) described.push_back(DescriptionOf(key));
  std::ranges::sort(described, {}, [](const AccessKeyDescription& key) {
    return std::tie(key.created, key.id);
  });
  return described;
}

Result<void> AccessKeyService::SetEnabled(const RequestContext& context,
                                          std::string_view user,
                                          std::string_view access_key, bool enabled) {
  KMS_CHECK_OK(domain_->Change(
      context, enabled ? "kms:iam:enableAccessKey" : "kms:iam:disableAccessKey",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(AccessKeyRecord key, FindKey(transaction, context, user, access_key));
        key.enabled = enabled;
        PutAccessKey(transaction, key);
        return {};
      }));
  return {};
}

Result<void> AccessKeyService::Delete(const RequestContext& context,
                                      std::string_view user,
                                      std::string_view access_key) {
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:deleteAccessKey",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(const AccessKeyRecord key,
                FindKey(transaction, context, user, access_key));
        EraseAccessKey(transaction, key);
        return {};
      }));
  return {};
}

}  // namespace kms
