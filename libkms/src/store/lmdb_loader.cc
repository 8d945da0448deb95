#include "store/lmdb_loader.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "store/lmdb_view.h"
#include "store/optimistic_transaction.h"

namespace kms {

Result<std::unique_ptr<LmdbLoader>> LmdbLoader::Create(const std::string& directory) {
  std::error_code failure;
  const bool empty = std::filesystem::is_empty(directory, failure);
  if (failure)
    return Error(Reason::kStoreUnavailable, directory + ": " + failure.message());
  if (!empty)
    return Error(ErrorClass::kAlreadyExists, Reason::kStoreUnavailable,
                 directory + " is not empty");
  KMS_TRY(auto claim, DirectoryClaim::Take(directory));
  KMS_TRY(auto environment, LmdbEnvironment::Open(claim, directory, {}));
  return std::unique_ptr<LmdbLoader>(
      new LmdbLoader(directory, std::move(claim), std::move(environment)));
}

template <typename Write>
Result<void> LmdbLoader::Commit(const Write& write) {
  for (;;) {
    LmdbTransaction transaction;
    int code = environment_->BeginWrite(&transaction);
    if (code == 0) code = write(transaction.get());
    if (code == 0) code = mdb_txn_commit(transaction.release());
    if (code == 0) return {};
    if (code != MDB_MAP_FULL) return LmdbError(code, "load");
    transaction.reset();
    KMS_CHECK_OK(environment_->Grow());
  }
}

Result<void> LmdbLoader::Put(std::span<const Record> records) {
  for (const Record& record : records) {
    if (record.key.empty() || record.key.size() > kMaxKeyBytes ||
        record.value.size() > kMaxValueBytes)
      return Error(Reason::kBadParameter, "a record is over the limits of a store");
  }
  return Commit([&](MDB_txn* transaction) {
    for (const Record& record : records) {
      const int code = PutRecord(*environment_, transaction, record.key, record.value,
                                 record.revision);
      if (code != 0) return code;
    }
    return 0;
  });
}

Result<void> LmdbLoader::Finish(Revision newest) {
  KMS_CHECK_OK(Commit([&](MDB_txn* transaction) {
    return PutRevision(*environment_, transaction, newest);
  }));
  return SyncDirectory(directory_);
}

}  // namespace kms
