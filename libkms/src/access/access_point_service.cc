#include "kms/access_point_service.h"

#include <algorithm>
#include <utility>

#include "access/access_point_reading.h"
#include "access/access_point_record.h"
#include "certificates/certificate_domain.h"
#include "identity/access_key_record.h"
#include "identity/records.h"
#include "keys/domain.h"
#include "keys/paging.h"
#include "keys/projects.h"

namespace kms {

// Compiled rules, each with the revision of the record that they were made of.
class AccessPointRulesCache {
 public:
  struct Entry {
    Revision revision;
    std::shared_ptr<const AccessPointRules> rules;
  };
  LruCache<Entry> entries{std::size_t{8} << 20};
};

Result<AccessPointRecord> ReadPoint(const Domain& domain, const Reader& reader,
                                    const RequestContext& context, std::string_view id,
                                    std::string_view action) {
  KMS_TRY(const auto found,
          reader.Get(place::AccessPoint(context.principal.account, context.region, id)));
  if (!found) return Reason::kAccessPointNotFound;
  KMS_TRY(AccessPointRecord point, ReadAccessPoint(found->value));
  auto may = domain.parts().policy.May(
      reader, context, action,
      {point.account, point.region, point.project, point.id, kAccessPointKind});
  if (!may) {
    // A store that cannot be read denies nothing.
    if (may.error().error_class() == ErrorClass::kDenied)
      return Reason::kAccessPointNotFound;
    return std::move(may).error();
  }
  return point;
}

namespace {

// About what a name on a list takes when it is compiled.
constexpr std::size_t kNameBytes = 128;

AccessPointDescription Describe(AccessPointRecord record) {
  AccessPointDescription described;
  described.id = std::move(record.id);
  described.endpoint = std::move(record.endpoint);
  described.name = std::move(record.name);
  described.vpc = std::move(record.vpc);
  described.subnet = std::move(record.subnet);
  described.project = std::move(record.project);
  described.email = std::move(record.email);
  described.description = std::move(record.description);
  described.created = record.created;
  return described;
}

void PutPoint(Transaction& transaction, const AccessPointRecord& point) {
  transaction.Put(place::AccessPoint(point.account, point.region, point.id),
                  WriteAccessPoint(point));
}

// Changes one access point.
template <typename Change>
Result<void> ChangePoint(Domain& domain, const RequestContext& context,
                         std::string_view id, std::string_view action, Change change) {
  KMS_CHECK_OK(domain.Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(AccessPointRecord point,
                ReadPoint(domain, transaction, context, id, action));
        KMS_CHECK_OK(change(transaction, point));
        PutPoint(transaction, point);
        note.key = point.id;
        return {};
      }));
  return {};
}

Result<std::vector<bool>> TellActions(const Domain& domain, const RequestContext& context,
                                      std::string_view id, std::string_view action,
                                      std::span<const std::string_view> actions) {
  return WithPoint(
      domain, context, id, action,
      [&](const Snapshot&, const AccessPointRecord& point) -> Result<std::vector<bool>> {
        const NameCheck check(point.action_check, point.actions);
        std::vector<bool> allowed;
        for (const std::string_view each : actions) allowed.push_back(check.Allows(each));
        return allowed;
      });
}

Result<std::string> FirstAlias(const Reader& reader, std::string_view account,
                               std::string_view key) {
  KMS_TRY(const auto found, reader.Scan(place::AliasesOfKey(account, key), {}, 1));
  if (found.empty()) return std::string();
  KMS_TRY(PointerRecord pointer, FromJson<PointerRecord>(found.front().value));
  return std::move(pointer.name);
}

// Whether the principal, who may list this, has it in his own lists.
template <typename Found>
Result<bool> IsSeen(const Result<Found>& found) {
  if (found) return true;
  if (found.error().error_class() == ErrorClass::kNotFound) return false;
  return found.error();
}

