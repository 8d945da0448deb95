// Operations of certificates: what they answer, and refuse.

#include <boost/json/array.hpp>
#include <string>
#include <utility>
#include <vector>

#include "certificates/outside.h"
#include "operations/fixture.h"

namespace kms::server::testing {
namespace {

using boost::json::array;
using kms::testing::ChainOf;
using kms::testing::Fails;
using kms::testing::Issued;
using kms::testing::OutsideCa;
using x509::testing::kDay;
using x509::testing::kNow;

class CertificateOperations : public OperationsTest {
 protected:
  CertificateOperations() { clock.Advance(kNow - clock.Now()); }

  static object With(object parameters, const object& more) {
    for (const auto& [name, value] : more) {
      if (value.is_null()) {
        parameters.erase(name);
      } else {
        parameters[name] = value;
      }
    }
    return parameters;
  }
  static object Wanted(const object& changes = {}) {
    return With({{"keySpec", "SM2"},
                 {"subject", "CN=www.example.com,C=CN,O=Example"},
                 {"exportablePrivateKey", 1},
                 {"protectionLevel", "1"}},
                changes);
  }
  object Pending(const object& changes = {}) {
    return Must("createCertificate", Wanted(changes));
  }
  object Signed(const object& made, const x509::testing::Contents& contents = {}) {
    const auto& ca = OutsideCa(KeySpec::kSm2);
    return {{"certificateId", made.at("certificateId")},
            {"certificate", Issued(Text(made, "csr"), ca, contents)},
            {"certificateChain", ChainOf(ca)}};
  }
  object Active(const object& changes = {},
                const x509::testing::Contents& contents = {}) {
    const object signed_one = Signed(Pending(changes), contents);
    Must("importCertificate", signed_one);
    return {{"certificateId", signed_one.at("certificateId")}};
  }
  object Describe(const object& named) { return Must("describeCertificate", named); }

