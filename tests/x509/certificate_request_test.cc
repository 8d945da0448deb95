// Requests of keys of the backend, as OpenSSL sees them.

#include "x509/certificate_request.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "kms/root_key.h"
#include "support/matchers.h"
#include "x509/alternative_names.h"
#include "x509/outside_ca.h"
#include "x509/subject.h"

namespace kms::x509 {
namespace {

using kms::testing::Fails;
using Names = std::vector<std::string>;
using Read = std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)>;

Read ReadRequest(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  return {PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr), X509_REQ_free};
}

class CertificateRequestTest : public ::testing::TestWithParam<KeySpec> {
 protected:
  static constexpr Place kPlace{"account", "certificate", "1", "material"};

  RequestFields Fields() const { return {subject_, names_, key_.public_key}; }
  Bytes Sign(const UnsignedRequest& request) const {
    return backend_->LoadPrivate(GetParam(), kPlace, key_.sealed)
        .value()
        ->Sign(request.algorithm, request.digest)
        .value();
  }

  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend_ = NewBotanBackend(*root_);
  const WrappedKey key_ = backend_->Generate(GetParam(), kPlace).value();
  const Bytes subject_ = ReadSubject("CN=www.example.com,C=CN,O=\xe4\xb8\xad").value();
  const Bytes names_ = ReadAlternativeNames(Names{"www.example.com", "10.0.0.1"}).value();
};

TEST_P(CertificateRequestTest, IsVerifiedByOpenssl) {
  const auto request = NewRequest(Fields());
  ASSERT_OK(request);
  const auto pem = SignedRequest(*request, Sign(*request));
  ASSERT_OK(pem);
  EXPECT_TRUE(pem->starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
  EXPECT_TRUE(pem->ends_with("\n-----END CERTIFICATE REQUEST-----\n"));
  EXPECT_EQ(pem->find('\r'), std::string::npos);

  const Read read = ReadRequest(*pem);
  ASSERT_NE(read, nullptr);
  EVP_PKEY* key = X509_REQ_get0_pubkey(read.get());
  ASSERT_NE(key, nullptr);
  const bool sm2 = GetParam() == KeySpec::kSm2;
  EXPECT_EQ(EVP_PKEY_is_a(key, sm2 ? "SM2" : "RSA"), 1);
  EXPECT_EQ(X509_REQ_get_signature_nid(read.get()),
            sm2 ? NID_SM2_with_SM3 : NID_sha256WithRSAEncryption);
  if (sm2) {
    ASN1_OCTET_STRING* id = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(id, reinterpret_cast<const unsigned char*>("1234567812345678"),
                          16);
    X509_REQ_set0_distinguishing_id(read.get(), id);
  }
  EXPECT_EQ(X509_REQ_verify(read.get(), key), 1);
  EXPECT_EQ(X509_REQ_get_version(read.get()), X509_REQ_VERSION_1);
}

TEST_P(CertificateRequestTest, AsksForItsNames) {
  const auto request = NewRequest(Fields()).value();
  const Read read = ReadRequest(SignedRequest(request, Sign(request)).value());
  ASSERT_EQ(X509_REQ_get_attr_count(read.get()), 1);
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(read.get());
  ASSERT_EQ(sk_X509_EXTENSION_num(extensions), 1);
  const X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, 0);
  EXPECT_EQ(
      OBJ_obj2nid(X509_EXTENSION_get_object(const_cast<X509_EXTENSION*>(extension))),
      NID_subject_alt_name);
  const ASN1_OCTET_STRING* value =
      X509_EXTENSION_get_data(const_cast<X509_EXTENSION*>(extension));
  EXPECT_EQ(AlternativeNameTexts({ASN1_STRING_get0_data(value),
                                  static_cast<std::size_t>(ASN1_STRING_length(value))}),
            (Names{"www.example.com", "10.0.0.1"}));
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

TEST_P(CertificateRequestTest, WithoutNamesHasNoAttributes) {
  const auto request = NewRequest({subject_, {}, key_.public_key}).value();
  const Read read = ReadRequest(SignedRequest(request, Sign(request)).value());
  EXPECT_EQ(X509_REQ_get_attr_count(read.get()), 0);
}

TEST_P(CertificateRequestTest, IsRefusedWithAnotherSignature) {
  const auto request = NewRequest(Fields()).value();
  const Bytes signature = Sign(request);
  EXPECT_THAT(SignedRequest(request, {}), Fails(Reason::kInternal));
  EXPECT_THAT(SignedRequest(request, Bytes(signature.size())), Fails(Reason::kInternal));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    Bytes changed = signature;
    changed[i] ^= 1;
    EXPECT_THAT(SignedRequest(request, changed), Fails(Reason::kInternal)) << i;
  }
}

TEST_P(CertificateRequestTest, IsRefusedWithAnyByteChanged) {
  auto request = NewRequest(Fields()).value();
  const Bytes signature = Sign(request);
  for (std::size_t i = 0; i < request.info.size(); ++i) {
    request.info[i] ^= 0x21;
    EXPECT_THAT(SignedRequest(request, signature), Fails(Reason::kInternal)) << i;
    request.info[i] ^= 0x21;
  }
  EXPECT_OK(SignedRequest(request, signature));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_P(CertificateRequestTest, IsRefusedForOtherKeys) {
  Bytes longer = key_.public_key;
  longer.push_back(0);
  for (const Bytes& key :
       {Bytes{}, longer, testing::PublicKeyOf(testing::NewKey("P-256")),
        testing::PublicKeyOf(testing::NewKey("RSA:3072")),
        testing::PublicKeyOf(testing::NewKey("ED25519"))}) {
    EXPECT_THAT(NewRequest({subject_, names_, key}), Fails(Reason::kBadRsaKeyLength));
  }
}

INSTANTIATE_TEST_SUITE_P(, CertificateRequestTest,
                         ::testing::Values(KeySpec::kRsa2048, KeySpec::kSm2),
                         [](const auto& tested) {
                           return tested.param == KeySpec::kSm2 ? "Sm2" : "Rsa";
                         });

}  // namespace
}  // namespace kms::x509
