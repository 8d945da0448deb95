#include "hsm_adapters/pkcs11/backend.h"

#include <optional>
#include <string>
#include <utility>

#include "hsm_adapters/pkcs11/gated_key.h"
#include "hsm_adapters/pkcs11/key_template.h"
#include "hsm_adapters/pkcs11/material.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/self_test.h"
#include "hsm_adapters/pkcs11/sm2_key.h"
#include "keys/records.h"

namespace kms::pkcs11 {
namespace {

class TokenSymmetricKey final : public SymmetricKey {
 public:
  explicit TokenSymmetricKey(TokenCipher::Parts parts) : cipher_(std::move(parts)) {}
  Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext) override {
    return cipher_.Seal(head, context, plaintext);
  }
  Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body) override {
    return cipher_.Open(head, context, body);
  }
  Result<Digest32> Mac(ByteView data) override { return cipher_.Mac(data); }
  std::size_t footprint_bytes() const override { return 64 * 1024; }
  bool waits() const override { return true; }

 private:
  TokenCipher cipher_;
};

}  // namespace

Pkcs11Backend::Pkcs11Backend(Token& token, Roots& roots, CryptoBackend& software,
                             KeyStore& store, Control control)
    : token_(token),
      roots_(roots),
      software_(software),
      store_(store),
      control_(std::move(control)) {}

CipherUse Pkcs11Backend::Use() const {
  return CanDerive(token_) ? CipherUse::kDerive : CipherUse::kEncrypt;
}

bool Pkcs11Backend::keeps_objects() const { return !CanWrap(token_); }

Result<void> Pkcs11Backend::SelfTest() {
  KMS_CHECK_OK(software_.SelfTest());
  return RunTokenSelfTest(token_, software_, control_);
}

Result<SecretBytes> Pkcs11Backend::Random(std::size_t size) {
  return token_.Call([size](Access& access) { return access.session().Random(size); });
}

Result<void> Pkcs11Backend::Check() {
  if (!token_.up()) return token_.DownError();
  return {};
}

Result<WrappedKey> Pkcs11Backend::SealMaterial(const Place& place,
                                               Material material) const {
  KMS_TRY(Bytes sealed, roots_.Seal(place, material.Encode()));
  const bool object = material.kind == Material::Kind::kObject;
  return WrappedKey{std::move(sealed), std::move(material.public_key),
                    object ? roots_.newest() : material.root, object};
}

Result<Material> Pkcs11Backend::OpenMaterial(const Place& place, ByteView sealed) const {
  KMS_TRY(const SecretBytes opened, roots_.Open(place, sealed));
  auto material = Material::Decode(opened.Reveal());
  if (!material) return Reason::kKeyDecryptionFailed;
  if (material->kind == Material::Kind::kObject)
    material->only = roots_.ObjectUse(sealed);
  return *std::move(material);
}

Result<Bytes> Pkcs11Backend::Wrap(Access& access, std::uint32_t index,
                                  CK_OBJECT_HANDLE key) const {
  KMS_TRY(const CK_OBJECT_HANDLE root, roots_.Handle(access, index));
  return access.Keep()->Wrap(WrapMechanism(token_), root, key);
}

Result<KeyObject> Pkcs11Backend::MakeObject(Access& access, const Material& material,
                                            Template key) const {
  if (material.kind == Material::Kind::kWrapped) {
    KMS_TRY(const CK_OBJECT_HANDLE root, roots_.Handle(access, material.root));
    KMS_TRY(const CK_OBJECT_HANDLE handle,
            access.Keep()->Unwrap(WrapMechanism(token_), root, material.wrapped,
                                  std::move(key)));
    return KeyObject{handle};
  }
  Template wanted;
  wanted.Flag(CKA_TOKEN, true).Text(CKA_ID, ObjectId(material.instance));
  KMS_TRY(const auto found, access.Keep()->Find(std::move(wanted)));
  if (found.size() != 1)
    return Error(
        ErrorClass::kCorrupt, Reason::kKeyDecryptionFailed,
        "the token does not have the key's object " + ObjectId(material.instance));
  if (token_.config().copy_token_objects) {
    Template changes;
    changes.Flag(CKA_TOKEN, false);
    const auto copy = access.Keep()->Copy(found.front(), std::move(changes));
    if (copy) return KeyObject{*copy};
    if (RemedyOf(access.fault()) != Remedy::kReport) return copy.error();
    access.Settle();  // a token that does not let its objects be copied
  }
  return KeyObject{found.front(), false};
}

