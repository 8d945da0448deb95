#include "x509/outside_ca.h"

#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdlib>

#include "support/matchers.h"

namespace kms::x509::testing {
namespace {

void Must(bool ok) {
  if (!ok) std::abort();
}

// GM/T 0015: the default identity of SM2.
constexpr char kId[] = "1234567812345678";

bool IsSm2(const Key& key) { return EVP_PKEY_is_a(key.get(), "SM2") == 1; }

Key Share(EVP_PKEY* key) {
  Must(key != nullptr);
  return {key, EVP_PKEY_free};
}

struct Signer {
  Signer(const Key& key, const std::string& digest)
      : context(EVP_MD_CTX_new()), key_context(EVP_PKEY_CTX_new(key.get(), nullptr)) {
    if (IsSm2(key)) Must(EVP_PKEY_CTX_set1_id(key_context, kId, sizeof kId - 1) == 1);
    EVP_MD_CTX_set_pkey_ctx(context, key_context);
    const bool none = EVP_PKEY_is_a(key.get(), "ED25519") == 1;
    const std::string name = !digest.empty() ? digest : IsSm2(key) ? "SM3" : "SHA256";
    Must(EVP_DigestSignInit_ex(context, nullptr, none ? nullptr : name.c_str(), nullptr,
                               nullptr, key.get(), nullptr) == 1);
  }
  ~Signer() {
    EVP_MD_CTX_free(context);
    EVP_PKEY_CTX_free(key_context);
  }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  EVP_MD_CTX* const context;
  EVP_PKEY_CTX* const key_context;
};

Bytes DerOf(const X509* certificate) {
  Bytes der(static_cast<std::size_t>(i2d_X509(certificate, nullptr)));
  std::uint8_t* to = der.data();
  i2d_X509(certificate, &to);
  return der;
}

void SetName(X509_NAME* name, const std::string& common_name) {
  Must(X509_NAME_add_entry_by_txt(name, "C", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>("CN"), -1, -1,
                                  0) == 1);
  Must(X509_NAME_add_entry_by_txt(
           name, "CN", MBSTRING_UTF8,
           reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) == 1);
}

}  // namespace

Key NewKey(const std::string& kind) {
  if (kind.starts_with("RSA:")) {
    const std::size_t bits = std::strtoul(kind.c_str() + 4, nullptr, 10);
    return Share(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
  }
  if (kind == "SM2" || kind == "ED25519")
    return Share(EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str()));
  return Share(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.c_str()));
}

Key WithExplicitCurve(const Key& key) {
  EVP_PKEY* copy = EVP_PKEY_dup(key.get());
  Must(EVP_PKEY_set_utf8_string_param(copy, OSSL_PKEY_PARAM_EC_ENCODING, "explicit") ==
       1);
  return Share(copy);
}

