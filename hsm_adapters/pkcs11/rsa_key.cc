#include "hsm_adapters/pkcs11/rsa_key.h"

#include <utility>

#include "crypto/rsa_padding.h"
#include "hsm_adapters/pkcs11/rsa.h"

namespace kms::pkcs11 {
namespace {

constexpr std::size_t kDigestSize = 32;
constexpr std::size_t kSaltSize = 32;

bool RawRsa(const Token& token) { return token.Has(CKM_RSA_X_509, CKF_DECRYPT); }

CK_RSA_PKCS_OAEP_PARAMS OaepParameters(EncryptionAlgorithm algorithm) {
  CK_RSA_PKCS_OAEP_PARAMS parameters{};
  const bool sha1 = algorithm == EncryptionAlgorithm::kRsaOaepSha1;
  parameters.hashAlg = sha1 ? CKM_SHA_1 : CKM_SHA256;
  parameters.mgf = sha1 ? CKG_MGF1_SHA1 : CKG_MGF1_SHA256;
  parameters.source = CKZ_DATA_SPECIFIED;
  return parameters;
}

}  // namespace

bool CanRsaDecrypt(const Token& token) {
  return RawRsa(token) || token.Has(CKM_RSA_PKCS_OAEP, CKF_DECRYPT);
}

TokenRsaKey::TokenRsaKey(Token& token, TokenKey::Make make, Control control)
    : token_(token),
      key_(std::make_shared<TokenKey>(token, std::move(make))),
      control_(std::move(control)) {}

Result<void> TokenRsaKey::ReadModulus() {
  KMS_TRY(modulus_, token_.Call([key = key_](Access& access) -> Result<Bytes> {
    KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
    return access.session().Attribute(handle, CKA_MODULUS);
  }));
  if (modulus_.size() != internal::kRsaSize)
    return Failed("the token returned an RSA modulus of a wrong length");
  return {};
}

Result<Bytes> TokenRsaKey::Sign(SignatureAlgorithm algorithm, ByteView digest) {
  if (!Fits(algorithm, KeySpec::kRsa2048)) return Reason::kAlgorithmNotSupported;
  if (digest.size() != kDigestSize) return Reason::kBadParameter;
  const bool pss = algorithm == SignatureAlgorithm::kRsaPssSha256;
  Bytes input = pss ? Bytes(digest.begin(), digest.end()) : Sha256DigestInfo(digest);
  return token_.Call(
      [key = key_, pss, input = std::move(input)](Access& access) -> Result<Bytes> {
        KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
        CK_RSA_PKCS_PSS_PARAMS parameters = {CKM_SHA256, CKG_MGF1_SHA256, kSaltSize};
        const CK_MECHANISM mechanism =
            pss ? CK_MECHANISM{CKM_RSA_PKCS_PSS, &parameters, sizeof parameters}
                : CK_MECHANISM{CKM_RSA_PKCS, nullptr, 0};
        return access.session().Sign(mechanism, handle, input, internal::kRsaSize);
      });
}

Result<SecretBytes> TokenRsaKey::Decrypt(EncryptionAlgorithm algorithm,
                                         ByteView ciphertext) {
  if (!Fits(algorithm, KeySpec::kRsa2048)) return Reason::kAlgorithmNotSupported;
  if (!IsRsaCiphertext(ciphertext, modulus_)) return Reason::kBadCiphertext;
  Bytes input(ciphertext.begin(), ciphertext.end());
  if (RawRsa(token_)) {
    KMS_TRY(const SecretBytes encoded,
            token_.Call([key = key_, control = control_, input = std::move(input)](
                            Access& access) -> Result<SecretBytes> {
              KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
              // Some tokens refuse numbers that no padding makes, such as 0 and 1.
              return OrInput(access, handle, control,
                             access.session().Decrypt({CKM_RSA_X_509, nullptr, 0}, handle,
                                                      input, internal::kRsaSize),
                             Error(Reason::kBadCiphertext));
            }));
    return internal::Unpad(algorithm, encoded.Reveal());
  }
  // What tokens do with wrong PKCS#1 v1.5 padding differs, and tells.
  if (algorithm == EncryptionAlgorithm::kRsaPkcs1) return Reason::kAlgorithmNotSupported;
  return token_.Call([key = key_, control = control_, algorithm,
                      input = std::move(input)](Access& access) -> Result<SecretBytes> {
    KMS_TRY(const CK_OBJECT_HANDLE handle, key->Handle(access));
    CK_RSA_PKCS_OAEP_PARAMS parameters = OaepParameters(algorithm);
    auto opened = access.session().Decrypt(
        {CKM_RSA_PKCS_OAEP, &parameters, sizeof parameters}, handle, input, 0);
    if (!opened && (access.fault() == CKR_MECHANISM_PARAM_INVALID ||
                    access.fault() == CKR_ARGUMENTS_BAD)) {
      access.Settle();  // not with that digest
      return Reason::kAlgorithmNotSupported;
    }
    return OrInput(access, handle, control, std::move(opened),
                   Error(Reason::kBadCiphertext));
  });
}

Result<SecretBytes> TokenRsaKey::DecryptKey(EncryptionAlgorithm algorithm,
                                            ByteView ciphertext, std::size_t size) {
  KMS_TRY(SecretBytes key, Decrypt(algorithm, ciphertext));
  return internal::OfSize(size, algorithm, std::move(key));
}

}  // namespace kms::pkcs11
