#include <span>
#include <utility>

#include "kms/digest.h"
#include "x509/libcrypto.h"
#include "x509/pass_phrase.h"
#include "x509/pkcs12.h"

namespace kms::x509 {
namespace {

using Bags = STACK_OF(PKCS12_SAFEBAG);

// The three Push functions give what they make to a stack.
bool PushCertificate(const Certificate& certificate, ByteView id, Bags* bags) {
  const auto x509 = ToX509(certificate.der);
  if (x509 == nullptr) return false;
  Held<PKCS12_SAFEBAG> bag(PKCS12_SAFEBAG_create_cert(x509.get()));
  if (bag == nullptr) return false;
  Bytes local(id.begin(), id.end());
  if (!local.empty() &&
      PKCS12_add_localkeyid(bag.get(), local.data(), static_cast<int>(local.size())) != 1)
    return false;
  return sk_PKCS12_SAFEBAG_push(bags, bag.get()) > 0 && bag.release() != nullptr;
}

bool PushKey(const SecretBytes& pkcs8, ByteView id, const PassPhrase& pass, Bags* bags) {
  const auto info = Decoded(d2i_PKCS8_PRIV_KEY_INFO, pkcs8.Reveal());
  if (info == nullptr) return false;
  Held<PKCS12_SAFEBAG> bag(PKCS12_SAFEBAG_create_pkcs8_encrypt_ex(
      NID_aes_256_cbc, pass.text(), pass.size(), nullptr, kSaltSize, kIterations,
      info.get(), Library(), nullptr));
  Bytes local(id.begin(), id.end());
  if (bag == nullptr ||
      PKCS12_add_localkeyid(bag.get(), local.data(), static_cast<int>(local.size())) != 1)
    return false;
  return sk_PKCS12_SAFEBAG_push(bags, bag.get()) > 0 && bag.release() != nullptr;
}

bool PushPart(PKCS7* made, STACK_OF(PKCS7) * parts) {
  Held<PKCS7> part(made);
  return part != nullptr && sk_PKCS7_push(parts, part.get()) > 0 &&
         part.release() != nullptr;
}

}  // namespace

Result<Bytes> SealPkcs12(KeySpec spec, const SecretBytes& secret,
                         const Certificate& certificate,
                         std::span<const Certificate> chain,
                         const SecretBytes& pass_phrase) {
  const QuietErrors quiet;
  KMS_TRY(const PassPhrase pass, PassPhrase::Of(pass_phrase));
  KMS_TRY(const SecretBytes pkcs8, ToPkcs8(spec, secret));
  // Readers find the certificate of the key by an identifier that both have.
  const Digest32 id = Digest(DigestAlgorithm::kSha256, certificate.der);
  const Held<Bags> certificates(sk_PKCS12_SAFEBAG_new_null());
  const Held<Bags> keys(sk_PKCS12_SAFEBAG_new_null());
  const Held<STACK_OF(PKCS7)> parts(sk_PKCS7_new_null());
  bool made = PushCertificate(certificate, id, certificates.get());
  for (const Certificate& issuer : chain)
    made = made && PushCertificate(issuer, {}, certificates.get());
  made = made && PushKey(pkcs8, id, pass, keys.get()) &&
         PushPart(PKCS12_pack_p7encdata_ex(NID_aes_256_cbc, pass.text(), pass.size(),
                                           nullptr, kSaltSize, kIterations,
                                           certificates.get(), Library(), nullptr),
                  parts.get()) &&
         PushPart(PKCS12_pack_p7data(keys.get()), parts.get());
  const Held<PKCS12> file(
      made ? PKCS12_add_safes_ex(parts.get(), NID_pkcs7_data, Library(), nullptr)
           : nullptr);
  if (file == nullptr || PKCS12_set_mac(file.get(), pass.text(), pass.size(), nullptr,
                                        kSaltSize, kIterations, EVP_sha256()) != 1)
    return Error(Reason::kInternal, "OpenSSL cannot make a PKCS#12 file");
  return Encoded<PKCS12>(i2d_PKCS12, file.get());
}

}  // namespace kms::x509
