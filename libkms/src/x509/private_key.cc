#include "x509/private_key.h"

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "x509/libcrypto.h"
#include "x509/pass_phrase.h"
#include "x509/pem.h"

namespace kms::x509 {
namespace {

constexpr std::size_t kScalar = 32;

// PrivateKeyInfo of SM2 up to the scalar, which ends it.
constexpr std::array<std::uint8_t, 35> kSm2Prefix = {
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01,
    0x82, 0x2d, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20};

struct DecoderFree {
  void operator()(OSSL_DECODER_CTX* p) const { OSSL_DECODER_CTX_free(p); }
};
struct EncoderFree {
  void operator()(OSSL_ENCODER_CTX* p) const { OSSL_ENCODER_CTX_free(p); }
};

std::optional<KeySpec> SpecOf(const PKCS8_PRIV_KEY_INFO* info) {
  const X509_ALGOR* algorithm = nullptr;
  PKCS8_pkey_get0(nullptr, nullptr, nullptr, &algorithm, info);
  const ASN1_OBJECT* type = nullptr;
  int parameter_type = 0;
  const void* parameter = nullptr;
  X509_ALGOR_get0(&type, &parameter_type, &parameter, algorithm);
  if (OBJ_obj2nid(type) == NID_rsaEncryption) return KeySpec::kRsa2048;
  if (OBJ_obj2nid(type) == NID_X9_62_id_ecPublicKey && parameter_type == V_ASN1_OBJECT &&
      OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(parameter)) == NID_sm2)
    return KeySpec::kSm2;
  return std::nullopt;
}

Held<EVP_PKEY> Decode(KeySpec spec, ByteView pkcs8) {
  EVP_PKEY* key = nullptr;
  const std::unique_ptr<OSSL_DECODER_CTX, DecoderFree> decoder(
      OSSL_DECODER_CTX_new_for_pkey(&key, "DER", "PrivateKeyInfo",
                                    spec == KeySpec::kSm2 ? "SM2" : "RSA",
                                    EVP_PKEY_KEYPAIR, Library(), nullptr));
  const std::uint8_t* from = pkcs8.data();
  std::size_t left = pkcs8.size();
  if (decoder == nullptr || OSSL_DECODER_from_data(decoder.get(), &from, &left) != 1)
    return nullptr;
  return Held<EVP_PKEY>(key);
}

SecretBytes Encode(const EVP_PKEY* key) {
  const std::unique_ptr<OSSL_ENCODER_CTX, EncoderFree> encoder(
      OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo",
                                    nullptr));
  unsigned char* der = nullptr;
  std::size_t size = 0;
  if (encoder == nullptr || OSSL_ENCODER_to_data(encoder.get(), &der, &size) != 1)
    return {};
  SecretBytes made = SecretBytes::CopyOf({der, size});
  OPENSSL_clear_free(der, size);
  return made;
}

SecretBytes Scalar(const EVP_PKEY* key) {
  const auto number = Number(key, OSSL_PKEY_PARAM_PRIV_KEY);
  if (number == nullptr) return {};
  return SecretBytes::Filled(kScalar, [&](std::span<std::uint8_t> to) {
    BN_bn2binpad(number.get(), to.data(), static_cast<int>(to.size()));
  });
}

// OpenSSL looks whether the factors are prime before it compares them with the modulus,
// at a cost that grows with the cube of their length.
bool IsBounded(const EVP_PKEY* key) {
  for (const char* const name :
       {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
        OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
        OSSL_PKEY_PARAM_RSA_COEFFICIENT1}) {
    const auto number = Number(key, name);
    if (number != nullptr && BN_num_bits(number.get()) > EVP_PKEY_get_bits(key))
      return false;
  }
  return true;
}

bool FitsTogether(EVP_PKEY* key) {
  const Held<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(Library(), key, nullptr));
  return context != nullptr && EVP_PKEY_check(context.get()) == 1;
}

Error Malformed() { return Error(Reason::kBadParameter, "not a private key"); }

struct Checked {
  KeySpec spec;
  Held<EVP_PKEY> key;
  Bytes public_key;
};

Result<Checked> Check(ByteView pkcs8) {
  const auto info = Decoded(d2i_PKCS8_PRIV_KEY_INFO, pkcs8);
  if (info == nullptr) return Malformed();
  const auto spec = SpecOf(info.get());
  if (!spec) return Reason::kBadKeySpec;
  auto key = Decode(*spec, pkcs8);
  if (key == nullptr) return Malformed();
  auto public_key = PublicKeyInfoOf(key.get());
  if (!public_key || public_key->spec != spec ||
      Number(key.get(), OSSL_PKEY_PARAM_RSA_FACTOR3) != nullptr)
    return Reason::kBadKeySpec;
  if (!IsBounded(key.get()) || !FitsTogether(key.get())) return Malformed();
  return Checked{*spec, std::move(key), std::move(public_key->der)};
}

SecretBytes Sm2Pkcs8(const SecretBytes& scalar) {
  return SecretBytes::Filled(
      kSm2Prefix.size() + kScalar, [&](std::span<std::uint8_t> to) {
        std::ranges::copy(kSm2Prefix, to.begin());
        std::ranges::copy(scalar.Reveal(), to.begin() + kSm2Prefix.size());
      });
}

}  // namespace

Result<KeyPair> FromPkcs8(ByteView pkcs8) {
  const QuietErrors quiet;
  KMS_TRY(Checked checked, Check(pkcs8));
  const EVP_PKEY* key = checked.key.get();
  SecretBytes secret = checked.spec == KeySpec::kSm2 ? Scalar(key) : Encode(key);
  if (secret.empty()) return Error(Reason::kInternal, "OpenSSL cannot encode a key");
  return KeyPair{checked.spec, std::move(secret), std::move(checked.public_key)};
}

Result<SecretBytes> ToPkcs8(KeySpec spec, const SecretBytes& secret) {
  const QuietErrors quiet;
  const bool sm2 = spec == KeySpec::kSm2;
  if (sm2 && secret.size() != kScalar) return Reason::kKeyDecryptionFailed;
  const auto checked = Check(sm2 ? Sm2Pkcs8(secret).Reveal() : secret.Reveal());
  if (!checked || checked->spec != spec) return Reason::kKeyDecryptionFailed;
  SecretBytes pkcs8 = Encode(checked->key.get());
  if (pkcs8.empty()) return Error(Reason::kInternal, "OpenSSL cannot encode a key");
  return pkcs8;
}

Result<std::string> EncryptedPkcs8(KeySpec spec, const SecretBytes& secret,
                                   const SecretBytes& pass_phrase) {
  const QuietErrors quiet;
  KMS_TRY(const PassPhrase pass, PassPhrase::Of(pass_phrase));
  KMS_TRY(const SecretBytes pkcs8, ToPkcs8(spec, secret));
  const auto info = Decoded(d2i_PKCS8_PRIV_KEY_INFO, pkcs8.Reveal());
  const Held<EVP_CIPHER> cipher(EVP_CIPHER_fetch(Library(), "AES-256-CBC", nullptr));
  const Held<X509_SIG> sealed(PKCS8_encrypt_ex(-1, cipher.get(), pass.text(), pass.size(),
                                               nullptr, kSaltSize, kIterations,
                                               info.get(), Library(), nullptr));
  if (sealed == nullptr) return Error(Reason::kInternal, "OpenSSL cannot encrypt a key");
  return WritePem("ENCRYPTED PRIVATE KEY", Encoded<X509_SIG>(i2d_X509_SIG, sealed.get()));
}

}  // namespace kms::x509
