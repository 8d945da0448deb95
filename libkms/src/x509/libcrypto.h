// What the sources of this folder share of OpenSSL. Nobody else includes it: the other
// headers show no type of OpenSSL.
//
// Threads: all of it may be used from many threads at once; an object belongs to one.

#ifndef KMS_X509_LIBCRYPTO_H_
#define KMS_X509_LIBCRYPTO_H_

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <string_view>

#include "crypto/openssl_context.h"
#include "kms/bytes.h"
#include "kms/crypto_backend.h"

namespace kms::x509 {

using internal::HasLegacyProvider;
using internal::Library;
using internal::QuietErrors;

struct Free {
  void operator()(ASN1_OCTET_STRING* p) const { ASN1_OCTET_STRING_free(p); }
  void operator()(BIGNUM* p) const { BN_clear_free(p); }
  void operator()(CRL_DIST_POINTS* p) const { CRL_DIST_POINTS_free(p); }
  void operator()(EVP_CIPHER* p) const { EVP_CIPHER_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(PBE2PARAM* p) const { PBE2PARAM_free(p); }
  void operator()(PBEPARAM* p) const { PBEPARAM_free(p); }
  void operator()(PBKDF2PARAM* p) const { PBKDF2PARAM_free(p); }
  void operator()(PKCS12* p) const { PKCS12_free(p); }
  void operator()(PKCS12_SAFEBAG* p) const { PKCS12_SAFEBAG_free(p); }
  void operator()(PKCS7* p) const { PKCS7_free(p); }
  void operator()(PKCS8_PRIV_KEY_INFO* p) const { PKCS8_PRIV_KEY_INFO_free(p); }
  void operator()(SCRYPT_PARAMS* p) const { SCRYPT_PARAMS_free(p); }
  void operator()(STACK_OF(PKCS12_SAFEBAG) * p) const {
    sk_PKCS12_SAFEBAG_pop_free(p, PKCS12_SAFEBAG_free);
  }
  void operator()(STACK_OF(PKCS7) * p) const { sk_PKCS7_pop_free(p, PKCS7_free); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_pop_free(p, X509_free); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_CRL* p) const { X509_CRL_free(p); }
  void operator()(X509_NAME* p) const { X509_NAME_free(p); }
  void operator()(X509_REQ* p) const { X509_REQ_free(p); }
  void operator()(X509_SIG* p) const { X509_SIG_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(char* p) const { OPENSSL_free(p); }
  void operator()(unsigned char* p) const { OPENSSL_free(p); }
};
template <typename T>
using Held = std::unique_ptr<T, Free>;

// Encoded returns the DER of `object` by its i2d function; empty if that fails.
template <typename T>
Bytes Encoded(int (*encode)(const T*, unsigned char**), const T* object) {
  const int size = encode(object, nullptr);
  if (size <= 0) return {};
  Bytes der(static_cast<std::size_t>(size));
  std::uint8_t* to = der.data();
  encode(object, &to);
  return der;
}

// Decoded reads all of `der` into `empty` by the d2i function of its type; null if `der`
// is not one such structure or has something behind it.
template <typename T>
Held<T> Decoded(T* (*decode)(T**, const unsigned char**, long), ByteView der,
                Held<T> empty = nullptr) {
  const std::uint8_t* from = der.data();
  T* into = empty.release();  // the decoder frees it if it fails
  Held<T> object(decode(&into, &from, static_cast<long>(der.size())));
  if (object != nullptr && from != der.data() + der.size()) return nullptr;
  return object;
}

// ToX509 returns the certificate of `der`, ready to verify and to be verified: SM2
// signatures are made with the default identity (GM/T 0015). Null if it is none.
Held<X509> ToX509(ByteView der);

// The default identity of SM2, as OpenSSL wants it.
Held<ASN1_OCTET_STRING> Sm2DefaultId();

inline ByteView View(const ASN1_STRING* text) {
  return {ASN1_STRING_get0_data(text),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// Number returns a parameter of `key` by its name in OpenSSL; null if it has none.
Held<BIGNUM> Number(const EVP_PKEY* key, const char* name);

// A public key in the form that CryptoBackend makes and reads.
struct PublicKeyInfo {
  Bytes der;
  std::optional<KeySpec> spec;  // none: a key that only a CA may have
};

// PublicKeyInfoOf accepts RSA of 2048 to 4096 bits, and points on P-256, P-384 and the
// SM2 curve; nothing for other keys.
std::optional<PublicKeyInfo> PublicKeyInfoOf(const EVP_PKEY* key);

}  // namespace kms::x509

#endif  // KMS_X509_LIBCRYPTO_H_
