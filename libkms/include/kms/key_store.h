// KeyStore: ordered, transactional records; where everything that the KMS knows
// lives between uses.
//
// A store holds values under binary keys and knows nothing about either: what a
// record means is the business of the services, and everything secret is sealed
// before it gets here (kms/root_key.h). Keys are 1 to 480 bytes, ordered
// bytewise; values are up to 1 MiB.
//
// Every committed update has a revision, one higher than the update before it,
// over all processes on the store. A record carries the revision that wrote it.
//
// Threads:    one store may be used from many threads at once; a Snapshot or a
//             Transaction by one thread at a time.
// Durability: an update that reported success survives a crash right after.

#ifndef KMS_KEY_STORE_H_
#define KMS_KEY_STORE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kms/result.h"

namespace kms {

using Revision = std::uint64_t;

struct Record {
  std::string key;
  std::string value;
  Revision revision = 0;  // of the update that wrote it
};

// A value inside a snapshot: valid until the snapshot is destroyed.
struct RecordView {
  std::string_view value;
  Revision revision = 0;
};

// The limit of a Scan that returns every record.
inline constexpr std::size_t kAllRecords = static_cast<std::size_t>(-1);

// Reader: what a snapshot and a transaction have in common.
class Reader {
 public:
  virtual ~Reader();

  // Get returns the record under `key`, or nothing. Inside a transaction the
  // transaction's own writes are seen, with revision 0, and a view is valid until
  // the next write.
  // Fails: kUnavailable, kCorrupt.
  virtual Result<std::optional<RecordView>> Get(std::string_view key) const = 0;

  // Scan returns up to `limit` records whose keys begin with `prefix` and are not
  // less than `from` (empty: from the first), in order.
  // Fails: kUnavailable, kCorrupt.
  virtual Result<std::vector<Record>> Scan(std::string_view prefix, std::string_view from,
                                           std::size_t limit) const = 0;
};

// Snapshot: the store as it was at one revision. Hold it for a request, never
// longer (it pins old pages), and never across an Update of the same thread.
class Snapshot : public Reader {
 public:
  virtual Revision revision() const = 0;
};

// Transaction: reads as of a snapshot, and writes that take effect together.
class Transaction : public Reader {
 public:
  // Put sets the value under `key`.
  virtual void Put(std::string_view key, std::string_view value) = 0;

  // Append puts `value` under `prefix` and a suffix of 10 bytes that grows with
  // the order of commits, so that writers of a log never conflict.
  virtual void Append(std::string_view prefix, std::string_view value) = 0;

  // Erase removes the record under `key`, if there is one.
  virtual void Erase(std::string_view key) = 0;
};

class KeyStore {
 public:
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;
  virtual ~KeyStore();

  // Read returns a snapshot of the newest revision.
  // Fails: kUnavailable.
  virtual Result<std::unique_ptr<Snapshot>> Read() const = 0;

  // Update runs `change` and commits what it wrote, if nothing that it read has
  // changed meanwhile; otherwise it runs `change` again. So `change` may run more
  // than once, also on another thread while the caller waits, and holds no key
  // generation, token call, clock or randomness; it calls nothing of the store but
  // its Transaction. If it returns an error, nothing is written and Update returns
  // that error. A change that writes nothing commits nothing.
  // Returns the revision of the commit.
  // Fails: what `change` returns; kUnavailable when the store cannot be written
  // (disk full, I/O error): then nothing was changed, or, if Check fails from then on,
  // it shows when the store is opened anew whether the change was made;
  // kInvalidArgument for a key or a value over its limit.
  virtual Result<Revision> Update(
      const std::function<Result<void>(Transaction&)>& change) = 0;

  // Check fails with kUnavailable once a write has failed in a way that leaves open what
  // is on the disk: the store takes no more updates then, and is opened anew by a process
  // that is started anew.
  virtual Result<void> Check() const = 0;

  // WaitForChange blocks until the store is newer than `seen`, by whichever
  // process, or until `patience` is over, and returns the newest revision. An
  // optimisation only: correctness rests on reading snapshots.
  virtual Result<Revision> WaitForChange(Revision seen,
                                         std::chrono::milliseconds patience) const = 0;

 protected:
  KeyStore() = default;
};

// NewMemoryKeyStore returns an empty store that forgets everything when it is
// destroyed. For tests and demos.
std::unique_ptr<KeyStore> NewMemoryKeyStore();

struct LmdbOptions {
  // The size to start with; the map grows by itself when it is full.
  std::size_t map_size_bytes = std::size_t{1} << 30;
  // Where growing ends, and updates are refused with kUnavailable.
  std::size_t max_map_size_bytes = std::size_t{1} << 40;
};

// OpenLmdbKeyStore opens the LMDB store in `directory`, which exists and is on a
// local file system, and creates it if the directory holds none. Several
// processes may have it open; one process only once.
// Fails: kAlreadyExists if this process has it open; kUnsupported for a newer
// format or a network file system; kCorrupt; kUnavailable.
Result<std::unique_ptr<KeyStore>> OpenLmdbKeyStore(const std::string& directory,
                                                   const LmdbOptions& options = {});

}  // namespace kms

#endif  // KMS_KEY_STORE_H_
