// The index entries that follow from keys and from what belongs to them.

#ifndef KMS_KEYS_RECORD_INDEX_H_
#define KMS_KEYS_RECORD_INDEX_H_

#include "core/index_entry.h"
#include "keys/records.h"

namespace kms {

Index IndexOf(const KeyRecord& key);
Index IndexOf(const VersionRecord& version);
// Of an alias and an import token of `key`.
Index IndexOf(const KeyRecord& key, const AliasRecord& alias);
Index IndexOf(const KeyRecord& key, const TokenRecord& token);

}  // namespace kms

#endif  // KMS_KEYS_RECORD_INDEX_H_
