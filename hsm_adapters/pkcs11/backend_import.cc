// Pkcs11Backend: how keys that were made elsewhere come in.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "crypto/pair_test.h"
#include "crypto/rsa_padding.h"
#include "hsm_adapters/pkcs11/backend.h"
#include "hsm_adapters/pkcs11/key_template.h"
#include "hsm_adapters/pkcs11/material.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/rsa.h"

namespace kms::pkcs11 {

Result<WrappedKey> Pkcs11Backend::Import(KeySpec spec, const Place& place,
                                         const SecretBytes& bytes) {
  if (spec != KeySpec::kAes256) {
    if (!token_.up()) return token_.DownError();
    KMS_TRY(WrappedKey made, software_.Import(spec, place, bytes));
    made.root = roots_.newest();
    return made;
  }
  if (bytes.size() != kAesSize) return Reason::kBadAesKeyLength;
  Material material;
  material.kind = keeps_objects() ? Material::Kind::kObject : Material::Kind::kWrapped;
  material.instance = place.instance;
  material.root = roots_.newest();
  KMS_TRY(material.wrapped,
          token_.Call([this, kept = keeps_objects(), use = Use(), root = material.root,
                       object = std::string(place.object), instance = material.instance,
                       secret = bytes.Clone()](Access& access) -> Result<Bytes> {
            Template key = SecretKey(CKK_AES, kept, !kept);
            if (kept) {
              KMS_CHECK_OK(RemoveObjects(access, ObjectId(instance)));
              AddUse(use, &key);
              AddName({{}, object, {}, {}, instance}, &key);
            }
            key.Secret(CKA_VALUE, secret.Reveal());
            KMS_TRY(const CK_OBJECT_HANDLE made, access.Keep()->Create(std::move(key)));
            if (kept) return Bytes();
            const ScopedObject session_object(access, made);
            return Wrap(access, root, made);
          }));
  if (keeps_objects()) KMS_CHECK_OK(SyncFolder(token_.config().sync_folder));
  return SealMaterial(place, std::move(material));
}

Result<WrappedKey> Pkcs11Backend::ImportPair(KeySpec spec, const Place& place,
                                             const SecretBytes& secret,
                                             ByteView subject_public_key) {
  if (spec != KeySpec::kRsa2048) {
    if (!token_.up()) return token_.DownError();
    KMS_TRY(WrappedKey made,
            software_.ImportPair(spec, place, secret, subject_public_key));
    made.root = roots_.newest();
    return made;
  }
  auto numbers = ReadRsaNumbers(secret.Reveal());
  const auto public_key = software_.LoadPublic(subject_public_key);
  if (!numbers || !public_key || (*public_key)->spec() != spec)
    return Reason::kBadParameter;
  Material material;
  material.kind = keeps_objects() ? Material::Kind::kObject : Material::Kind::kWrapped;
  material.instance = place.instance;
  material.root = roots_.newest();
  material.public_key.assign(subject_public_key.begin(), subject_public_key.end());
  KMS_TRY(material.wrapped,
          token_.Call([this, kept = keeps_objects(), root = material.root,
                       purpose = std::string(place.purpose),
                       object = std::string(place.object), instance = material.instance,
                       rsa = *std::move(numbers)](Access& access) -> Result<Bytes> {
            Template key = PrivateKeyOf(CKK_RSA, kept, !kept);
            AddRsaUse(purpose, &key);
            rsa.AddTo(&key);
            if (kept) {
              KMS_CHECK_OK(RemoveObjects(access, ObjectId(instance)));
              AddName({{}, object, {}, {}, instance}, &key);
            }
            KMS_TRY(const CK_OBJECT_HANDLE made, access.Keep()->Create(std::move(key)));
            if (kept) return Bytes();
            const ScopedObject session_object(access, made);
            return Wrap(access, root, made);
          }));
  if (keeps_objects()) KMS_CHECK_OK(SyncFolder(token_.config().sync_folder));
  KMS_TRY(WrappedKey key, SealMaterial(place, std::move(material)));
  KMS_TRY(const auto private_key, LoadRsa(place, key.sealed));
  const auto fits = internal::TestPair(spec, *private_key, **public_key);
  if (!fits && fits.error().reason() == Reason::kKeyCreationFailed)
    return Reason::kBadParameter;
  if (!fits) return fits.error();
  return key;
}

Result<ImportedKey> Pkcs11Backend::ImportWrapped(KeySpec spec, const Place& place,
                                                 const WrappingPair& pair,
                                                 ByteView wrapped, ByteView label) {
  const bool here = spec == KeySpec::kAes256 && !keeps_objects() &&
                    pair.algorithm == EncryptionAlgorithm::kRsaOaepSha1 &&
                    token_.Has(CKM_RSA_PKCS_OAEP, CKF_UNWRAP) &&
                    token_.Has(CKM_SHA256_HMAC, CKF_SIGN) &&
                    token_.Has(CKM_AES_ECB, CKF_ENCRYPT);
  if (here) {
    KMS_TRY(auto imported, UnwrapInToken(place, pair, wrapped, label));
    if (imported) return *std::move(imported);
  }
  // What the token does not take is opened here. That also tells what is wrong with it.
  return CryptoBackend::ImportWrapped(spec, place, pair, wrapped, label);
}

Result<std::optional<ImportedKey>> Pkcs11Backend::UnwrapInToken(const Place& place,
                                                                const WrappingPair& pair,
                                                                ByteView wrapped,
                                                                ByteView label) {
  KMS_TRY(const auto private_key, LoadRsa(pair.place, pair.sealed));
  if (wrapped.size() != internal::kRsaSize) return std::optional<ImportedKey>();
  Material material;
  material.root = roots_.newest();
  struct Opened {
    Bytes wrapped, print;
  };
  const auto unwrap =
      [this, key = private_key->object(), root = material.root,
       input = Bytes(wrapped.begin(), wrapped.end()),
       label = Bytes(label.begin(), label.end())](Access& access) -> Result<Opened> {
    KMS_TRY(const CK_OBJECT_HANDLE unwrapping, key->Handle(access));
    CK_RSA_PKCS_OAEP_PARAMS parameters{};
    parameters.hashAlg = CKM_SHA_1;
    parameters.mgf = CKG_MGF1_SHA1;
    parameters.source = CKZ_DATA_SPECIFIED;
    const CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &parameters, sizeof parameters};
    // Twice: as what it is, and as what prints it.
    Template printing = SecretKey(CKK_GENERIC_SECRET, false, false);
    printing.Flag(CKA_SIGN, true);
    KMS_TRY(const CK_OBJECT_HANDLE printing_handle,
            access.Keep()->Unwrap(mechanism, unwrapping, input, std::move(printing)));
    const ScopedObject printer(access, printing_handle);
    Template aes = SecretKey(CKK_AES, false, true);
    aes.Flag(CKA_ENCRYPT, true);
    KMS_TRY(const CK_OBJECT_HANDLE aes_handle,
            access.Keep()->Unwrap(mechanism, unwrapping, input, std::move(aes)));
    const ScopedObject made(access, aes_handle);
    // The token does not tell how long it is, but AES takes 16, 24 or 32 bytes only.
    const Bytes block(16);
    KMS_TRY([[maybe_unused]] const Bytes encrypted,
            access.session().Encrypt({CKM_AES_ECB, nullptr, 0}, made.handle(), block,
                                     block.size()));
    Opened opened;
    KMS_TRY(opened.wrapped, Wrap(access, root, made.handle()));
    KMS_TRY(opened.print, access.session().Sign({CKM_SHA256_HMAC, nullptr, 0},
                                                printer.handle(), label, 32));
    return opened;
  };
  KMS_TRY(auto opened,
          token_.Call([unwrap](Access& access) -> Result<std::optional<Opened>> {
            auto done = unwrap(access);
            if (done) return std::optional(*std::move(done));
            const Remedy remedy = RemedyOf(access.fault());
            if (remedy != Remedy::kRefuse && remedy != Remedy::kReport)
              return done.error();
            access.Settle();
            return std::optional<Opened>();
          }));
  if (!opened || opened->wrapped.size() != kWrappedAesSize)
    return std::optional<ImportedKey>();
  ImportedKey imported;
  std::ranges::copy(opened->print, imported.print.begin());
  material.wrapped = std::move(opened->wrapped);
  KMS_TRY(imported.key, SealMaterial(place, std::move(material)));
  return std::optional(std::move(imported));
}

}  // namespace kms::pkcs11
