// AccessPointService: the access keys of access points.

#include <utility>

#include "access/access_point_reading.h"
#include "access/access_point_record.h"
#include "identity/access_key_record.h"
#include "keys/domain.h"
#include "keys/paging.h"
#include "kms/access_point_service.h"

namespace kms {
namespace {

// The access key of that id, if it is one of an access point of the account and region
// on which the principal may do `action`.
Result<AccessKeyRecord> ReadPointKey(const Domain& domain, const Reader& reader,
                                     const RequestContext& context, std::string_view id,
                                     std::string_view action) {
  KMS_TRY(AccessKeyRecord key, FindAccessKey(reader, context.principal.account, id));
  if (!key.access_point || key.region != context.region)
    return Reason::kAccessKeyNotFound;
  const auto point = ReadPoint(domain, reader, context, *key.access_point, action);
  if (!point) {
    if (point.error().error_class() == ErrorClass::kNotFound)
      return Reason::kAccessKeyNotFound;
    return point.error();
  }
  return key;
}

}  // namespace

Result<NewPointKey> AccessPointService::CreateKey(const RequestContext& context,
                                                  std::string_view id,
                                                  AccessKeyScope scope) {
  const auto answer = [](const std::string& outcome) -> Result<NewPointKey> {
    KMS_TRY(PointKeyOutcome made, ReadPointKeyOutcome(outcome));
    return NewPointKey{std::move(made.id), std::nullopt, std::move(made.user),
                       made.scope};
  };
  KMS_TRY(const auto repeated, domain_->RepeatedOutcome(context));
  if (repeated) return answer(*repeated);

  AccessKeyRecord key;
  KMS_TRY(key.id, NewIdentityId(domain_->parts().software));
  key.account = context.principal.account;
  key.user = context.principal.user;
  key.root = context.principal.root;
  key.access_point = id;
  key.region = context.region;
  key.scope = scope;
  key.created = domain_->Now();
  KMS_TRY(SecretBytes secret,
          NewSecretKey(domain_->parts().software, domain_->parts().root, key));
  KMS_TRY(const std::string outcome,
          domain_->Change(
              context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
                KMS_TRY(
                    const AccessPointRecord point,
                    ReadPoint(*domain_, transaction, context, id, "kms:ak:createUserAk"));
                const std::string counter =
                    place::KeyCounterOfAccessPoint(point.account, point.region, point.id);
                KMS_TRY(const std::size_t live, LiveCount(transaction, counter));
                if (live >= kMaxKeys) return Reason::kQuotaUsedUp;
                AccessKeyRecord placed = key;
                KMS_TRY(placed.position, Domain::CountUp(transaction, counter));
                transaction.Put(AccessKeyPlace(placed.id), WriteAccessKey(placed));
                ChangeIndex(transaction, {}, IndexOfPointKey(placed));
                note.key = placed.id;
                note.outcome = WritePointKeyOutcome({placed.id, placed.user, scope});
                return {};
              }));
  KMS_TRY(NewPointKey made, answer(outcome));
  // Another thread may have been faster with the same request: then its key counts.
  if (made.id == key.id) made.secret = std::move(secret);
  return made;
}

Result<Page<PointKeyDescription>> AccessPointService::ListKeys(
    const RequestContext& context, std::string_view id, const PageRequest& page) {
  using Keys = Page<PointKeyDescription>;
  return WithPoint(
      *domain_, context, id, "kms:ak:listUserAk",
      [&](const Snapshot& snapshot, const AccessPointRecord& point) -> Result<Keys> {
        Keys listed;
        KMS_TRY(listed.total,
                LiveCount(snapshot, place::KeyCounterOfAccessPoint(
                                        point.account, point.region, point.id)));
        KMS_TRY(const auto ids,
                PageOf(snapshot, place::KeysOfAccessPoint(point.id), page));
        for (const std::string& each : ids) {
          KMS_TRY(const auto found, snapshot.Get(AccessKeyPlace(each)));
          if (!found) continue;
          KMS_TRY(const AccessKeyRecord key, ReadAccessKey(found->value));
          listed.items.push_back({key.id, key.scope.value_or(AccessKeyScope::kFull),
                                  key.enabled, key.created.value_or(0)});
        }
        return listed;
      });
}

Result<void> AccessPointService::SwitchKey(const RequestContext& context,
                                           std::string_view access_key,
                                           std::string_view action, bool on) {
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(AccessKeyRecord key,
                ReadPointKey(*domain_, transaction, context, access_key, action));
        key.enabled = on;
        transaction.Put(AccessKeyPlace(key.id), WriteAccessKey(key));
        note.key = key.id;
        return {};
      }));
  return {};
}

Result<void> AccessPointService::EnableKey(const RequestContext& context,
                                           std::string_view access_key) {
  return SwitchKey(context, access_key, "kms:ak:enableUserAk", true);
}

Result<void> AccessPointService::DisableKey(const RequestContext& context,
                                            std::string_view access_key) {
  return SwitchKey(context, access_key, "kms:ak:disableUserAk", false);
}

Result<void> AccessPointService::DeleteKey(const RequestContext& context,
                                           std::string_view access_key) {
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const AccessKeyRecord key,
                ReadPointKey(*domain_, transaction, context, access_key,
                             "kms:ak:deleteUserAk"));
        transaction.Erase(AccessKeyPlace(key.id));
        ChangeIndex(transaction, IndexOfPointKey(key), {});
        note.key = key.id;
        return Domain::CountDown(
            transaction,
            place::KeyCounterOfAccessPoint(key.account, *key.region, *key.access_point),
            1);
      }));
  return {};
}

}  // namespace kms
