// Known answers of everything that a token computes for us.

#ifndef KMS_PKCS11_SELF_TEST_H_
#define KMS_PKCS11_SELF_TEST_H_

#include "hsm_adapters/pkcs11/token.h"
#include "hsm_adapters/pkcs11/token_control.h"
#include "kms/crypto_backend.h"

namespace kms::pkcs11 {

// RunTokenSelfTest gives the token known keys, as session objects, and compares. A token
// whose policy lets no keys in is tested by what it makes itself, against `software`.
// Fails: kInternal, naming the algorithm; kUnavailable.
Result<void> RunTokenSelfTest(Token& token, CryptoBackend& software,
                              const Control& control);

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_SELF_TEST_H_
