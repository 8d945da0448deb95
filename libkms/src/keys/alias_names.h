// What an alias may be called (manual 4.2.5, 4.7.1).

#ifndef KMS_KEYS_ALIAS_NAMES_H_
#define KMS_KEYS_ALIAS_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

#include "keys/domain.h"
#include "kms/result.h"

namespace kms {

// CheckAliasName fails with kBadParameter for a malformed alias, and with
// kDefaultKeyAlias for one that belongs to the default key of a cloud product.
Result<void> CheckAliasName(std::string_view alias);

// AddAlias writes a new alias of `key`.
// Fails: kAliasExists; kDefaultKeyAlias if it is that of a default key.
Result<void> AddAlias(Transaction& transaction, const KeyRecord& key,
                      std::string_view alias, UnixMillis now);

// DefaultAlias is the alias of the default key of a product.
std::string DefaultAlias(std::string_view product);

// CheckDefaultAlias: whether AddDefaultAlias finds both names free. Fails: as it does.
Result<void> CheckDefaultAlias(const Reader& reader, const KeyRecord& key,
                               std::string_view product);

// AddDefaultAlias writes DefaultAlias, and the other name that the manual has for it
// (7.3): that one resolves, and no list shows it. Fails: as AddAlias.
Result<void> AddDefaultAlias(Transaction& transaction, const KeyRecord& key,
                             std::string_view product, UnixMillis now);

// IsListed: whether lists show the alias of `key`. The other name of a default key they
// do not; OtherSpelling gives that of DefaultAlias, and back.
bool IsListed(const KeyRecord& key, const AliasRecord& alias);
std::optional<std::string> OtherSpelling(std::string_view default_alias);

// RemoveAlias removes everything about an alias of `key`.
Result<void> RemoveAlias(Transaction& transaction, const KeyRecord& key,
                         const AliasRecord& alias);

}  // namespace kms

#endif  // KMS_KEYS_ALIAS_NAMES_H_