SecretBytes Pkcs8Of(const Key& key) {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key.get());
  Must(info != nullptr);
  unsigned char* der = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
  SecretBytes made = SecretBytes::CopyOf({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  PKCS8_PRIV_KEY_INFO_free(info);
  return made;
}

Bytes PublicKeyOf(const Key& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  Must(size > 0);
  const Bytes made(der, der + size);
  OPENSSL_free(der);
  return made;
}

Bytes Issue(const Contents& contents, const Key& subject_key, const Issuer& issuer) {
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
  X509* certificate = made.get();
  if (!contents.extensions.empty()) X509_set_version(certificate, X509_VERSION_3);
  BIGNUM* serial = nullptr;
  BN_hex2bn(&serial, contents.serial.c_str());
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
  BN_free(serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate), contents.not_before / 1000);
  ASN1_TIME_set(X509_getm_notAfter(certificate), contents.not_after / 1000);
  SetName(X509_get_subject_name(certificate), contents.name);
  SetName(X509_get_issuer_name(certificate), issuer.name);
  Must(X509_set_pubkey(certificate, subject_key.get()) == 1);
  for (const auto& [name, value] : contents.extensions) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension =
        X509V3_EXT_nconf(nullptr, &context, name.c_str(), value.c_str());
    Must(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  const Signer signer(issuer.key, contents.digest);
  Must(X509_sign_ctx(certificate, signer.context) > 0);
  return DerOf(certificate);
}

Bytes ReSigned(Bytes certificate, const Key& issuer_key, std::string_view from,
               std::string_view to) {
  const auto same = [](std::uint8_t a, char b) {
    return a == static_cast<std::uint8_t>(b);
  };
  for (auto at = certificate.begin(); !from.empty();) {
    at = std::search(at, certificate.end(), from.begin(), from.end(), same);
    if (at == certificate.end()) break;
    at = std::copy(to.begin(), to.end(), at);
  }
  const std::uint8_t* in = certificate.data();
  X509* changed = d2i_X509(nullptr, &in, static_cast<long>(certificate.size()));
  Must(changed != nullptr);
  unsigned char* tbs = nullptr;
  const int tbs_size = i2d_re_X509_tbs(changed, &tbs);
  const Signer signer(issuer_key, "");
  std::size_t size = 0;
  EVP_DigestSign(signer.context, nullptr, &size, tbs, static_cast<std::size_t>(tbs_size));
  Bytes signature(size);
  Must(EVP_DigestSign(signer.context, signature.data(), &size, tbs,
                      static_cast<std::size_t>(tbs_size)) == 1);
  OPENSSL_free(tbs);
  const ASN1_BIT_STRING* held = nullptr;
  X509_get0_signature(&held, nullptr, changed);
  ASN1_STRING_set(const_cast<ASN1_BIT_STRING*>(held), signature.data(),
                  static_cast<int>(size));
  const Bytes der = DerOf(changed);
  X509_free(changed);
  return der;
}

Bytes Revoke(const std::vector<std::string>& serials, const Issuer& issuer,
             const std::vector<std::pair<std::string, std::string>>& extensions,
             const std::string& digest) {
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> made(X509_CRL_new(),
                                                                 X509_CRL_free);
  X509_CRL* list = made.get();
  X509_CRL_set_version(list, X509_CRL_VERSION_2);
  const std::unique_ptr<X509_NAME, decltype(&X509_NAME_free)> name(X509_NAME_new(),
                                                                   X509_NAME_free);
  SetName(name.get(), issuer.name);
  X509_CRL_set_issuer_name(list, name.get());
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(
      ASN1_TIME_set(nullptr, kNow / 1000), ASN1_TIME_free);
  X509_CRL_set1_lastUpdate(list, time.get());
  X509_CRL_set1_nextUpdate(list, time.get());
  for (const std::string& serial : serials) {
    BIGNUM* number = nullptr;
    BN_hex2bn(&number, serial.c_str());
    ASN1_INTEGER* integer = BN_to_ASN1_INTEGER(number, nullptr);
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, integer);
    X509_REVOKED_set_revocationDate(entry, time.get());
    X509_CRL_add0_revoked(list, entry);
    ASN1_INTEGER_free(integer);
    BN_free(number);
  }
  for (const auto& [extension_name, value] : extensions) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, nullptr, nullptr, nullptr, list, 0);
    X509_EXTENSION* extension =
        X509V3_EXT_nconf(nullptr, &context, extension_name.c_str(), value.c_str());
    Must(extension != nullptr);
    X509_CRL_add_ext(list, extension, -1);
    X509_EXTENSION_free(extension);
  }
  const Signer signer(issuer.key, digest);
  Must(X509_CRL_sign_ctx(list, signer.context) > 0);
  Bytes der(static_cast<std::size_t>(i2d_X509_CRL(list, nullptr)));
  std::uint8_t* to = der.data();
  i2d_X509_CRL(list, &to);
  return der;
}

std::vector<std::pair<std::string, std::string>> OfCa(const std::string& more) {
  return {{"basicConstraints", "critical,CA:TRUE" + more},
          {"keyUsage", "critical,keyCertSign,cRLSign"},
          {"subjectKeyIdentifier", "hash"}};
}

Hierarchy::Hierarchy(const std::string& kind) : Hierarchy(kind, NewKey(kind)) {}

Hierarchy::Hierarchy(const std::string& kind, const Key& given_leaf_key)
    : root_key(NewKey(kind)), middle_key(NewKey(kind)), leaf_key(given_leaf_key) {
  root =
      Read(Issue({.name = "root", .extensions = OfCa()}, root_key, {"root", root_key}));
  middle = Read(Issue({.name = "middle", .extensions = OfCa(",pathlen:0")}, middle_key,
                      {"root", root_key}));
  leaf = Read(Issue({.extensions = {{"subjectAltName", "DNS:www.example.com"},
                                    {"keyUsage", "digitalSignature,nonRepudiation"}}},
                    leaf_key, {"middle", middle_key}));
}

Certificate Read(const Bytes& der) {
  auto read = ReadCertificateDer(der);
  EXPECT_OK(read);
  return std::move(read).value();
}

}  // namespace kms::x509::testing
