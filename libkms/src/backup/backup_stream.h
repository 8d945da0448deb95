// The bytes of a backup (docs/file_format.md), written and read one record at a time.
//
// Threads: one at a time.

#ifndef KMS_BACKUP_BACKUP_STREAM_H_
#define KMS_BACKUP_BACKUP_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/hasher.h"
#include "kms/backup.h"

namespace kms {

class BackupStreamWriter {
 public:
  // Begin, Add and Finish append to `out`; Finish the manifest, whose counts and digest
  // it fills in.
  void Begin(std::string& out);
  void Add(const Record& record, std::string& out);
  void Finish(BackupManifest& manifest, std::string& out);

 private:
  Hasher hasher_{DigestAlgorithm::kSha256};
  std::map<std::string, std::uint64_t> records_;
};

class BackupStreamReader {
 public:
  // Add takes the next bytes of the stream.
  void Add(ByteView bytes);

  // Next returns the next record, in the order of keys, or nothing as long as its bytes
  // are not all there.
  // Fails: kCorrupt; kUnsupported for a newer format.
  Result<std::optional<Record>> Next();

  // Finish returns the manifest, which fits what was read and is all that is left.
  // Fails: kCorrupt.
  Result<BackupManifest> Finish();

 private:
  std::string_view rest() const { return std::string_view(buffer_).substr(at_); }
  void Skip(std::size_t size);
  Result<bool> TakeMagic();

  std::string buffer_;
  std::size_t at_ = 0;  // what of it was taken
  bool begun_ = false;
  Hasher hasher_{DigestAlgorithm::kSha256};
  std::map<std::string, std::uint64_t> records_;
  std::string last_key_;
};

// KindOf is what a record is: the first part of its store key.
std::string KindOf(std::string_view store_key);

}  // namespace kms

#endif  // KMS_BACKUP_BACKUP_STREAM_H_
