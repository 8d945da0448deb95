#include "kms/default_key_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "audit/outbox.h"
#include "identity/records.h"
#include "keys/alias_names.h"
#include "keys/domain.h"
#include "keys/paging.h"

namespace kms {
namespace {

constexpr std::size_t kMaxProduct = 32;

bool IsProduct(std::string_view product) {
  return !product.empty() && product.size() <= kMaxProduct &&
         std::ranges::all_of(product, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-';
         });
}

// The default key of that alias, if there is one and the principal may do `action` on it.
Result<std::optional<std::string>> Find(const Domain& domain, const Reader& reader,
                                        const RequestContext& context,
                                        std::string_view alias, std::string_view action) {
  KMS_TRY(const auto found,
          reader.Get(place::Alias(context.principal.account, context.region, alias)));
  if (!found) return std::optional<std::string>();
  KMS_TRY(KeyRecord key, domain.ReadKey(reader, context, alias, action));
  if (!key.is_default)
    return Error(Reason::kDefaultKeyCreationFailed, "a user's key has its alias");
  return std::optional<std::string>(std::move(key.id));
}

// Whoever may make data keys makes default keys, and nobody can delete them.
Result<void> CheckLimit(const Domain& domain, const Reader& reader,
                        const KeyRecord& key) {
  KMS_TRY(const std::size_t live,
          LiveCount(reader, place::DefaultKeyCounter(key.account, key.region)));
  if (live >= static_cast<std::size_t>(domain.parts().limits.default_keys))
    return Reason::kQuotaUsedUp;
  return {};
}

// Whatever keeps the key from being made is one reason to the caller. That the principal
// may not have it any more is another.
Error WhileMaking(const Error& error) {
  if (error.error_class() == ErrorClass::kNotFound ||
      error.reason() == Reason::kQuotaUsedUp)
    return error;
  return Error(error.error_class(), Reason::kDefaultKeyCreationFailed,
               std::string(CodeOf(error.reason())) + " " + error.detail());
}

}  // namespace

DefaultKeyService::DefaultKeyService(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)) {}

Result<std::string> DefaultKeyService::Of(const RequestContext& context,
                                          std::string_view product,
                                          std::string_view action) {
  if (!IsProduct(product)) return Error(Reason::kBadParameter).About("product");
  const std::string alias = DefaultAlias(product);
  const UnixMillis now = domain_->Now();
  KeyRecord key;
  key.account = context.principal.account;
  key.region = context.region;
  key.project = kDefaultProject;
  key.creator = context.principal.user;
  key.description = "default key of " + std::string(product);
  key.created = key.updated = key.last_rotation = now;
  key.is_default = true;
  {
    KMS_TRY(const auto snapshot, domain_->parts().store.Read());
    KMS_TRY(auto found, Find(*domain_, *snapshot, context, alias, action));
    if (found) return *std::move(found);
    KMS_TRY(key.id, domain_->NewId());
    KMS_CHECK_OK(domain_->CheckKey(*snapshot, context, action, key));
    KMS_CHECK_OK(CheckLimit(*domain_, *snapshot, key));
    if (const auto free = CheckDefaultAlias(*snapshot, key, product); !free)
      return WhileMaking(free.error());
  }
  KMS_CHECK_OK(EndDryRun(context));

  const auto made = domain_->NewVersion(context, key, now);
  if (!made) return WhileMaking(made.error());
  key.material = true;
  key.versions = 1;
  key.primary = made->record.id;
  // An event of its own: the request is told of as what it asked for.
  RequestContext making = context;
  making.operation = "createDefaultKey";
  std::string id;
  const auto added =
      domain_->parts().store.Update([&](Transaction& transaction) -> Result<void> {
        KMS_TRY(auto found, Find(*domain_, transaction, context, alias, action));
        if (found) {  // by another thread or process, meanwhile
          id = *std::move(found);
          return {};
        }
        KMS_CHECK_OK(domain_->CheckKey(transaction, context, action, key));
        KMS_CHECK_OK(CheckLimit(*domain_, transaction, key));
        const auto counted = Domain::CountUp(
            transaction, place::DefaultKeyCounter(key.account, key.region));
        if (!counted) return counted.error();
        KeyRecord placed = key;
        KMS_CHECK_OK(Domain::AddKey(transaction, placed, &*made));
        KMS_CHECK_OK(AddDefaultAlias(transaction, placed, product, now));
        AppendToOutbox(transaction,
                       EventOf(making, now, {placed.id, placed.primary, {}}));
        id = placed.id;
        return {};
      });
  if (!added) return WhileMaking(added.error());
  return id;
}

}  // namespace kms
