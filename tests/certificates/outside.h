// A CA outside of the KMS that signs what the KMS asks for.

#ifndef KMS_TESTS_CERTIFICATES_OUTSIDE_H_
#define KMS_TESTS_CERTIFICATES_OUTSIDE_H_

#include <openssl/pem.h>

#include <map>
#include <memory>
#include <string>

#include "kms/secret_bytes.h"
#include "support/matchers.h"
#include "x509/certificate.h"
#include "x509/outside_ca.h"
#include "x509/pkcs12.h"

namespace kms::testing {

using x509::testing::Contents;
using x509::testing::Hierarchy;

// One for each kind of keys.
inline const Hierarchy& OutsideCa(KeySpec spec) {
  static std::map<KeySpec, std::unique_ptr<Hierarchy>> made;
  auto& slot = made[spec];
  if (slot == nullptr)
    slot = std::make_unique<Hierarchy>(spec == KeySpec::kSm2 ? "SM2" : "RSA:2048");
  return *slot;
}

inline std::string ChainOf(const Hierarchy& ca) {
  return x509::CertificatePem(ca.middle) + x509::CertificatePem(ca.root);
}

// The key that a request asks a certificate for.
inline x509::testing::Key KeyOfRequest(const std::string& pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<X509_REQ, void (*)(X509_REQ*)> request(
      PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr), X509_REQ_free);
  EXPECT_NE(request, nullptr) << pem;
  return {X509_REQ_get_pubkey(request.get()), EVP_PKEY_free};
}

// A certificate for what a request asks for.
inline std::string Issued(const std::string& request, const Hierarchy& ca,
                          const Contents& contents = {}) {
  return x509::CertificatePem(x509::testing::Read(
      x509::testing::Issue(contents, KeyOfRequest(request), {"middle", ca.middle_key})));
}

// A file with the leaf of a CA, and its key.
inline constexpr std::string_view kFilePass = "correct horse";
inline Bytes Pkcs12Of(KeySpec spec) {
  const Hierarchy& ca = OutsideCa(spec);
  const auto pair = x509::FromPkcs8(x509::testing::Pkcs8Of(ca.leaf_key).Reveal()).value();
  return x509::SealPkcs12(pair.spec, pair.secret, ca.leaf, ca.chain(),
                          SecretBytes::CopyOf(AsBytes(kFilePass)))
      .value();
}

}  // namespace kms::testing

#endif  // KMS_TESTS_CERTIFICATES_OUTSIDE_H_
