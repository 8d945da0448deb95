// Pkcs11Backend: how keys are made.

#include <optional>
#include <string>
#include <utility>

#include "crypto/pair_test.h"
#include "crypto/sm2_der.h"
#include "hsm_adapters/pkcs11/backend.h"
#include "hsm_adapters/pkcs11/key_template.h"
#include "hsm_adapters/pkcs11/material.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/rsa.h"
#include "hsm_adapters/pkcs11/sm2_key.h"

namespace kms::pkcs11 {
namespace {

constexpr CK_ULONG kRsaBits = 2048;

}  // namespace

Result<WrappedKey> Pkcs11Backend::Generate(KeySpec spec, const Place& place) {
  switch (spec) {
    case KeySpec::kAes256:
      return GenerateAes(place);
    case KeySpec::kRsa2048:
      return GenerateRsa(place);
    case KeySpec::kSm2:
      if (CanSm2(token_) && CanWrap(token_)) return GenerateSm2(place);
      break;
    case KeySpec::kSm4:
      if (CanSm4(token_) && CanWrap(token_)) return GenerateSm4(place);
      break;
  }
  if (!token_.up()) return token_.DownError();
  KMS_TRY(WrappedKey made, software_.Generate(spec, place));
  made.root = roots_.newest();
  return made;
}

Result<WrappedKey> Pkcs11Backend::GenerateAes(const Place& place) {
  const CK_MECHANISM generate = {CKM_AES_KEY_GEN, nullptr, 0};
  Material material;
  if (keeps_objects()) {
    material.kind = Material::Kind::kObject;
    material.instance = place.instance;
    KMS_CHECK_OK(
        token_.Call([generate, use = Use(), object = std::string(place.object),
                     instance = material.instance](Access& access) -> Result<void> {
          KMS_CHECK_OK(RemoveObjects(access, ObjectId(instance)));
          Template key = SecretKey(CKK_AES, true, false);
          key.Number(CKA_VALUE_LEN, kAesSize);
          AddUse(use, &key);
          AddName({{}, object, {}, {}, instance}, &key);
          KMS_TRY([[maybe_unused]] const CK_OBJECT_HANDLE made,
                  access.Keep()->GenerateKey(generate, std::move(key)));
          return {};
        }));
    KMS_CHECK_OK(SyncFolder(token_.config().sync_folder));
  } else {
    material.root = roots_.newest();
    KMS_TRY(material.wrapped, token_.Call([this, generate, root = material.root](
                                              Access& access) -> Result<Bytes> {
      Template key = SecretKey(CKK_AES, false, true);
      key.Number(CKA_VALUE_LEN, kAesSize);
      KMS_TRY(const CK_OBJECT_HANDLE handle,
              access.Keep()->GenerateKey(generate, std::move(key)));
      const ScopedObject made(access, handle);
      return Wrap(access, root, made.handle());
    }));
    if (material.wrapped.size() != kWrappedAesSize)
      return Failed("the token wrapped a key of another length than it was to make");
  }
  return SealMaterial(place, std::move(material));
}

Result<WrappedKey> Pkcs11Backend::GenerateRsa(const Place& place) {
  Material material;
  material.kind = keeps_objects() ? Material::Kind::kObject : Material::Kind::kWrapped;
  material.instance = place.instance;
  material.root = roots_.newest();
  struct Made {
    Bytes wrapped, modulus, exponent;
  };
  KMS_TRY(Made made, token_.Call([this, kept = keeps_objects(), root = material.root,
                                  purpose = std::string(place.purpose),
                                  object = std::string(place.object),
                                  instance =
                                      material.instance](Access& access) -> Result<Made> {
    if (kept) KMS_CHECK_OK(RemoveObjects(access, ObjectId(instance)));
    const Bytes f4 = {1, 0, 1};
    Template open;
    open.Flag(CKA_TOKEN, false)
        .Number(CKA_MODULUS_BITS, kRsaBits)
        .Data(CKA_PUBLIC_EXPONENT, f4)
        .Flag(CKA_VERIFY, true)
        .Flag(CKA_ENCRYPT, true);
    Template secret = PrivateKeyOf(CKK_RSA, kept, !kept);
    AddRsaUse(purpose, &secret);
    if (kept) AddName({{}, object, {}, {}, instance}, &secret);
    KMS_TRY(const KeyPairHandles pair,
            access.Keep()->GenerateKeyPair({CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0},
                                           std::move(open), std::move(secret)));
    const ScopedObject open_half(access, pair.public_key);
    std::optional<ScopedObject> secret_half;
    if (!kept) secret_half.emplace(access, pair.private_key);
    Made made;
    KMS_TRY(made.modulus, access.Keep()->Attribute(pair.public_key, CKA_MODULUS));
    KMS_TRY(made.exponent,
            access.Keep()->Attribute(pair.public_key, CKA_PUBLIC_EXPONENT));
    if (!kept) {
      KMS_TRY(made.wrapped, Wrap(access, root, pair.private_key));
    }
    return made;
  }));
  if (keeps_objects()) KMS_CHECK_OK(SyncFolder(token_.config().sync_folder));
  material.wrapped = std::move(made.wrapped);
  KMS_TRY(material.public_key, RsaPublicKeyInfo(made.modulus, made.exponent));
  KMS_TRY(WrappedKey key, SealMaterial(place, std::move(material)));
  KMS_TRY(const auto private_key, LoadRsa(place, key.sealed));
  KMS_TRY(const auto public_key, software_.LoadPublic(key.public_key));
  KMS_CHECK_OK(internal::TestPair(KeySpec::kRsa2048, *private_key, *public_key));
  return key;
}

Result<WrappedKey> Pkcs11Backend::GenerateSm4(const Place& place) {
  Material material;
  material.root = roots_.newest();
  const Pkcs11VendorMechanisms& vendor = token_.config().vendor;
  KMS_TRY(
      material.wrapped,
      token_.Call([this, vendor, root = material.root](Access& access) -> Result<Bytes> {
        KMS_TRY(const CK_OBJECT_HANDLE handle,
                access.Keep()->GenerateKey({vendor.sm4_key_gen, nullptr, 0},
                                           SecretKey(vendor.sm4_key_type, false, true)));
        const ScopedObject made(access, handle);
        return Wrap(access, root, made.handle());
      }));
  return SealMaterial(place, std::move(material));
}

Result<WrappedKey> Pkcs11Backend::GenerateSm2(const Place& place) {
  Material material;
  material.root = roots_.newest();
  const Pkcs11VendorMechanisms& vendor = token_.config().vendor;
  struct Made {
    Bytes wrapped, point;
  };
  KMS_TRY(Made made, token_.Call([this, vendor,
                                  root = material.root](Access& access) -> Result<Made> {
    Template open;
    open.Flag(CKA_TOKEN, false)
        .Number(CKA_KEY_TYPE, vendor.sm2_key_type)
        .Flag(CKA_VERIFY, true)
        .Flag(CKA_ENCRYPT, true);
    Template secret = PrivateKeyOf(vendor.sm2_key_type, false, true);
    secret.Flag(CKA_SIGN, true).Flag(CKA_DECRYPT, true);
    KMS_TRY(const KeyPairHandles pair,
            access.Keep()->GenerateKeyPair({vendor.sm2_key_pair_gen, nullptr, 0},
                                           std::move(open), std::move(secret)));
    const ScopedObject open_half(access, pair.public_key);
    const ScopedObject secret_half(access, pair.private_key);
    Made made;
    KMS_TRY(made.point, access.Keep()->Attribute(pair.public_key, CKA_EC_POINT));
    KMS_TRY(made.wrapped, Wrap(access, root, pair.private_key));
    return made;
  }));
  // An OCTET STRING of 04 x y.
  constexpr std::size_t kHead = 2;
  constexpr std::size_t kPoint = 65;
  if (made.point.size() != kHead + kPoint || made.point[0] != 0x04 ||
      made.point[1] != kPoint)
    return Failed("the token returned an SM2 point that is none");
  material.wrapped = std::move(made.wrapped);
  material.public_key = internal::Sm2PublicKeyInfo(ByteView(made.point).subspan(kHead));
  KMS_TRY(WrappedKey key, SealMaterial(place, std::move(material)));
  KMS_TRY(const auto private_key, LoadPrivate(KeySpec::kSm2, place, key.sealed));
  const auto public_key = software_.LoadPublic(key.public_key);
  if (!public_key) return Failed("the token returned an SM2 point that is none");
  KMS_CHECK_OK(internal::TestPair(KeySpec::kSm2, *private_key, **public_key));
  return key;
}

}  // namespace kms::pkcs11
