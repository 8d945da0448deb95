#include "hsm_adapters/pkcs11/backend.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "crypto/pair_test.h"
#include "crypto/rsa_padding.h"
#include "crypto/sm2_der.h"
#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/rsa.h"
#include "hsm_adapters/pkcs11/self_test.h"
#include "hsm_adapters/pkcs11/sm2_key.h"
#include "keys/records.h"

namespace kms::pkcs11 {
namespace {

constexpr CK_ULONG kAesSize = 32;
// 32 bytes, as RFC 5649 wraps them.
constexpr std::size_t kWrappedAesSize = 40;
constexpr CK_ULONG kRsaBits = 2048;

std::string ObjectId(std::string_view instance) {
  return "libkms/" + std::string(instance);
}

// Attributes that name a token object; a session object needs none.
void AddName(const Place& place, Template* object) {
  object->Text(CKA_ID, ObjectId(place.instance))
      .Text(CKA_LABEL, "libkms key " + std::string(place.object));
}

Template SecretKey(CK_KEY_TYPE type, bool token, bool extractable) {
  Template key;
  key.Number(CKA_CLASS, CKO_SECRET_KEY)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, token)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, extractable);
  return key;
}

Template PrivateKeyOf(CK_KEY_TYPE type, bool token, bool extractable) {
  Template key;
  key.Number(CKA_CLASS, CKO_PRIVATE_KEY)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, token)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, extractable);
  return key;
}

void AddRsaUse(std::string_view purpose, Template* key) {
  const bool for_import = purpose == "import-key";
  key->Flag(CKA_DECRYPT, true).Flag(CKA_SIGN, true).Flag(CKA_UNWRAP, for_import);
}

// Uses a key that computes in this process only while the token is there, so that keys
// of HSM level work together or not at all.
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

// One byte that says which; then the root's index and the wrapped key, or the name of the
// object in the token.
struct Pkcs11Backend::Material {
  enum class Kind : std::uint8_t { kWrapped = 1, kObject = 2 };

  Kind kind = Kind::kWrapped;
  std::uint32_t root = 0;
  Bytes wrapped;
  std::string instance;
  Bytes public_key;               // not sealed, nor is this
  std::optional<CipherUse> only;  // what the object in the token was made for

  Bytes Encode() const {
    const bool object = kind == Kind::kObject;
    const ByteView rest = object ? AsBytes(instance) : ByteView(wrapped);
    const auto index = BigEndian(root);
    Bytes encoded(1 + (object ? 0 : index.size()) + rest.size());
    encoded[0] = static_cast<std::uint8_t>(kind);
    if (!object) std::ranges::copy(index, encoded.begin() + 1);
    std::ranges::copy_backward(rest, encoded.end());
    return encoded;
  }

  static std::optional<Material> Decode(ByteView encoded) {
    Material material;
    if (encoded.empty()) return std::nullopt;
    material.kind = static_cast<Kind>(encoded[0]);
    encoded = encoded.subspan(1);
    if (material.kind == Kind::kObject) {
      material.instance = AsText(encoded);
      return material;
    }
    if (material.kind != Kind::kWrapped || encoded.size() < 4) return std::nullopt;
    material.root = FromBigEndian(encoded.first(4));
    material.wrapped.assign(encoded.begin() + 4, encoded.end());
    return material;
  }
};

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

Result<Pkcs11Backend::Material> Pkcs11Backend::OpenMaterial(const Place& place,
                                                            ByteView sealed) const {
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

Result<Pkcs11Backend::Material> Pkcs11Backend::VendorMaterial(
    const Place& place, ByteView sealed, bool can, const Error& otherwise) const {
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