Result<std::vector<PointResource>> ListResources(const Domain& domain,
                                                 const RequestContext& context,
                                                 std::string_view id,
                                                 std::string_view action,
                                                 bool allowed_only) {
  return WithPoint(
      domain, context, id, action,
      [&](const Snapshot& snapshot,
          const AccessPointRecord& point) -> Result<std::vector<PointResource>> {
        const NameCheck check(point.resource_check, point.resources);
        std::vector<PointResource> listed;
        KMS_TRY(const auto keys,
                PageOf(snapshot, place::KeyList(point.account, point.region),
                       {0, kAllRecords}));
        for (const std::string& key : keys) {
          const bool allowed = check.Allows(key);
          if (allowed_only && !allowed) continue;
          KMS_TRY(const bool seen,
                  IsSeen(domain.ReadKey(snapshot, context, key, "kms:cmk:list")));
          if (!seen) continue;
          KMS_TRY(std::string alias, FirstAlias(snapshot, point.account, key));
          listed.push_back({PointResourceKind::kKey, key, std::move(alias), allowed});
        }
        for (const bool usb_key : {false, true}) {
          KMS_TRY(const auto certificates,
                  PageOf(snapshot,
                         place::CertificateList(point.account, point.region, usb_key),
                         {0, kAllRecords}));
          for (const std::string& certificate : certificates) {
            const bool allowed = check.Allows(certificate);
            if (allowed_only && !allowed) continue;
            KMS_TRY(const bool seen,
                    IsSeen(ReadCertificate(
                        domain, snapshot, context, certificate,
                        {"kms:cert:list", "kms:cert:listCertificateForUk"})));
            if (seen)
              listed.push_back(
                  {PointResourceKind::kCertificate, certificate, {}, allowed});
          }
        }
        return listed;
      });
}

std::vector<std::string> ToTexts(std::span<const std::string_view> views) {
  return {views.begin(), views.end()};
}

}  // namespace

AccessPointService::AccessPointService(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)), cache_(std::make_unique<AccessPointRulesCache>()) {}
AccessPointService::~AccessPointService() = default;

Result<AccessPointDescription> AccessPointService::Create(const RequestContext& context,
                                                          const NewAccessPoint& wanted) {
  AccessPointRecord point;
  KMS_TRY(point.id, domain_->NewId());
  KMS_TRY(point.endpoint, domain_->NewId());
  point.account = context.principal.account;
  point.region = context.region;
  point.project = wanted.project;
  point.creator = context.principal.user;
  point.name = wanted.name;
  point.vpc = wanted.vpc;
  point.subnet = wanted.subnet;
  point.email = wanted.email;
  point.description = wanted.description;
  point.created = domain_->Now();
  KMS_TRY(
      const std::string outcome,
      domain_->Change(
          context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
            KMS_CHECK_OK(domain_->parts().policy.May(
                transaction, context, "kms:accessPoint:createApplicationAccessPoint",
                {point.account, point.region, point.project, {}, kAccessPointKind}));
            KMS_CHECK_OK(CheckProject(transaction, point.account, point.project));
            const std::string counter =
                place::AccessPointCounter(point.account, point.region);
            KMS_TRY(const std::size_t live, LiveCount(transaction, counter));
            if (live >= static_cast<std::size_t>(domain_->parts().limits.access_points))
              return Reason::kQuotaUsedUp;
            AccessPointRecord placed = point;
            KMS_TRY(placed.position, Domain::CountUp(transaction, counter));
            PutPoint(transaction, placed);
            ChangeIndex(transaction, {}, IndexOf(placed));
            note.key = placed.id;
            note.outcome = WriteAccessPoint(placed);
            return {};
          }));
  KMS_TRY(AccessPointRecord made, ReadAccessPoint(outcome));
  return Describe(std::move(made));
}

