#include "kms/alias_service.h"

#include <utility>

#include "keys/alias_names.h"
#include "keys/domain.h"
#include "keys/paging.h"
#include "keys/record_index.h"

namespace kms {
namespace {

Result<Page<AliasDescription>> ListIndex(const Snapshot& snapshot,
                                         const RequestContext& context,
                                         const std::string& index,
                                         const PageRequest& page) {
  Page<AliasDescription> listed;
  KMS_TRY(auto names, PageOf(snapshot, index, page));
  for (std::string& name : names) {
    KMS_TRY(AliasRecord alias,
            GetRecord<AliasRecord>(
                snapshot, place::Alias(context.principal.account, context.region, name),
                Reason::kAliasNotFound));
    listed.items.push_back({std::move(alias.name), std::move(alias.key)});
  }
  return listed;
}

// The aliases of the keys on which the principal may do `action`.
Result<Page<AliasDescription>> ListVisible(Domain& domain, const Snapshot& snapshot,
                                           const RequestContext& context,
                                           const PageRequest& page,
                                           std::string_view action) {
  KMS_TRY(auto all, ListIndex(snapshot, context,
                              place::AliasList(context.principal.account, context.region),
                              {0, kAllRecords}));
  Page<AliasDescription> listed;
  const std::size_t first = FirstOf(page);
  for (AliasDescription& alias : all.items) {
    const auto key = domain.FindKey(snapshot, context, alias.key, action);
    if (!key) {
      if (key.error().error_class() == ErrorClass::kNotFound) continue;
      return key.error();
    }
    if (listed.total >= first && listed.items.size() < page.size)
      listed.items.push_back(std::move(alias));
    ++listed.total;
  }
  return listed;
}

}  // namespace

AliasService::AliasService(std::shared_ptr<Domain> domain) : domain_(std::move(domain)) {}

Result<void> AliasService::Create(const RequestContext& context, std::string_view name,
                                  std::string_view alias) {
  KMS_CHECK_OK(CheckAliasName(alias));
  const UnixMillis now = domain_->Now();
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const KeyRecord key,
                domain_->ReadKey(transaction, context, name, "kms:cmk:createAlias"));
        KMS_CHECK_OK(CheckState(Action::kPointAlias, key, now));
        KMS_CHECK_OK(AddAlias(transaction, key, alias, now));
        note.key = key.id;
        return {};
      }));
  return {};
}

Result<void> AliasService::Update(const RequestContext& context, std::string_view name,
                                  std::string_view alias) {
  KMS_CHECK_OK(CheckAliasName(alias));
  const UnixMillis now = domain_->Now();
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const KeyRecord key,
                domain_->ReadKey(transaction, context, name, "kms:cmk:updateAlias"));
        const std::string store_key = place::Alias(key.account, key.region, alias);
        KMS_TRY(AliasRecord record,
                GetRecord<AliasRecord>(transaction, store_key, Reason::kAliasNotFound));
        // Taking an alias away from a key is a change of that key, too.
        KMS_TRY(const KeyRecord from,
                domain_->ReadKey(transaction, context, record.key, "kms:cmk:updateAlias",
                                 Reason::kAliasNotFound));
        KMS_CHECK_OK(CheckState(Action::kDeleteAlias, from, now));
        KMS_CHECK_OK(CheckState(Action::kPointAlias, key, now));
        record.key = key.id;
        transaction.Put(store_key, ToJson(record));
        ChangeIndex(transaction, IndexOf(from, record), IndexOf(key, record));
        note.key = key.id;
        return {};
      }));
  return {};
}

Result<void> AliasService::Delete(const RequestContext& context, std::string_view alias) {
  KMS_CHECK_OK(CheckAliasName(alias));
  const UnixMillis now = domain_->Now();
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const AliasRecord record,
                GetRecord<AliasRecord>(
                    transaction,
                    place::Alias(context.principal.account, context.region, alias),
                    Reason::kAliasNotFound));
        KMS_TRY(const KeyRecord key,
                domain_->ReadKey(transaction, context, record.key, "kms:cmk:deleteAlias",
                                 Reason::kAliasNotFound));
        KMS_CHECK_OK(CheckState(Action::kDeleteAlias, key, now));
        KMS_CHECK_OK(RemoveAlias(transaction, key, record));
        note.key = key.id;
        return {};
      }));
  return {};
}

Result<Page<AliasDescription>> AliasService::List(const RequestContext& context,
                                                  const PageRequest& page) {
  constexpr std::string_view kAction = "kms:cmk:listAlias";
  const std::string& account = context.principal.account;
  const Parts& parts = domain_->parts();
  KMS_CHECK_OK(parts.policy.MayAnywhere(context, kAction));
  KMS_TRY(const auto snapshot, parts.store.Read());
  const std::string index = place::AliasList(account, context.region);
  if (parts.policy.MayEverywhere(*snapshot, context, kAction)) {
    KMS_TRY(auto listed, ListIndex(*snapshot, context, index, page));
    KMS_TRY(listed.total,
            LiveCount(*snapshot, place::AliasCounter(account, context.region)));
    return listed;
  }
  return ListVisible(*domain_, *snapshot, context, page, kAction);
}

Result<Page<AliasDescription>> AliasService::ListOfKey(const RequestContext& context,
                                                       std::string_view name,
                                                       const PageRequest& page) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto key,
          domain_->FindKey(*snapshot, context, name, "kms:cmk:listAliasByUuid"));
  const std::string index = place::AliasesOfKey(key->account, key->id);
  KMS_TRY(auto listed, ListIndex(*snapshot, context, index, page));
  KMS_TRY(const auto all, snapshot->Scan(index, {}, kAllRecords));
  listed.total = all.size();
  return listed;
}

}  // namespace kms
