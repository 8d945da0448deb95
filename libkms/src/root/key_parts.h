// KeyParts: the files of the software root key, in up to three folders.
//
// A file holds one part of one generation: the line "libkms <part> 1", then the
// part's bytes; mode 0600; "wrap.1", "private.1", "root.1". A generation is written
// under temporary names ("root.1.tmp") and put in place with root last, so that one
// without its root part was never used.
//
// Threads: one at a time. Several processes must be kept apart by the caller.

#ifndef KMS_ROOT_KEY_PARTS_H_
#define KMS_ROOT_KEY_PARTS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/root_key.h"
#include "kms/secret_bytes.h"

namespace kms::internal {

// In the order in which they are put in place.
enum class Part : std::uint8_t { kWrap, kPrivate, kRoot };
inline constexpr std::array<Part, 3> kParts = {Part::kWrap, Part::kPrivate, Part::kRoot};

struct PartFile {
  Part part;
  std::uint64_t generation;
  bool temporary = false;
};

class KeyParts {
 public:
  // `after_step` is called after each change to a file or folder.
  KeyParts(const SoftwareRootKeyFolders& folders, std::function<void()> after_step);

  // List returns every file that is there, of other names nothing.
  // Fails: kUnavailable.
  Result<std::vector<PartFile>> List() const;

  // Read returns the bytes of a part.
  // Fails: kCorrupt if it is missing or no such part; kDenied for a file that others
  // may read; kUnavailable.
  Result<SecretBytes> Read(Part part, std::uint64_t generation) const;

  // WriteTemporary writes a part, durably but for its name. PutInPlace gives all parts
  // of a generation their names, durably and one after the other.
  // Fail: kUnavailable.
  Result<void> WriteTemporary(Part part, std::uint64_t generation,
                              ByteView content) const;
  Result<void> PutInPlace(std::uint64_t generation) const;

  // Remove removes the files in this order, each durably before the next.
  // Fails: kUnavailable.
  Result<void> Remove(const std::vector<PartFile>& files) const;

 private:
  const std::string& FolderOf(Part part) const;
  std::string PathOf(const PartFile& file) const;
  Result<void> SyncFolder(Part part) const;

  const SoftwareRootKeyFolders folders_;
  const std::function<void()> after_step_;
};

}  // namespace kms::internal

#endif  // KMS_ROOT_KEY_PARTS_H_
