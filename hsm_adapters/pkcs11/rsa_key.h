// An RSA private key inside the token.

#ifndef KMS_PKCS11_RSA_KEY_H_
#define KMS_PKCS11_RSA_KEY_H_

#include <memory>

#include "hsm_adapters/pkcs11/token.h"
#include "hsm_adapters/pkcs11/token_control.h"
#include "kms/crypto_backend.h"

namespace kms::pkcs11 {

// Whether the token decrypts with RSA keys, in one way or another.
bool CanRsaDecrypt(const Token& token);

class TokenRsaKey final : public PrivateKey {
 public:
  TokenRsaKey(Token& token, TokenKey::Make make, Control control);

  // Fails: as the making of the key.
  Result<void> ReadModulus();

  Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) override;
  Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                              ByteView ciphertext) override;
  Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm, ByteView ciphertext,
                                 std::size_t size) override;
  std::size_t footprint_bytes() const override { return 4 * 1024; }
  bool waits() const override { return true; }

  // For who unwraps under it.
  const std::shared_ptr<TokenKey>& object() const { return key_; }

 private:
  Token& token_;
  const std::shared_ptr<TokenKey> key_;
  const Control control_;
  Bytes modulus_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_RSA_KEY_H_
