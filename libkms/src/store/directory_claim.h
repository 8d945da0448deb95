// DirectoryClaim: that this process has a store directory open, once.
//
// LMDB lets one process open an environment twice and then loses its locks. The
// claim is a lock on one byte of a lock file, at the offset of the process id: a
// second claim of the same process meets it, another process has another byte. The
// first byte is nobody's, and locked by whoever must be alone. (The lock belongs to the
// open file, so it ends with the process, whatever way that ends.)

#ifndef KMS_STORE_DIRECTORY_CLAIM_H_
#define KMS_STORE_DIRECTORY_CLAIM_H_

#include <functional>
#include <string>
#include <utility>

#include "kms/result.h"

namespace kms {

class DirectoryClaim {
 public:
  // Take claims `directory`.
  // Fails: kAlreadyExists if this process has claimed it; kUnsupported on a network
  // file system; kUnavailable if it cannot be used.
  static Result<DirectoryClaim> Take(const std::string& directory);

  DirectoryClaim(DirectoryClaim&& other) noexcept
      : file_(std::exchange(other.file_, -1)) {}
  DirectoryClaim(const DirectoryClaim&) = delete;
  DirectoryClaim& operator=(const DirectoryClaim&) = delete;
  ~DirectoryClaim();

  // Alone runs `work` while no other process runs any on this directory.
  // Fails: what `work` returns; kUnavailable if it cannot be locked.
  Result<void> Alone(const std::function<Result<void>()>& work) const;

 private:
  explicit DirectoryClaim(int file) : file_(file) {}

  int file_;
};

// SyncDirectory makes the names of new files in `directory` durable.
Result<void> SyncDirectory(const std::string& directory);

}  // namespace kms

#endif  // KMS_STORE_DIRECTORY_CLAIM_H_