  static std::vector<std::string> NamesOf(const object& result) {
    std::vector<std::string> names;
    for (const auto& [name, value] : result) names.emplace_back(name);
    return names;
  }
  // The members that the row promises, and no others.
  static void ExpectMembers(std::string_view operation, const object& result) {
    std::vector<std::string> wanted;
    for (const std::string_view name : FindOperation(operation)->result)
      wanted.emplace_back(name.substr(0, name.find('[')));
    EXPECT_THAT(NamesOf(result), ::testing::UnorderedElementsAreArray(wanted))
        << operation;
  }
};

TEST_F(CertificateOperations, AnswerWhatTheirRowsSay) {
  const object made = Pending();
  ExpectMembers("createCertificate", made);
  EXPECT_TRUE(Text(made, "csr").starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
  const object named{{"certificateId", made.at("certificateId")}};
  const object signed_one = Signed(made);
  ExpectMembers("importCertificate", Must("importCertificate", signed_one));
  ExpectMembers("describeCertificate", Describe(named));
  const object got = Must("getCertificate", named);
  ExpectMembers("getCertificate", got);
  EXPECT_EQ(got.at("certificate"), signed_one.at("certificate"));
  EXPECT_EQ(got.at("certificateChain"), signed_one.at("certificateChain"));
  EXPECT_EQ(got.at("csr"), made.at("csr"));
  ExpectMembers(
      "exportCertificatePrivateKey",
      Must("exportCertificatePrivateKey",
           With(named, {{"passPhrase", "correct horse"}, {"exportFormat", "PKCS12"}})));
  EXPECT_TRUE(
      Must("updateCertificateStatus", With(named, {{"status", "INACTIVE"}})).empty());
  EXPECT_TRUE(Must("deleteCertificate", named).empty());
}

TEST_F(CertificateOperations, Describe) {
  const object made =
      Active({}, {.name = "www",
                  .extensions = {{"subjectAltName", "DNS:www.example.com"},
                                 {"keyUsage", "digitalSignature,nonRepudiation"}}});
  const object described = Describe(made);
  EXPECT_EQ(described.at("certificateId"), made.at("certificateId"));
  EXPECT_EQ(described.at("epId"), "default");
  EXPECT_EQ(Text(described, "userId"), me.principal.user);
  EXPECT_EQ(described.at("notBefore"), kNow - 100 * kDay);
  EXPECT_EQ(described.at("notAfter"), kNow + 100 * kDay);
  EXPECT_EQ(described.at("createdAt"), kNow);
  EXPECT_EQ(described.at("updatedAt"), kNow);
  EXPECT_EQ(described.at("subject"), "CN=www, C=CN");
  EXPECT_EQ(described.at("issuer"), "CN=middle, C=CN");
  EXPECT_EQ(described.at("subjectAlternativeNames"), array{"www.example.com"});
  EXPECT_EQ(described.at("serial"), "0a01");
  EXPECT_EQ(described.at("signatureAlgorithm"), "SM3withSM2");
  EXPECT_EQ(described.at("keySpec"), "Ctyun_SM2");
  EXPECT_EQ(described.at("keyUsage"), "Digital Signature,Non Repudiation");
  EXPECT_EQ(described.at("exportablePrivateKey"), 1);
  EXPECT_EQ(described.at("status"), 2);
  EXPECT_EQ(described.at("protectionLevel"), "1");
  EXPECT_TRUE(Text(described, "subjectPublicKey").starts_with("-----BEGIN PUBLIC KEY"));
}

TEST_F(CertificateOperations, KnowNothingOfWhatIsPending) {
  const object made = Pending();
  const object named{{"certificateId", made.at("certificateId")}};
  const object described = Describe(named);
  for (const char* name :
       {"notBefore", "notAfter", "subject", "issuer", "subjectAlternativeNames", "serial",
        "signatureAlgorithm", "subjectKeyIdentifier", "subjectPublicKey", "keyUsage"})
    EXPECT_TRUE(described.at(name).is_null()) << name;
  EXPECT_EQ(described.at("status"), 1);
  const object got = Must("getCertificate", named);
  EXPECT_TRUE(got.at("certificate").is_null());
  EXPECT_TRUE(got.at("certificateChain").is_null());
  const object listed = Must("listCertificate", {});
  EXPECT_TRUE(listed.at("content").as_array().at(0).at("subject").is_null());
}

TEST_F(CertificateOperations, ListPagesFromOne) {
  for (int i = 0; i < 3; ++i) Pending();
  const object all = Must("listCertificate", {});
  ExpectMembers("listCertificate", all);
  EXPECT_EQ(all.at("pageNumber"), 1);
  EXPECT_EQ(all.at("pageSize"), 10);
  EXPECT_EQ(all.at("totalCount"), 3);
  const object first = all.at("content").as_array().at(0).as_object();
  EXPECT_THAT(NamesOf(first),
              ::testing::ElementsAre("certificateId", "keySpec", "exportablePrivateKey",
                                     "subject", "createdTime", "status", "labels"));
  EXPECT_EQ(first.at("createdTime"), "2030-01-01 00:00:00");
  const object second = Must("listCertificate", {{"pageNumber", "2"}, {"pageSize", "2"}});
  EXPECT_EQ(second.at("content").as_array().size(), 1U);
  EXPECT_EQ(second.at("content").as_array().at(0).at("certificateId"),
            all.at("content").as_array().at(2).at("certificateId"));
  EXPECT_THAT(Ask("listCertificate", {{"pageNumber", "0"}}),
              Fails(Reason::kBadParameter));
  EXPECT_THAT(Ask("listCertificate", {{"pageSize", "101"}}),
              Fails(Reason::kBadParameter));
}

TEST_F(CertificateOperations, ComputeWithCertificates) {
  const object named = Active();
  for (const auto& [type, message] :
       {std::pair<boost::json::value, std::string>(nullptr, "any text"),
        {"RAW", "any text"},
        {"DIGEST", std::string(32, 'd')}}) {
    const object asked =
        With(named,
             {{"algorithm", "SM2"}, {"message", Base64(message)}, {"messageType", type}});
    const object made = Must("certificatePrivateKeySign", asked);
    ExpectMembers("certificatePrivateKeySign", made);
    const auto verify = [&](const std::string& other) {
      return Must("certificatePublicKeyVerify",
                  With(asked, {{"signatureValue", made.at("signatureValue")},
                               {"message", Base64(other)}}));
    };
    ExpectMembers("certificatePublicKeyVerify", verify(message));
    EXPECT_EQ(verify(message).at("signatureValid"), "true");
    EXPECT_EQ(verify(std::string(32, 'e')).at("signatureValid"), "false");
  }
  const object algorithm{{"algorithm", "SM2PKE"}};
  const object sealed = Must("certificatePublicKeyEncrypt",
                             With(With(named, algorithm), {{"plaintext", Base64("hi")}}));
  ExpectMembers("certificatePublicKeyEncrypt", sealed);
  const object opened = Must(
      "certificatePrivateKeyDecrypt",
      With(With(named, algorithm), {{"ciphertextBlob", sealed.at("ciphertextBlob")}}));
  ExpectMembers("certificatePrivateKeyDecrypt", opened);
  EXPECT_EQ(Text(opened, "plaintext"), Base64("hi"));
}

TEST_F(CertificateOperations, GetRandom) {
  const std::string random =
      Text(Must("getRandom", {{"randomDataLength", 1024}}), "randomData");
  EXPECT_EQ(random.size(), 2048U);
  EXPECT_EQ(random.find_first_not_of("0123456789ABCDEF"), std::string::npos);
  EXPECT_EQ(Text(Must("getRandom", {{"randomDataLength", "1"}}), "randomData").size(),
            2U);
  for (const char* name : {"protectLevel", "protectionLevel"}) {
    EXPECT_OK(Ask("getRandom", {{"randomDataLength", 1}, {name, 1}}));
    EXPECT_THAT(Ask("getRandom", {{"randomDataLength", 1}, {name, 0}}),
                Fails(Reason::kHsmUnavailable));
  }
  for (const char* size : {"0", "1025", "-1", "x", "1.5"})
    EXPECT_THAT(Ask("getRandom", {{"randomDataLength", size}}),
                Fails(Reason::kBadParameter))
        << size;
}

TEST_F(CertificateOperations, TakeExportableInMoreThanOneSpelling) {
  for (const auto& [value, wanted] : std::vector<std::pair<boost::json::value, int>>{
           {1, 1}, {0, 0}, {"1", 1}, {"0", 0}, {true, 1}, {false, 0}, {"true", 1}}) {
    const object made = Pending({{"exportablePrivateKey", value}});
    EXPECT_EQ(Describe({{"certificateId", made.at("certificateId")}})
                  .at("exportablePrivateKey"),
              wanted);
  }
}

TEST_F(CertificateOperations, RefuseToCreate) {
  const std::pair<object, Reason> cases[] = {
      {{{"keySpec", nullptr}}, Reason::kKeySpecMissing},
      {{{"keySpec", "AES_256"}}, Reason::kBadKeySpec},
      {{{"subject", nullptr}}, Reason::kParameterMissing},
      {{{"subject", "C=CN"}}, Reason::kBadParameter},
      {{{"subject", "CN=x,C=CHN"}}, Reason::kBadParameter},
      {{{"subject", "CN=" + std::string(65, 'x') + ",C=CN"}}, Reason::kBadParameter},
      {{{"subject", "CN=" + std::string(5000, 'x') + ",C=CN"}}, Reason::kTooLong},
      {{{"subjectAlternativeNames", array{"a.example", "A.example"}}},
       Reason::kBadParameter},
      {{{"subjectAlternativeNames", array{"a b"}}}, Reason::kBadParameter},
      {{{"subjectAlternativeNames", array{1}}}, Reason::kBadParameter},
      {{{"subjectAlternativeNames",
         array{"1.example", "2.example", "3.example", "4.example", "5.example",
               "6.example", "7.example", "8.example", "9.example", "10.example",
               "11.example"}}},
       Reason::kBadParameter},
      {{{"exportablePrivateKey", nullptr}}, Reason::kParameterMissing},
      {{{"exportablePrivateKey", 2}}, Reason::kBadParameter},
      {{{"protectionLevel", nullptr}}, Reason::kProtectionLevelMissing},
      {{{"protectionLevel", 2}}, Reason::kBadProtectionLevel},
      {{{"protectionLevel", 0}}, Reason::kPrivateKeyNotExportable},
      {{{"epId", "no-such"}}, Reason::kBadParameter}};
  for (const auto& [changes, reason] : cases)
    EXPECT_THAT(Ask("createCertificate", Wanted(changes)), Fails(reason)) << changes;
  EXPECT_EQ(Must("listCertificate", {}).at("totalCount"), 0);
}

TEST_F(CertificateOperations, RefuseOtherRequests) {
  const object made = Pending();
  const object named = Active();
  const object absent{{"certificateId", "00000000-0000-4000-8000-000000000000"}};
  const object sign{{"algorithm", "SM2"}, {"message", "aGk="}};
  const struct {
    const char* operation;
    object parameters;
    Reason reason;
  } cases[] = {
      {"describeCertificate", {}, Reason::kParameterMissing},
      {"describeCertificate", absent, Reason::kCertificateNotFound},
      {"describeCertificate", {{"certificateId", "x"}}, Reason::kCertificateNotFound},
      {"importCertificate", With(Signed(made), {{"certificate", nullptr}}),
       Reason::kParameterMissing},
      {"importCertificate", With(Signed(made), {{"certificate", "x"}}),
       Reason::kBadParameter},
      {"importCertificate",
       With(Signed(made), {{"certificate", std::string(65537, 'x')}}), Reason::kTooLong},
      {"importCertificate", With(Signed(made), absent), Reason::kCertificateNotFound},
      {"importCertificate", With(Signed(made), named), Reason::kCertificateMismatch},
      {"updateCertificateStatus", named, Reason::kParameterMissing},
      {"updateCertificateStatus", With(named, {{"status", "active"}}),
       Reason::kBadParameter},
      {"updateCertificateStatus",
       {{"certificateId", made.at("certificateId")}, {"status", "REVOKED"}},
       Reason::kCertificateState},
      {"exportCertificatePrivateKey",
       With(named, {{"passPhrase", "short"}, {"exportFormat", "PKCS12"}}),
       Reason::kBadParameter},
      {"exportCertificatePrivateKey",
       With(named, {{"passPhrase", std::string(65, 'x')}, {"exportFormat", "PKCS12"}}),
       Reason::kTooLong},
      {"exportCertificatePrivateKey",
       With(named, {{"passPhrase", "correct horse"}, {"exportFormat", "PEM"}}),
       Reason::kBadParameter},
      {"exportCertificatePrivateKey",
       With(Active({{"exportablePrivateKey", 0}}),
            {{"passPhrase", "correct horse"}, {"exportFormat", "PKCS12"}}),
       Reason::kPrivateKeyNotExportable},
      {"certificatePrivateKeySign", With(named, {{"message", "aGk="}}),
       Reason::kSignAlgorithmMissing},
      {"certificatePrivateKeySign", With(named, {{"algorithm", "SM2"}}),
       Reason::kDigestMissing},
      {"certificatePrivateKeySign", With(With(named, sign), {{"algorithm", "DSA"}}),
       Reason::kBadAlgorithm},
      {"certificatePrivateKeySign",
       With(With(named, sign), {{"algorithm", "RSA_PSS_SHA_256"}}),
       Reason::kAlgorithmNotSupported},
      {"certificatePrivateKeySign", With(With(named, sign), {{"message", "no base64"}}),
       Reason::kBadParameter},
      {"certificatePrivateKeySign", With(With(named, sign), {{"messageType", "DIGEST"}}),
       Reason::kBadParameter},
      {"certificatePrivateKeySign",
       With(With(named, sign), {{"message", Base64(std::string(4097, 'x'))}}),
       Reason::kTooLong},
      {"certificatePublicKeyVerify", With(named, sign), Reason::kSignatureMissing},
      {"certificatePublicKeyEncrypt", With(named, {{"plaintext", "aGk="}}),
       Reason::kAlgorithmMissing},
      {"certificatePublicKeyEncrypt", With(named, {{"algorithm", "SM2"}}),
       Reason::kPlaintextMissing},
      {"certificatePrivateKeyDecrypt", With(named, {{"algorithm", "SM2"}}),
       Reason::kCiphertextMissing},
      {"certificatePrivateKeyDecrypt",
       With(named, {{"algorithm", "SM2"}, {"ciphertextBlob", "aGk="}}),
       Reason::kBadCiphertext},
      {"importCertificateByPKCS12",
       {{"passPhrase", "x"}, {"pkcs12Blob", "aGk="}, {"protectionLevel", "1"}},
       Reason::kBadPkcs12},
      {"importCertificateByPKCS12",
       {{"pkcs12Blob", "aGk="}, {"protectionLevel", "1"}},
       Reason::kParameterMissing},
      {"importCertificateByPKCS12",
       {{"passPhrase", "x"}, {"pkcs12Blob", "aGk="}},
       Reason::kProtectionLevelMissing},
      {"getRandom", {}, Reason::kParameterMissing},
  };
  for (const auto& each : cases)
    EXPECT_THAT(Ask(each.operation, each.parameters), Fails(each.reason))
        << each.operation << each.parameters;
}

TEST_F(CertificateOperations, DoNotSignOutOfTime) {
  const object asked =
      With(Active({}, {.not_before = kNow + kDay, .not_after = kNow + 2 * kDay}),
           {{"algorithm", "SM2"}, {"message", "aGk="}});
  EXPECT_THAT(Ask("certificatePrivateKeySign", asked), Fails(Reason::kCertificateState));
  clock.Advance(kDay);
  EXPECT_OK(Ask("certificatePrivateKeySign", asked));
  clock.Advance(2 * kDay);
  EXPECT_THAT(Ask("certificatePrivateKeySign", asked), Fails(Reason::kCertificateState));
}

}  // namespace
}  // namespace kms::server::testing
