// Paging over an index whose entries are in order of creation.

#ifndef KMS_KEYS_PAGING_H_
#define KMS_KEYS_PAGING_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "keys/records.h"
#include "kms/key.h"
#include "kms/key_store.h"

namespace kms {

// FirstOf is the index of the first item of a page; past every list if it does not fit.
inline std::size_t FirstOf(const PageRequest& page) {
  const std::size_t first = page.number * page.size;
  const bool fits = page.size == 0 || first / page.size == page.number;
  return fits ? first : static_cast<std::size_t>(-1);
}

// PageOf returns the names on one page of the index under `prefix`.
inline Result<std::vector<std::string>> PageOf(const Reader& reader,
                                               const std::string& prefix,
                                               const PageRequest& page) {
  std::vector<std::string> names;
  const std::size_t first = FirstOf(page);
  if (first + page.size < first) return names;  // past any end
  KMS_TRY(const auto entries, reader.Scan(prefix, {}, first + page.size));
  for (std::size_t i = first; i < entries.size(); ++i) {
    KMS_TRY(PointerRecord pointer, FromJson<PointerRecord>(entries[i].value));
    names.push_back(std::move(pointer.name));
  }
  return names;
}

// LiveCount is what the counter under `store_key` counts now.
inline Result<std::size_t> LiveCount(const Reader& reader, const std::string& store_key) {
  KMS_TRY(const auto found, reader.Get(store_key));
  if (!found) return std::size_t{0};
  KMS_TRY(const CounterRecord counter, FromJson<CounterRecord>(found->value));
  return static_cast<std::size_t>(counter.live);
}

}  // namespace kms

#endif  // KMS_KEYS_PAGING_H_
