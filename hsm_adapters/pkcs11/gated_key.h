// Gated keys compute in this process, but only while the token is there, so that keys of
// HSM level work together or not at all.
//
// Threads: as the keys that they hold. The token outlives them.

#ifndef KMS_PKCS11_GATED_KEY_H_
#define KMS_PKCS11_GATED_KEY_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "hsm_adapters/pkcs11/token.h"
#include "kms/crypto_backend.h"

namespace kms::pkcs11 {

class GatedSymmetricKey final : public SymmetricKey {
 public:
  GatedSymmetricKey(const Token& token, std::shared_ptr<SymmetricKey> key)
      : token_(token), key_(std::move(key)) {}
  Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext) override {
    if (!token_.up()) return token_.DownError();
    return key_->Seal(head, context, plaintext);
  }
  Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body) override {
    if (!token_.up()) return token_.DownError();
    return key_->Open(head, context, body);
  }
  Result<Digest32> Mac(ByteView data) override {
    if (!token_.up()) return token_.DownError();
    return key_->Mac(data);
  }
  std::size_t footprint_bytes() const override { return key_->footprint_bytes(); }

 private:
  const Token& token_;
  const std::shared_ptr<SymmetricKey> key_;
};

class GatedPrivateKey final : public PrivateKey {
 public:
  GatedPrivateKey(const Token& token, std::shared_ptr<PrivateKey> key)
      : token_(token), key_(std::move(key)) {}
  Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) override {
    if (!token_.up()) return token_.DownError();
    return key_->Sign(algorithm, digest);
  }
  Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                              ByteView ciphertext) override {
    if (!token_.up()) return token_.DownError();
    return key_->Decrypt(algorithm, ciphertext);
  }
  Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm, ByteView ciphertext,
                                 std::size_t size) override {
    if (!token_.up()) return token_.DownError();
    return key_->DecryptKey(algorithm, ciphertext, size);
  }
  std::size_t footprint_bytes() const override { return key_->footprint_bytes(); }

 private:
  const Token& token_;
  const std::shared_ptr<PrivateKey> key_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_GATED_KEY_H_
