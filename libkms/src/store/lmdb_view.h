// LmdbView: what the records are inside one LMDB transaction, of either kind, and
// how their bytes are laid out (store/lmdb_environment.h).

#ifndef KMS_STORE_LMDB_VIEW_H_
#define KMS_STORE_LMDB_VIEW_H_

#include <lmdb.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kms/key_store.h"

namespace kms {

class LmdbEnvironment;

class LmdbView {
 public:
  LmdbView(const LmdbEnvironment& environment, MDB_txn* transaction)
      : environment_(environment), transaction_(transaction) {}

  Result<std::optional<RecordView>> Get(std::string_view key) const;
  Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                   std::size_t limit) const;
  Result<Revision> NewestRevision() const;
  // Nothing in a store that was just created.
  Result<std::optional<std::uint32_t>> Layout() const;

 private:
  const LmdbEnvironment& environment_;
  MDB_txn* transaction_;
};

// Each returns a code of LMDB.
int PutRecord(const LmdbEnvironment& environment, MDB_txn* transaction,
              std::string_view key, std::string_view value, Revision revision);
int EraseRecord(const LmdbEnvironment& environment, MDB_txn* transaction,
                std::string_view key);
int PutRevision(const LmdbEnvironment& environment, MDB_txn* transaction,
                Revision revision);
int PutLayout(const LmdbEnvironment& environment, MDB_txn* transaction,
              std::uint32_t layout);

}  // namespace kms

#endif  // KMS_STORE_LMDB_VIEW_H_