Result<Material> Pkcs11Backend::VendorMaterial(const Place& place, ByteView sealed,
                                               bool can, const Error& otherwise) const {
  // What software_ seals is shorter than anything that is wrapped.
  constexpr std::size_t kLongestInClear = 32;
  KMS_TRY(const SecretBytes opened, roots_.Open(place, sealed));
  if (opened.size() <= kLongestInClear) return otherwise;
  auto material = Material::Decode(opened.Reveal());
  if (!material || material->kind != Material::Kind::kWrapped) return otherwise;
  if (!can)
    return Failed(
        "the key was made with a vendor's mechanisms, which are not "
        "configured, or which the token does not have");
  return *std::move(material);
}

Result<std::shared_ptr<SymmetricKey>> Pkcs11Backend::LoadSymmetric(KeySpec spec,
                                                                   const Place& place,
                                                                   ByteView sealed) {
  if (!IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
  if (spec == KeySpec::kSm4) {
    auto key = software_.LoadSymmetric(spec, place, sealed);
    if (key)
      return std::shared_ptr<SymmetricKey>(
          std::make_shared<GatedSymmetricKey>(token_, std::move(*key)));
    if (key.error().error_class() != ErrorClass::kCorrupt) return key.error();
    KMS_TRY(Material material,
            VendorMaterial(place, sealed, CanSm4(token_), key.error()));
    const Pkcs11VendorMechanisms& vendor = token_.config().vendor;
    return NewSymmetric(place, std::move(material), vendor.sm4_key_type, vendor.sm4_gcm);
  }
  KMS_TRY(Material material, OpenMaterial(place, sealed));
  return NewSymmetric(place, std::move(material), CKK_AES, 0);
}

std::shared_ptr<SymmetricKey> Pkcs11Backend::NewSymmetric(
    const Place& place, Material material, CK_KEY_TYPE type,
    CK_MECHANISM_TYPE sm4_gcm) const {
  auto budget = std::make_unique<NonceBudget>(store_, place::TokenNonces(place));
  const std::optional<CipherUse> only = material.only;
  const auto make = [this, type, material = std::move(material)](
                        Access& access, CipherUse use) -> Result<KeyObject> {
    Template key = SecretKey(type, false, false);
    AddUse(use, &key);
    return MakeObject(access, material, std::move(key));
  };
  return std::make_shared<TokenSymmetricKey>(TokenCipher::Parts{
      token_, software_, std::move(budget), make, only, control_, sm4_gcm});
}

Result<std::shared_ptr<TokenRsaKey>> Pkcs11Backend::LoadRsa(const Place& place,
                                                            ByteView sealed) const {
  KMS_TRY(Material material, OpenMaterial(place, sealed));
  auto key = std::make_shared<TokenRsaKey>(
      token_,
      [this, purpose = std::string(place.purpose),
       material = std::move(material)](Access& access) -> Result<KeyObject> {
        Template unwrapped = PrivateKeyOf(CKK_RSA, false, false);
        AddRsaUse(purpose, &unwrapped);
        return MakeObject(access, material, std::move(unwrapped));
      },
      control_);
  KMS_CHECK_OK(key->ReadModulus());
  return key;
}

Result<std::shared_ptr<PrivateKey>> Pkcs11Backend::LoadPrivate(KeySpec spec,
                                                               const Place& place,
                                                               ByteView sealed) {
  if (IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
  if (spec == KeySpec::kSm2) {
    auto key = software_.LoadPrivate(spec, place, sealed);
    if (key)
      return std::shared_ptr<PrivateKey>(
          std::make_shared<GatedPrivateKey>(token_, std::move(*key)));
    if (key.error().error_class() != ErrorClass::kCorrupt) return key.error();
    KMS_TRY(Material material,
            VendorMaterial(place, sealed, CanSm2(token_), key.error()));
    return std::shared_ptr<PrivateKey>(std::make_shared<TokenSm2Key>(
        token_, software_,
        [this, type = token_.config().vendor.sm2_key_type,
         material = std::move(material)](Access& access) -> Result<KeyObject> {
          Template unwrapped = PrivateKeyOf(type, false, false);
          unwrapped.Flag(CKA_SIGN, true).Flag(CKA_DECRYPT, true);
          return MakeObject(access, material, std::move(unwrapped));
        },
        control_));
  }
  KMS_TRY(auto key, LoadRsa(place, sealed));
  return std::shared_ptr<PrivateKey>(std::move(key));
}

Result<std::shared_ptr<PublicKey>> Pkcs11Backend::LoadPublic(
    ByteView subject_public_key) {
  return software_.LoadPublic(subject_public_key);
}

Result<void> Pkcs11Backend::Destroy(std::string_view instance) {
  KMS_CHECK_OK(token_.Call(
      [id = ObjectId(instance)](Access& access) { return RemoveObjects(access, id); }));
  return SyncFolder(token_.config().sync_folder);
}

}  // namespace kms::pkcs11
