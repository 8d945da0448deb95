// CertificateTest: a Kms, and a CA outside of it that signs what the Kms asks for.

#ifndef KMS_TESTS_CERTIFICATES_FIXTURE_H_
#define KMS_TESTS_CERTIFICATES_FIXTURE_H_

#include <openssl/pem.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "keys/fixture.h"
#include "x509/certificate.h"
#include "x509/outside_ca.h"

namespace kms::testing {

using x509::testing::Contents;
using x509::testing::Hierarchy;

// One for each kind of keys: RSA:2048, SM2.
inline const Hierarchy& OutsideCa(const std::string& kind) {
  static std::map<std::string, std::unique_ptr<Hierarchy>> made;
  auto& slot = made[kind];
  if (slot == nullptr) slot = std::make_unique<Hierarchy>(kind);
  return *slot;
}

inline std::string KindOf(KeySpec spec) {
  return spec == KeySpec::kSm2 ? "SM2" : "RSA:2048";
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

class CertificateTest : public KmsTest {
 protected:
  CertificateTest() { TimeIs(x509::testing::kNow); }

  void TimeIs(UnixMillis now) { clock.Advance(now - clock.Now()); }

  CertificateService& certificates() { return kms->certificates(); }
  CertificateComputeService& compute() { return kms->certificate_compute(); }

  static NewCertificate Wanted(KeySpec spec) {
    return {.spec = spec, .subject = "CN=www.example.com,C=CN,O=Example"};
  }
  std::string Make(const NewCertificate& wanted) {
    auto made = certificates().Create(me, wanted);
    EXPECT_OK(made);
    return made ? made->id : std::string();
  }
  std::string MakePending(KeySpec spec) { return Make(Wanted(spec)); }
  std::string RequestOf(const std::string& id) {
    return certificates().Get(me, id).value().request;
  }
  // A certificate for it from outside, put in place.
  void Activate(const std::string& id, const Contents& contents = {}) {
    const Hierarchy& ca = OutsideCa(KindOf(SpecOf(id)));
    EXPECT_OK(
        certificates().Import(me, id, Issued(RequestOf(id), ca, contents), ChainOf(ca)));
  }
  std::string MakeActive(KeySpec spec, bool exportable = false) {
    NewCertificate wanted = Wanted(spec);
    wanted.exportable = exportable;
    const std::string id = Make(wanted);
    Activate(id);
    return id;
  }
  KeySpec SpecOf(const std::string& id) {
    return certificates().Describe(me, id).value().summary.spec;
  }
  CertificateStatus StatusOf(const std::string& id) {
    return certificates().Describe(me, id).value().summary.status;
  }
  // All that is in the store.
  std::map<std::string, std::string> Records() {
    std::map<std::string, std::string> all;
    const auto snapshot = memory->Read().value();
    for (const Record& record : snapshot->Scan({}, {}, SIZE_MAX).value())
      all[record.key] = record.value;
    return all;
  }
};

}  // namespace kms::testing

#endif  // KMS_TESTS_CERTIFICATES_FIXTURE_H_