Result<Page<AccessPointDescription>> AccessPointService::List(
    const RequestContext& context, const PageRequest& page) {
  constexpr std::string_view kAction = "kms:accessPoint:listApplicationAccessPoint";
  const std::string& account = context.principal.account;
  const Policy& policy = domain_->parts().policy;
  KMS_CHECK_OK(policy.MayAnywhere(context, kAction));
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  // There are few, so that each can be asked about.
  KMS_TRY(const auto ids,
          PageOf(*snapshot, place::AccessPointList(account, context.region),
                 {0, kAllRecords}));
  Page<AccessPointDescription> listed;
  const std::size_t first = FirstOf(page);
  for (const std::string& id : ids) {
    auto point = ReadPoint(*domain_, *snapshot, context, id, kAction);
    if (!point) {
      if (point.error().error_class() == ErrorClass::kNotFound) continue;
      return std::move(point).error();
    }
    if (listed.total >= first && listed.items.size() < page.size)
      listed.items.push_back(Describe(std::move(*point)));
    ++listed.total;
  }
  return listed;
}

Result<void> AccessPointService::Delete(const RequestContext& context,
                                        std::string_view id) {
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const AccessPointRecord point,
                ReadPoint(*domain_, transaction, context, id,
                          "kms:accessPoint:deleteApplicationAccessPoint"));
        KMS_TRY(const auto keys,
                transaction.Scan(place::KeysOfAccessPoint(point.id), {}, kAllRecords));
        for (const Record& record : keys) {
          KMS_TRY(const PointerRecord key, FromJson<PointerRecord>(record.value));
          transaction.Erase(AccessKeyPlace(key.name));
          transaction.Erase(record.key);
        }
        transaction.Erase(
            place::KeyCounterOfAccessPoint(point.account, point.region, point.id));
        ChangeIndex(transaction, IndexOf(point), {});
        transaction.Erase(place::AccessPoint(point.account, point.region, point.id));
        note.key = point.id;
        return Domain::CountDown(
            transaction, place::AccessPointCounter(point.account, point.region), 1);
      }));
  return {};
}

Result<void> AccessPointService::ChangeActions(
    const RequestContext& context, std::string_view id, PolicyChange change,
    std::span<const std::string_view> actions) {
  if (!std::ranges::all_of(actions, IsAccessPointAction))
    return Error(Reason::kBadParameter).About("policyList");
  return ChangePoint(*domain_, context, id, "kms:accessPoint:changePointUriPolicy",
                     [&](Transaction&, AccessPointRecord& point) -> Result<void> {
                       ChangeCheck(point.action_check, point.actions, change,
                                   ToTexts(actions));
                       if (point.actions.size() > kMaxNames) return Reason::kQuotaUsedUp;
                       return {};
                     });
}

Result<void> AccessPointService::ChangeResources(const RequestContext& context,
                                                 std::string_view id, PolicyChange change,
                                                 const PointResourceNames& names) {
  return ChangePoint(
      *domain_, context, id, "kms:accessPoint:changePointResourcePolicy",
      [&](Transaction& transaction, AccessPointRecord& point) -> Result<void> {
        std::vector<std::string> ids;
        // Who may change the policy, but not see what is named, learns nothing of it.
        for (const std::string_view name : names.keys) {
          auto key = domain_->ReadKey(transaction, context, name, "kms:cmk:describe",
                                      Reason::kBadParameter);
          if (!key) return std::move(key).error().About("cmkList");
          ids.push_back(std::move(key->id));
        }
        for (const std::string_view name : names.certificates) {
          auto certificate =
              ReadCertificate(*domain_, transaction, context, name,
                              {"kms:cert:describe", "kms:cert:describeCertificateForUk"});
          if (!certificate &&
              certificate.error().reason() == Reason::kCertificateNotFound)
            return Error(Reason::kBadParameter).About("certList");
          if (!certificate) return std::move(certificate).error();
          ids.push_back(std::move(certificate->id));
        }
        ChangeCheck(point.resource_check, point.resources, change, std::move(ids));
        if (point.resources.size() > kMaxNames) return Reason::kQuotaUsedUp;
        return {};
      });
}

Result<void> AccessPointService::CloseChecks(const RequestContext& context,
                                             std::string_view id) {
  return ChangePoint(*domain_, context, id, "kms:accessPoint:closePolicyCheck",
                     [](Transaction&, AccessPointRecord& point) -> Result<void> {
                       point.action_check = point.resource_check = CheckKind::kClosed;
                       point.actions.clear();
                       point.resources.clear();
                       return {};
                     });
}

