// Digests of 32 bytes, of files and in hexadecimal: what is signed.

#ifndef KMS_SERVER_KMSCTL_FILE_DIGEST_H_
#define KMS_SERVER_KMSCTL_FILE_DIGEST_H_

#include <string>
#include <string_view>

#include "kms/digest.h"
#include "kms/result.h"

namespace kms::server {

// Fails: kInvalidArgument if the file cannot be read.
Result<Digest32> Sha256OfFile(const std::string& path);

// Sm2DigestOfFile returns the e of GB/T 32918.2: SM3 over the file, after SM3 over the
// signer's public key (PEM) and the default identity 1234567812345678.
// Fails: kInvalidArgument if the file cannot be read; kUnavailable if the public key is
// none on the SM2 curve.
Result<Digest32> Sm2DigestOfFile(const std::string& path, std::string_view public_key);

// Fails: kInvalidArgument for anything but 64 hexadecimal digits.
Result<Digest32> DigestFromHex(std::string_view hex);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_FILE_DIGEST_H_
