// An SM2 private key inside a token whose vendor has mechanisms for it.

#ifndef KMS_PKCS11_SM2_KEY_H_
#define KMS_PKCS11_SM2_KEY_H_

#include <memory>

#include "hsm_adapters/pkcs11/token.h"
#include "hsm_adapters/pkcs11/token_control.h"
#include "kms/crypto_backend.h"

namespace kms::pkcs11 {

// Whether the operator has named the mechanisms, and the token has them.
bool CanSm2(const Token& token);
bool CanSm4(const Token& token);

class TokenSm2Key final : public PrivateKey {
 public:
  // `software` knows the curve. All outlive the key.
  TokenSm2Key(Token& token, CryptoBackend& software, TokenKey::Make make,
              Control control);

  Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) override;
  Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                              ByteView ciphertext) override;
  Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm, ByteView ciphertext,
                                 std::size_t size) override;
  std::size_t footprint_bytes() const override { return 4 * 1024; }
  bool waits() const override { return true; }

 private:
  Token& token_;
  CryptoBackend& software_;
  const std::shared_ptr<TokenKey> key_;
  const Control control_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_SM2_KEY_H_
