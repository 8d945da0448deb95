#include "x509/revocation_list.h"

#include <openssl/objects.h>

#include "x509/libcrypto.h"

namespace kms::x509 {
namespace {

constexpr int kLeastDigest = 28;  // bytes; as in chains

Error Bad(const char* why) { return Error(Reason::kBadParameter, why).About("certCrl"); }

bool HasOnlyKnownExtensions(const X509_CRL* list) {
  for (int at = -1; (at = X509_CRL_get_ext_by_critical(list, 1, at)) >= 0;) {
    const ASN1_OBJECT* const name = X509_EXTENSION_get_object(X509_CRL_get_ext(list, at));
    if (OBJ_obj2nid(name) != NID_issuing_distribution_point) return false;
  }
  return X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) < 0;
}

bool HasSoundDigest(const X509_CRL* list) {
  int digest = NID_undef;
  if (OBJ_find_sigid_algs(X509_CRL_get_signature_nid(list), &digest, nullptr) != 1)
    return false;
  if (digest == NID_undef) return true;  // of an algorithm that has its own
  const EVP_MD* const known = EVP_get_digestbynid(digest);
  return known != nullptr && EVP_MD_get_size(known) >= kLeastDigest;
}

// OpenSSL knows no identity for lists: what is signed is cut out, and verified here.
bool VerifiesBySm2(ByteView der, const X509_CRL* list, EVP_PKEY* key) {
  if (X509_CRL_get_signature_nid(list) != NID_SM2_with_SM3) return false;
  const ASN1_BIT_STRING* signature = nullptr;
  X509_CRL_get0_signature(list, &signature, nullptr);
  const std::uint8_t* at = der.data();
  long size = 0;
  int tag = 0, kind = 0;
  ASN1_get_object(&at, &size, &tag, &kind, static_cast<long>(der.size()));
  const std::uint8_t* const signed_part = at;
  ASN1_get_object(&at, &size, &tag, &kind, size);
  const auto signed_size = static_cast<std::size_t>(at - signed_part + size);

  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  const Held<EVP_PKEY_CTX> key_context(
      EVP_PKEY_CTX_new_from_pkey(Library(), key, nullptr));
  const Held<ASN1_OCTET_STRING> id = Sm2DefaultId();
  if (context == nullptr || key_context == nullptr ||
      EVP_PKEY_CTX_set1_id(key_context.get(), ASN1_STRING_get0_data(id.get()),
                           ASN1_STRING_length(id.get())) <= 0)
    return false;
  EVP_MD_CTX_set_pkey_ctx(context.get(), key_context.get());
  return EVP_DigestVerifyInit_ex(context.get(), nullptr, "SM3", Library(), nullptr, key,
                                 nullptr) == 1 &&
         EVP_DigestVerify(context.get(), ASN1_STRING_get0_data(signature),
                          static_cast<std::size_t>(ASN1_STRING_length(signature)),
                          signed_part, signed_size) == 1;
}

bool Verifies(ByteView der, X509_CRL* list, const Certificate& issuer) {
  const Held<X509> certificate = ToX509(issuer.der);
  EVP_PKEY* const key =
      certificate == nullptr ? nullptr : X509_get0_pubkey(certificate.get());
  if (key == nullptr || !HasSoundDigest(list)) return false;
  return EVP_PKEY_is_a(key, "SM2") == 1 ? VerifiesBySm2(der, list, key)
                                        : X509_CRL_verify(list, key) == 1;
}

}  // namespace

Result<bool> IsRevoked(ByteView list, const Certificate& leaf,
                       const Certificate* issuer) {
  const QuietErrors quiet;
  const Held<X509_CRL> read =
      Decoded(d2i_X509_CRL, list, Held<X509_CRL>(X509_CRL_new_ex(Library(), nullptr)));
  const Held<X509> certificate = ToX509(leaf.der);
  if (read == nullptr || certificate == nullptr) return Bad("no revocation list");
  if (X509_NAME_cmp(X509_CRL_get_issuer(read.get()),
                    X509_get_issuer_name(certificate.get())) != 0)
    return Bad("a revocation list of another issuer");
  if (!HasOnlyKnownExtensions(read.get()))
    return Bad("a revocation list with extensions that nobody here knows");
  if (issuer != nullptr && !Verifies(list, read.get(), *issuer))
    return Bad("a revocation list that its issuer has not signed");
  X509_REVOKED* entry = nullptr;
  return X509_CRL_get0_by_cert(read.get(), &entry, certificate.get()) == 1;
}

}  // namespace kms::x509
