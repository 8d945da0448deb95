// What a signer of SM2 hashes of himself before his message.
//
// Threads: none of it has state.

#ifndef KMS_SM2_IDENTITY_H_
#define KMS_SM2_IDENTITY_H_

#include "kms/bytes.h"
#include "kms/digest.h"

namespace kms {

// Sm2Identity returns the Z of GB/T 32918.2, 5.5: SM3 over the default identity
// 1234567812345678 (GB/T 32918.5), the curve, and the public key's `coordinates`, x and
// y, 64 bytes. The e that is signed is SM3 over Z and the message.
Digest32 Sm2Identity(ByteView coordinates);

// Sm2Digest returns that e.
Digest32 Sm2Digest(ByteView coordinates, ByteView message);

}  // namespace kms

#endif  // KMS_SM2_IDENTITY_H_
