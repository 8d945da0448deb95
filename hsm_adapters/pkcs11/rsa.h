// What RSA needs outside the token: public keys as DER, what raw RSA signs, and the
// numbers of a key, by libcrypto. crypto/rsa_padding.h decodes what it decrypts.

#ifndef KMS_PKCS11_RSA_H_
#define KMS_PKCS11_RSA_H_

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "kms/bytes.h"
#include "kms/crypto_backend.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::pkcs11 {

// SubjectPublicKeyInfo of an RSA key. Fails: kHsmUnavailable if the numbers, which come
// from a token, make no key of 2048 bits.
Result<Bytes> RsaPublicKeyInfo(ByteView modulus, ByteView exponent);

// DigestInfo of a SHA-256 digest, for raw PKCS#1 v1.5 signatures.
Bytes Sha256DigestInfo(ByteView digest);

// Whether `ciphertext` has the length of `modulus` and is less than it, as numbers.
bool IsRsaCiphertext(ByteView ciphertext, ByteView modulus);

// The numbers of an RSA private key; from PKCS#8 DER.
struct RsaNumbers {
  Bytes modulus, public_exponent;
  SecretBytes private_exponent, prime1, prime2, exponent1, exponent2, coefficient;

  void AddTo(Template* key) const;
};
// Fails: kInternal if it is none.
Result<RsaNumbers> ReadRsaNumbers(ByteView pkcs8);

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_RSA_H_
