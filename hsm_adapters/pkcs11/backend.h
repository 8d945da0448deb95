// Pkcs11Backend: the CryptoBackend of keys of HSM level.
//
// AES_256 and RSA_2048 are made in the token, and leave it wrapped under the newest
// root; the record holds that, sealed once more with its place. A token that cannot wrap
// keeps them as objects, and the record holds their name. SM2 and SM4 are BotanBackend's
// over the token's root; or, where the operator has named a vendor's mechanisms for them
// and the token can wrap, they are made and kept like AES and RSA keys.
//
// Threads: may be used from many threads at once.

#ifndef KMS_PKCS11_BACKEND_H_
#define KMS_PKCS11_BACKEND_H_

#include <memory>
#include <optional>

#include "hsm_adapters/pkcs11/roots.h"
#include "hsm_adapters/pkcs11/rsa_key.h"
#include "hsm_adapters/pkcs11/token.h"
#include "kms/crypto_backend.h"
#include "kms/key_store.h"

namespace kms::pkcs11 {

struct Material;

class Pkcs11Backend final : public CryptoBackend {
 public:
  // All outlive the backend; `software` is a BotanBackend over `roots`.
  Pkcs11Backend(Token& token, Roots& roots, CryptoBackend& software, KeyStore& store,
                Control control);

  Result<void> SelfTest() override;
  Result<SecretBytes> Random(std::size_t size) override;
  Result<WrappedKey> Generate(KeySpec spec, const Place& place) override;
  Result<WrappedKey> Import(KeySpec spec, const Place& place,
                            const SecretBytes& material) override;
  Result<WrappedKey> ImportPair(KeySpec spec, const Place& place,
                                const SecretBytes& secret, ByteView public_key) override;
  Result<ImportedKey> ImportWrapped(KeySpec spec, const Place& place,
                                    const WrappingPair& pair, ByteView wrapped,
                                    ByteView label) override;
  Result<std::shared_ptr<SymmetricKey>> LoadSymmetric(KeySpec spec, const Place& place,
                                                      ByteView sealed) override;
  Result<std::shared_ptr<PrivateKey>> LoadPrivate(KeySpec spec, const Place& place,
                                                  ByteView sealed) override;
  Result<std::shared_ptr<PublicKey>> LoadPublic(ByteView subject_public_key) override;
  bool keeps_objects() const override;
  Result<void> Destroy(std::string_view instance) override;
  Result<void> Check() override;

 private:
  CipherUse Use() const;
  Result<WrappedKey> GenerateAes(const Place& place);
  Result<WrappedKey> GenerateRsa(const Place& place);
  Result<WrappedKey> GenerateSm4(const Place& place);
  Result<WrappedKey> GenerateSm2(const Place& place);
  Result<WrappedKey> SealMaterial(const Place& place, Material material) const;
  Result<Material> OpenMaterial(const Place& place, ByteView sealed) const;
  // The object of `material` for use: unwrapped, or found.
  Result<KeyObject> MakeObject(Access& access, const Material& material,
                               Template key) const;
  Result<std::shared_ptr<TokenRsaKey>> LoadRsa(const Place& place, ByteView sealed) const;
  std::shared_ptr<SymmetricKey> NewSymmetric(const Place& place, Material material,
                                             CK_KEY_TYPE type,
                                             CK_MECHANISM_TYPE sm4_gcm) const;
  // Material of SM2 or SM4 that lives in the token. Fails: `otherwise` if `sealed` holds
  // none; kUnavailable if it does, and `can` is false.
  Result<Material> VendorMaterial(const Place& place, ByteView sealed, bool can,
                                  const Error& otherwise) const;
  // Material that came with OAEP-SHA-1, never outside the token; nothing if the token
  // does not take it, whyever.
  Result<std::optional<ImportedKey>> UnwrapInToken(const Place& place,
                                                   const WrappingPair& pair,
                                                   ByteView wrapped, ByteView label);
  Result<Bytes> Wrap(Access& access, std::uint32_t index, CK_OBJECT_HANDLE key) const;

  Token& token_;
  Roots& roots_;
  CryptoBackend& software_;
  KeyStore& store_;
  const Control control_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_BACKEND_H_
