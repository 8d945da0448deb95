// LmdbLoader: fills a new LMDB store with records that have their revisions already.
//
// Threads: one at a time.

#ifndef KMS_STORE_LMDB_LOADER_H_
#define KMS_STORE_LMDB_LOADER_H_

#include <memory>
#include <span>
#include <string>

#include "kms/key_store.h"
#include "store/directory_claim.h"
#include "store/lmdb_environment.h"

namespace kms {

class LmdbLoader {
 public:
  // Create makes the store in `directory`, which exists and is empty.
  // Fails: kAlreadyExists if it is not empty; as OpenLmdbKeyStore.
  static Result<std::unique_ptr<LmdbLoader>> Create(const std::string& directory);

  // Put writes the records, durably.
  // Fails: kInvalidArgument for a key or a value over its limit; kUnavailable.
  Result<void> Put(std::span<const Record> records);

  // Finish makes `newest` the revision that the next update follows, and the store one
  // that opens.
  // Fails: kUnavailable.
  Result<void> Finish(Revision newest);

 private:
  LmdbLoader(std::string directory, DirectoryClaim claim,
             std::unique_ptr<LmdbEnvironment> environment)
      : directory_(std::move(directory)),
        claim_(std::move(claim)),
        environment_(std::move(environment)) {}

  // Commits what `write` writes, and makes room for it. `write` returns a code of LMDB.
  template <typename Write>
  Result<void> Commit(const Write& write);

  const std::string directory_;
  const DirectoryClaim claim_;
  const std::unique_ptr<LmdbEnvironment> environment_;  // closed before the claim ends
};

}  // namespace kms

#endif  // KMS_STORE_LMDB_LOADER_H_
