#include "kms/version_service.h"

#include <utility>

#include "keys/domain.h"
#include "keys/paging.h"

namespace kms {
namespace {

constexpr UnixMillis kMinVersionAge = 7 * kMillisPerDay;

VersionDescription DescriptionOf(const VersionRecord& version) {
  return {version.key, version.id, version.created};
}

// The first version comes with the key, and does not count as a rotation.
Result<void> CheckAge(const KeyRecord& key, UnixMillis now) {
  if (key.versions > 1 && now - key.last_rotation < kMinVersionAge)
    return Reason::kRotatedRecently;
  return {};
}

}  // namespace

VersionService::VersionService(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)) {}

Result<VersionDescription> VersionService::Create(const RequestContext& context,
                                                  std::string_view name) {
  constexpr std::string_view kAction = "kms:cmk:createVersion";
  const auto described = [](const std::string& outcome) -> Result<VersionDescription> {
    KMS_TRY(const VersionRecord version, FromJson<VersionRecord>(outcome));
    return DescriptionOf(version);
  };
  KMS_TRY(const auto repeated, domain_->RepeatedOutcome(context));
  if (repeated) return described(*repeated);

  const UnixMillis now = domain_->Now();
  const auto check = [&](const Reader& reader, const KeyRecord& key) -> Result<void> {
    KMS_CHECK_OK(CheckState(Action::kCreateVersion, key, now));
    KMS_CHECK_OK(CheckAge(key, now));
    return domain_->CheckVersionLimit(reader, key.account, key.region);
  };
  Domain::MadeVersion made;
  {
    KeyRecord key;
    {
      // Asked before the costly generation, and again when it counts.
      KMS_TRY(const auto snapshot, domain_->parts().store.Read());
      KMS_TRY(key, domain_->ReadKey(*snapshot, context, name, kAction));
      KMS_CHECK_OK(check(*snapshot, key));
    }
    KMS_TRY(made, domain_->NewVersion(context, key, now));
  }
  KMS_TRY(const std::string outcome,
          domain_->Change(
              context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
                // By id: an alias may point elsewhere by now.
                KMS_TRY(const KeyRecord before,
                        domain_->ReadKey(transaction, context, made.record.key, kAction));
                KMS_CHECK_OK(check(transaction, before));
                KeyRecord key = before;
                VersionRecord numbered = made.record;
                KMS_CHECK_OK(Domain::KeepMaterial(transaction, made.material, numbered));
                numbered.number = key.versions++;
                key.last_rotation = key.updated = now;
                Domain::PutVersion(transaction, numbered);
                Domain::PutKey(transaction, &before, key);
                KMS_CHECK_OK(Domain::CountUp(transaction, place::AsymmetricVersionCounter(
                                                              key.account, key.region)));
                note.key = key.id;
                note.version = numbered.id;
                numbered.sealed.clear();  // no second copy of it
                note.outcome = ToJson(numbered);
                return {};
              }));
  return described(outcome);
}

Result<VersionDescription> VersionService::Describe(const RequestContext& context,
                                                    std::string_view name,
                                                    std::string_view version) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto key,
          domain_->FindKey(*snapshot, context, name, "kms:cmk:describeVersion"));
  KMS_TRY(const VersionRecord record, domain_->ReadVersion(*snapshot, *key, version));
  return DescriptionOf(record);
}

Result<Page<VersionDescription>> VersionService::List(const RequestContext& context,
                                                      std::string_view name,
                                                      const PageRequest& page) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto key,
          domain_->FindKey(*snapshot, context, name, "kms:cmk:listVersions"));
  Page<VersionDescription> listed;
  listed.total = static_cast<std::size_t>(key->versions);
  KMS_TRY(const auto ids,
          PageOf(*snapshot, place::VersionList(key->account, key->id), page));
  for (const std::string& id : ids) {
    KMS_TRY(const VersionRecord record, domain_->ReadVersion(*snapshot, *key, id));
    listed.items.push_back(DescriptionOf(record));
  }
  return listed;
}

Result<void> VersionService::SetRotation(const RequestContext& context,
                                         std::string_view name, std::optional<int> days) {
  if (days) KMS_CHECK_OK(CheckRotationDays(*days));
  return domain_->ChangeKey(
      context, name, "kms:cmk:updateRotation", Action::kSetRotation,
      [&](Transaction&, KeyRecord& key, UnixMillis now) -> Result<void> {
        key.rotation_days = days;
        key.next_rotation.reset();
        if (days) key.next_rotation = now + *days * kMillisPerDay;
        return {};
      });
}

}  // namespace kms
