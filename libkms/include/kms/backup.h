// Backups: a whole store as one stream of bytes, and a store made of such a stream.
//
// The stream holds what the store holds: names, states and dates in clear, and secrets as
// they are stored, sealed under the root key. The root key and what a token holds are not
// in it, and a restored store is worth nothing without them. It has a digest against
// accidents, and nothing against people: whoever takes it from the machine encrypts and
// authenticates it (`kmsctl backup` does; docs/file_format.md).
//
// Threads: free of shared state.

#ifndef KMS_BACKUP_H_
#define KMS_BACKUP_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "kms/bytes.h"
#include "kms/clock.h"
#include "kms/digest.h"
#include "kms/key_store.h"
#include "kms/result.h"

namespace kms {

// What a backup says of itself.
struct BackupManifest {
  UnixMillis created = 0;
  Revision revision = 0;    // that the store had
  std::uint64_t epoch = 0;  // how often it had been opened for service
  // How many records there are of each kind, such as "key" (docs/record_format.md).
  std::map<std::string, std::uint64_t> records;
  Digest32 digest{};  // SHA-256 of all that stands before the manifest
};

// StoreBackup is the stream of one revision of a store, while others may use and change
// it. It holds a snapshot for as long as it lives, and little else in memory.
class StoreBackup {
 public:
  // Begin fails with kNotFound if the store was never opened for service; kUnavailable;
  // kCorrupt. The store outlives the backup.
  static Result<std::unique_ptr<StoreBackup>> Begin(const KeyStore& store,
                                                    const Clock& clock);
  StoreBackup(const StoreBackup&) = delete;
  StoreBackup& operator=(const StoreBackup&) = delete;
  ~StoreBackup();

  // Read gives up to as many bytes as there is room for, and returns how many; 0 at the
  // end. Fails: kUnavailable, kCorrupt.
  Result<std::size_t> Read(std::span<std::uint8_t> room);

  // Complete once Read has returned 0.
  const BackupManifest& manifest() const;

 private:
  class Impl;
  explicit StoreBackup(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// StoreRestore makes a store of such a stream, in a directory. The store is complete and
// durable once Finish has succeeded; what a failure leaves in the directory is to be
// thrown away. So restore into a folder beside the place, and rename it.
//
// A restored store does not take up where the backup was made, since others may have
// gone on from there:
// - its revision goes on by 2^20 for each second since 1970, so that no audit event gets
//   a name that an event after the backup had;
// - of the random nonces that a key in a token may still have used, it has a sixteenth.
// What is sealed otherwise needs no such care: each process draws salts of its own.
class StoreRestore {
 public:
  // Begin takes a directory that exists and is empty.
  // Fails: kAlreadyExists if it is not empty; as OpenLmdbKeyStore.
  static Result<std::unique_ptr<StoreRestore>> Begin(const Clock& clock,
                                                     const std::string& directory);
  StoreRestore(const StoreRestore&) = delete;
  StoreRestore& operator=(const StoreRestore&) = delete;
  ~StoreRestore();

  // Write takes the next bytes of the stream, in pieces of any size.
  // Fails: kCorrupt for what is no such stream; kUnsupported for one of a newer release;
  // kUnavailable if the directory cannot be written.
  Result<void> Write(ByteView bytes);

  // Finish fails with kCorrupt for a stream that was cut or changed; kExhausted if no
  // revision is left; kUnavailable.
  Result<BackupManifest> Finish();

 private:
  class Impl;
  explicit StoreRestore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms

#endif  // KMS_BACKUP_H_
