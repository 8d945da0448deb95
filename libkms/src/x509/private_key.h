// Private keys on their way in and out: between PKCS#8 (RFC 5958) and the form in which
// CryptoBackend keeps them.
//
// That form is PKCS#8 for RSA, and the scalar of 32 bytes for SM2. In PKCS#8, SM2 keys
// are id-ecPublicKey with the curve sm2p256v1 by name, and have their public key with
// them (RFC 5915): as OpenSSL writes and reads them.
//
// Keys are in SecretBytes. While they are converted, OpenSSL has copies of its own, and
// wipes all of them only where the process has told it to, as kmsd does
// (CRYPTO_set_mem_functions). Threads: none of it has state.

#ifndef KMS_X509_PRIVATE_KEY_H_
#define KMS_X509_PRIVATE_KEY_H_

#include <string>

#include "kms/bytes.h"
#include "kms/crypto_backend.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::x509 {

struct KeyPair {
  KeySpec spec;
  SecretBytes secret;  // as the backend keeps it
  Bytes public_key;    // SubjectPublicKeyInfo, as the backend makes it
};

// FromPkcs8 reads an RSA key of 2048 bits with two primes, or an SM2 key, and checks that
// the numbers of the key fit together.
// Fails: kUnsupported with Reason::kBadKeySpec for other keys; kInvalidArgument with
// Reason::kBadParameter for what is no key, or one that does not fit together.
Result<KeyPair> FromPkcs8(ByteView pkcs8);

// ToPkcs8 is the way back, with the same checks.
// Fails: kCorrupt with Reason::kKeyDecryptionFailed if `secret` is no such key.
Result<SecretBytes> ToPkcs8(KeySpec spec, const SecretBytes& secret);

// EncryptedPkcs8 returns PEM with the label ENCRYPTED PRIVATE KEY: PBES2 (RFC 8018) with
// PBKDF2 of HMAC-SHA-256 and AES-256-CBC.
// Fails: as ToPkcs8; kInvalidArgument with Reason::kBadParameter about `passPhrase` if
// that is empty or longer than 1024 bytes.
Result<std::string> EncryptedPkcs8(KeySpec spec, const SecretBytes& secret,
                                   const SecretBytes& pass_phrase);

}  // namespace kms::x509

#endif  // KMS_X509_PRIVATE_KEY_H_
