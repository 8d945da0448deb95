// CertificateTest: a Kms whose certificates are made and signed in one line.

#ifndef KMS_TESTS_CERTIFICATES_FIXTURE_H_
#define KMS_TESTS_CERTIFICATES_FIXTURE_H_

#include <map>
#include <string>

#include "certificates/outside.h"
#include "keys/fixture.h"

namespace kms::testing {

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
    const Hierarchy& ca = OutsideCa(SpecOf(id));
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
