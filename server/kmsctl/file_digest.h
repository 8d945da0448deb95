// Digests of 32 bytes, of files and in hexadecimal.

#ifndef KMS_SERVER_KMSCTL_FILE_DIGEST_H_
#define KMS_SERVER_KMSCTL_FILE_DIGEST_H_

#include <string>
#include <string_view>

#include "kms/digest.h"
#include "kms/result.h"

namespace kms::server {

// Fails: kInvalidArgument if the file cannot be read.
Result<Digest32> Sha256OfFile(const std::string& path);

// Fails: kInvalidArgument for anything but 64 hexadecimal digits.
Result<Digest32> DigestFromHex(std::string_view hex);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_FILE_DIGEST_H_
