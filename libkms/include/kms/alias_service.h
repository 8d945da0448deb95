// AliasService: other names of keys, unique per account and region (manual 4.2.5,
// 5.4). An alias is 1 to 255 characters of letters, digits and "/_-.", and not
// shaped like a UUID. `alias/<product>` and `alias_<product>` of a cloud product
// belong to default keys (kms/default_key_service.h): those of the manual's products
// always, those of another one from when its default key was made.
//
// Threads, durability: as kms/key_service.h.

#ifndef KMS_ALIAS_SERVICE_H_
#define KMS_ALIAS_SERVICE_H_

#include <memory>
#include <string_view>

#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class Domain;

class AliasService {
 public:
  explicit AliasService(std::shared_ptr<Domain> domain);

  // Create fails with kBadParameter (malformed), kDefaultKeyAlias, kAliasExists,
  // kKeyNotFound, kDeletionPending.
  Result<void> Create(const RequestContext& context, std::string_view key,
                      std::string_view alias);

  // Update points an alias at another key; the next request anywhere sees it.
  // Fails: kAliasNotFound, kKeyNotFound, kDeletionPending, kDefaultKeyAlias.
  Result<void> Update(const RequestContext& context, std::string_view key,
                      std::string_view alias);

  // Delete removes the alias, not its key. Fails: kAliasNotFound, kDefaultKeyAlias.
  Result<void> Delete(const RequestContext& context, std::string_view alias);

  // List returns the aliases of the account in the region, oldest first.
  Result<Page<AliasDescription>> List(const RequestContext& context,
                                      const PageRequest& page);

  // ListOfKey returns the aliases of one key, oldest first. Fails: kKeyNotFound.
  Result<Page<AliasDescription>> ListOfKey(const RequestContext& context,
                                           std::string_view key, const PageRequest& page);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_ALIAS_SERVICE_H_
