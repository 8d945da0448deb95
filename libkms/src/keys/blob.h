// The head of a ciphertext blob, which names the key and the version that made it:
// "0064", the hexadecimal length of what follows, and 100 characters of base64 of
// "<key id>&<version id>" (docs/record_format.md).

#ifndef KMS_KEYS_BLOB_H_
#define KMS_KEYS_BLOB_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "kms/bytes.h"

namespace kms {

inline constexpr std::size_t kBlobHeadSize = 104;

struct BlobHead {
  std::string key;
  std::string version;
};

// Both are UUIDs.
std::string WriteBlobHead(std::string_view key, std::string_view version);

// ReadBlobHead returns what the head of `blob` names, or nothing if it is none.
std::optional<BlobHead> ReadBlobHead(ByteView blob);

}  // namespace kms

#endif  // KMS_KEYS_BLOB_H_
