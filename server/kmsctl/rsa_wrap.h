// Wrapping of key material for import: RSA-OAEP with SHA-256 for hash and MGF1.

#ifndef KMS_SERVER_KMSCTL_RSA_WRAP_H_
#define KMS_SERVER_KMSCTL_RSA_WRAP_H_

#include "kms/bytes.h"
#include "kms/result.h"

namespace kms::server {

// `public_key` is a DER SubjectPublicKeyInfo.
// Fails: kUnavailable if it is none; kInvalidArgument if the material is too long.
Result<Bytes> WrapWithRsa(ByteView public_key, ByteView material);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_RSA_WRAP_H_
