// Index entries: records that follow from other records, and are written, moved and
// erased with them. What follows from a record stands once, in a function IndexOf beside
// it, which those ask who change the record, and whoever checks a store (check/).

#ifndef KMS_CORE_INDEX_ENTRY_H_
#define KMS_CORE_INDEX_ENTRY_H_

#include <algorithm>
#include <string>
#include <vector>

#include "kms/key_store.h"

namespace kms {

struct IndexEntry {
  std::string key;
  std::string value;

  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

using Index = std::vector<IndexEntry>;

// ChangeIndex writes what is new in `now`, and erases what is in `before` alone.
inline void ChangeIndex(Transaction& transaction, const Index& before, const Index& now) {
  for (const IndexEntry& entry : before)
    if (std::ranges::find(now, entry.key, &IndexEntry::key) == now.end())
      transaction.Erase(entry.key);
  for (const IndexEntry& entry : now)
    if (std::ranges::find(before, entry) == before.end())
      transaction.Put(entry.key, entry.value);
}

}  // namespace kms

#endif  // KMS_CORE_INDEX_ENTRY_H_
