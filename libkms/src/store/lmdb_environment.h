// LmdbEnvironment: an open LMDB environment, its pool of read transactions, and the
// growth of its map.
//
// Layout, version 1 (all numbers big-endian):
//   database "records": key as given -> revision (8 bytes), value
//   database "meta":    "layout"   -> layout version (4 bytes)
//                       "revision" -> revision of the newest commit (8 bytes)
//
// Threads: reading from any thread. Begin, Grow and AdoptSize want the writer's
// lock, which the caller holds.

#ifndef KMS_STORE_LMDB_ENVIRONMENT_H_
#define KMS_STORE_LMDB_ENVIRONMENT_H_

#include <lmdb.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kms/key_store.h"
#include "store/directory_claim.h"
#include "store/reader_gate.h"

namespace kms {

struct AbortTransaction {
  void operator()(MDB_txn* transaction) const { mdb_txn_abort(transaction); }
};
using LmdbTransaction = std::unique_ptr<MDB_txn, AbortTransaction>;

// LmdbError translates a code of LMDB.
Error LmdbError(int code, const char* what);

class LmdbEnvironment {
 public:
  // Open opens the environment of the directory that `claim` is on, and makes it if
  // there is none: whole, before it gets its name, because LMDB does not open one whose
  // making was interrupted.
  static Result<std::unique_ptr<LmdbEnvironment>> Open(const DirectoryClaim& claim,
                                                       const std::string& directory,
                                                       const LmdbOptions& options);
  ~LmdbEnvironment();
  LmdbEnvironment(const LmdbEnvironment&) = delete;
  LmdbEnvironment& operator=(const LmdbEnvironment&) = delete;

  // BeginRead hands out a read transaction, to be given back by EndRead. On failure
  // `code` of LMDB: MDB_MAP_RESIZED wants AdoptSize.
  int BeginRead(LmdbTransaction* transaction);
  void EndRead(LmdbTransaction transaction) noexcept;

  // BeginWrite waits for the writers of other processes.
  int BeginWrite(LmdbTransaction* transaction);

  // Grow doubles the map. AdoptSize takes over the size that another process gave
  // it. Both wait for the readers of this process, but not for long, and new readers wait
  // meanwhile. After a wait in vain Grow fails at once for as long, so that there is time
  // for readers. One thread at a time.
  // Fails: kUnavailable.
  Result<void> Grow();
  Result<void> AdoptSize();
  // How often the map has moved: whoever waited for it can see that it did.
  std::uint64_t moves() const { return moves_.load(); }

  // IsShortWrite tells whether EIO of a commit stands for a full disk: LMDB reports
  // a write that was cut short so. In doubt it is a real one.
  bool IsShortWrite() const;

  // Frees the slots of readers that were killed. Cheap; call it now and then.
  void CheckReaders() { mdb_reader_check(environment_, nullptr); }

  MDB_dbi records() const { return records_; }
  MDB_dbi meta() const { return meta_; }

 private:
  static Result<std::unique_ptr<LmdbEnvironment>> New(const LmdbOptions& options);
  static Result<void> Make(const std::string& directory, const LmdbOptions& options);

  LmdbEnvironment(MDB_env* environment, std::size_t max_map_size)
      : environment_(environment), max_map_size_(max_map_size) {}

  Result<void> OpenDatabases();
  Result<void> Resize(std::size_t size);

  MDB_env* environment_;
  const std::size_t max_map_size_;
  MDB_dbi records_ = 0;
  MDB_dbi meta_ = 0;
  int witness_ = -1;  // an own descriptor of the data file, for IsShortWrite
  ReaderGate gate_;
  std::chrono::steady_clock::time_point grow_again_{};
  std::atomic<std::uint64_t> moves_{0};
  std::mutex pool_mutex_;
  std::vector<LmdbTransaction> pool_;  // reset, ready to be renewed
};

}  // namespace kms

#endif  // KMS_STORE_LMDB_ENVIRONMENT_H_
