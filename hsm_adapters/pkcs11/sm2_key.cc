#include "hsm_adapters/pkcs11/sm2_key.h"

#include <utility>

#include "crypto/sm2_der.h"

namespace kms::pkcs11 {
namespace {

constexpr std::size_t kDigestSize = 32;
constexpr std::size_t kSignatureSize = 64;

}  // namespace

bool CanSm2(const Token& token) {
  const Pkcs11VendorMechanisms& vendor = token.config().vendor;
  return vendor.sm2_key_pair_gen != 0 &&
         token.Has(vendor.sm2_key_pair_gen, CKF_GENERATE_KEY_PAIR) &&
         token.Has(vendor.sm2_sign, CKF_SIGN) &&
         token.Has(vendor.sm2_decrypt, CKF_DECRYPT);
}

bool CanSm4(const Token& token) {
  const Pkcs11VendorMechanisms& vendor = token.config().vendor;
  return vendor.sm4_key_gen != 0 && token.Has(vendor.sm4_key_gen, CKF_GENERATE) &&
         token.Has(vendor.sm4_gcm, CKF_ENCRYPT | CKF_DECRYPT);
}

TokenSm2Key::TokenSm2Key(Token& token, CryptoBackend& software, TokenKey::Make make,
                         Control control)
    : token_(token),
      software_(software),
      key_(std::make_shared<TokenKey>(token, std::move(make))),
      control_(std::move(control)) {}

Result<Bytes> TokenSm2Key::Sign(SignatureAlgorithm algorithm, ByteView digest) {
  if (algorithm != SignatureAlgorithm::kSm2) return Reason::kAlgorithmNotSupported;
  if (digest.size() != kDigestSize) return Reason::kBadParameter;
  KMS_TRY(
      const Bytes plain, token_.Call([key = key_, sign = token_.config().vendor.sm2_sign,
                                      input = Bytes(digest.begin(), digest.end())](
                                         Access& access) -> Result<Bytes> {
        KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
        return access.session().Sign({sign, nullptr, 0}, handle, input, kSignatureSize);
      }));
  return internal::Sm2DerSignature(plain);
}

Result<SecretBytes> TokenSm2Key::Decrypt(EncryptionAlgorithm algorithm,
                                         ByteView ciphertext) {
  if (algorithm != EncryptionAlgorithm::kSm2) return Reason::kAlgorithmNotSupported;
  const auto read = internal::ReadSm2Ciphertext(ciphertext);
  // A token is not trusted to look whether the point is on the curve.
  if (!read || !software_.LoadPublic(internal::Sm2PublicKeyInfo(read->point)))
    return Reason::kBadCiphertext;
  Bytes raw;
  raw.reserve(read->point.size() + read->hash.size() + read->masked.size());
  raw.insert(raw.end(), read->point.begin(), read->point.end());
  raw.insert(raw.end(), read->hash.begin(), read->hash.end());
  raw.insert(raw.end(), read->masked.begin(), read->masked.end());
  return token_.Call([key = key_, control = control_,
                      decrypt = token_.config().vendor.sm2_decrypt,
                      size = read->masked.size(),
                      raw = std::move(raw)](Access& access) -> Result<SecretBytes> {
    KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
    return OrInput(access, handle, control,
                   access.session().Decrypt({decrypt, nullptr, 0}, handle, raw, size),
                   Error(Reason::kBadCiphertext));
  });
}

Result<SecretBytes> TokenSm2Key::DecryptKey(EncryptionAlgorithm algorithm,
                                            ByteView ciphertext, std::size_t size) {
  KMS_TRY(SecretBytes key, Decrypt(algorithm, ciphertext));
  if (key.size() != size) return Reason::kBadAesKeyLength;
  return key;
}

}  // namespace kms::pkcs11