Result<bool> AccessPointService::HasOpenCheck(const RequestContext& context,
                                              std::string_view id) {
  return WithPoint(*domain_, context, id, "kms:accessPoint:policyCheckIsOpen",
                   [](const Snapshot&, const AccessPointRecord& point) -> Result<bool> {
                     return point.action_check != CheckKind::kClosed ||
                            point.resource_check != CheckKind::kClosed;
                   });
}

Result<std::vector<bool>> AccessPointService::AllActions(
    const RequestContext& context, std::string_view id,
    std::span<const std::string_view> actions) {
  return TellActions(*domain_, context, id, "kms:accessPoint:listAllUri", actions);
}

Result<std::vector<bool>> AccessPointService::AllowedActions(
    const RequestContext& context, std::string_view id,
    std::span<const std::string_view> actions) {
  return TellActions(*domain_, context, id, "kms:accessPoint:listPointUriPolicy",
                     actions);
}

Result<std::vector<PointResource>> AccessPointService::AllResources(
    const RequestContext& context, std::string_view id) {
  return ListResources(*domain_, context, id, "kms:accessPoint:listPointResourcePolicy",
                       false);
}

Result<std::vector<PointResource>> AccessPointService::AllowedResources(
    const RequestContext& context, std::string_view id) {
  return ListResources(*domain_, context, id, "kms:accessPoint:describeResourcePolicy",
                       true);
}

Result<void> AccessPointService::SetWhitelist(const RequestContext& context,
                                              std::string_view id,
                                              std::string_view endpoint,
                                              const AddressWhitelist& whitelist) {
  if (whitelist.blocks.size() > kMaxBlocks) return Reason::kQuotaUsedUp;
  for (const std::string& block : whitelist.blocks)
    if (!ParseAddressBlock(block)) return Error(Reason::kBadParameter).About("ips");
  return ChangePoint(*domain_, context, id, "kms:accessPoint:addEndpointWhitelist",
                     [&](Transaction&, AccessPointRecord& point) -> Result<void> {
                       if (!endpoint.empty() && endpoint != point.endpoint)
                         return Error(Reason::kBadParameter).About("endpointId");
                       point.checks_addresses = whitelist.enabled;
                       point.addresses = whitelist.blocks;
                       return {};
                     });
}

Result<AddressWhitelist> AccessPointService::Whitelist(const RequestContext& context,
                                                       std::string_view id) {
  return WithPoint(
      *domain_, context, id, "kms:accessPoint:showEndpointWhitelist",
      [](const Snapshot&, const AccessPointRecord& point) -> Result<AddressWhitelist> {
        return AddressWhitelist{point.checks_addresses, point.addresses};
      });
}

Result<std::shared_ptr<const AccessPointRules>> AccessPointService::Rules(
    const Principal& principal, std::string_view region) {
  using Shared = std::shared_ptr<const AccessPointRules>;
  std::string store_key =
      place::AccessPoint(principal.account, region, principal.access_point);
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto found, snapshot->Get(store_key));
  if (!found) {
    cache_->entries.Erase(store_key);
    return Reason::kAccessPointNotFound;
  }
  const auto cached = cache_->entries.Find(store_key);
  if (cached != nullptr && cached->revision == found->revision) return cached->rules;
  KMS_TRY(const AccessPointRecord point, ReadAccessPoint(found->value));
  KMS_TRY(AccessPointRules compiled, Compile(point));
  Shared rules = std::make_shared<const AccessPointRules>(std::move(compiled));
  cache_->entries.Put(std::move(store_key),
                      std::make_shared<const AccessPointRulesCache::Entry>(
                          AccessPointRulesCache::Entry{found->revision, rules}),
                      sizeof(AccessPointRules) + kNameBytes * (1 + point.actions.size() +
                                                               point.resources.size()));
  return rules;
}

}  // namespace kms
