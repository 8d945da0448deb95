// Every operation of the table on keys of HSM level: with a token that fails, and on
// threads that may not wait for it.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "certificates/outside.h"
#include "keys/fake_hsm.h"
#include "kms/encoding.h"
#include "operations/fixture.h"

namespace kms::server {
namespace {

using boost::json::object;

class HsmOperations : public testing::OperationsTest {
 protected:
  HsmOperations() {
    token.waits = true;
    hsm = &token;
    limits.access_points = limits.certificates = 100'000;  // each makes its own
    clock.Advance(x509::testing::kNow - clock.Now());
    Reopen();
    soft = Create();
  }

  std::string Make(object changes) {
    changes["protectionLevel"] = "0";
    return Create(changes);
  }
  object Pair(const char* usage, const char* spec = "RSA_2048") {
    const std::string key = Make({{"keySpec", spec}, {"keyUsage", usage}});
    return {{"cmkUuid", key}, {"keyVersionId", FirstVersion(key)}};
  }
  object With(object parameters, const object& more) {
    for (const auto& [name, value] : more) parameters[name] = value;
    return parameters;
  }
  object Blob() {
    return {{"ciphertextBlob",
             Must("encrypt", {{"cmkUuid", Make({})}, {"plaintext", Base64("x")}})
                 .at("ciphertextBlob")}};
  }
  object Alias(const std::string& key) {
    return {{"cmkUuid", key}, {"aliasName", "alias/a" + std::to_string(++aliases_)}};
  }
  object Import() {
    const std::string key = Make({{"origin", "EXTERNAL"}});
    const object given = Must("getParametersForImport", ParametersOf(key));
    const auto wrapped =
        backend->LoadPublic(FromBase64(Text(given, "publicKey")).value())
            .value()
            ->Encrypt(EncryptionAlgorithm::kRsaOaepSha256, Bytes(32, 0x11))
            .value();
    return {{"cmkUuid", key},
            {"keyMaterialExpireUnix", 4'000'000'000},
            {"importToken", given.at("importToken")},
            {"encryptedKeyMaterial", ToBase64(wrapped)}};
  }
  static object ParametersOf(const std::string& key) {
    return {{"cmkUuid", key},
            {"wrappingAlgorithm", "RSAES_OAEP_SHA_256"},
            {"wrappingKeySpec", "RSA_2048"}};
  }
  object NewTag() { return {{"key", "k"}, {"value", std::to_string(++tags_)}}; }
  object Tag() {
    const object made = NewTag();
    return With(made, {{"labelId", Must("addLebal", made).at("labelId")}});
  }
  object Point() {
    return {{"applicationId",
             Must("createApplicationAccessPoint", NewPoint()).at("applicationId")}};
  }
  object PointKey() { return {{"userAk", Must("createUserAk", Point()).at("userAk")}}; }
  static object NewPoint() {
    return {{"applicationName", "a"}, {"vpcId", "v"}, {"subnetId", "s"}};
  }
  object NewCertificate() const {
    return {{"keySpec", "RSA_2048"},
            {"subject", "CN=x,C=CN"},
            {"exportablePrivateKey", "0"},
            {"protectionLevel", "0"}};
  }
  // Pending, with what makes it active.
  object Signed(const object& wanted) {
    const object made = Must("createCertificate", wanted);
    const auto& ca = kms::testing::OutsideCa(KeySpec::kRsa2048);
    return {{"certificateId", made.at("certificateId")},
            {"certificate", kms::testing::Issued(Text(made, "csr"), ca)},
            {"certificateChain", kms::testing::ChainOf(ca)}};
  }
  object Certificate(object changes = {}) {
    const object signed_one = Signed(With(NewCertificate(), changes));
    Must("importCertificate", signed_one);
    return {{"certificateId", signed_one.at("certificateId")}};
  }
  static object UsbKey() {
    const auto& ca = kms::testing::OutsideCa(KeySpec::kRsa2048);
    return {{"algorithm", "RSA_2048"},
            {"ukName", "name"},
            {"cert", x509::CertificatePem(ca.leaf)},
            {"certificateChain", kms::testing::ChainOf(ca)}};
  }
  object Export() {
    const WrappedKey pair = backend->Generate(KeySpec::kRsa2048, {}).value();
    return {{"publicKeyBlob", ToBase64(pair.public_key)},
            {"algorithm", "RSAES_OAEP_SHA_256"},
            {"wrappingAlgorithm", "RSAES_OAEP_SHA_256"},
            {"wrappingKeySpec", "RSA_2048"}};
  }

  // Parameters that succeed, on a key of their own.
  std::map<std::string, std::function<object()>, std::less<>> Requests() {
    const auto key = [this] { return object{{"cmkUuid", Make({})}}; };
    const auto point = [this] { return Point(); };
    const object digest{{"algorithm", "RSA_PSS_SHA_256"},
                        {"digest", Base64(std::string(32, 'd'))}};
    const auto certificate = [this] { return Certificate(); };
    const auto usb_key = [this] {
      return object{
          {"certificateId", Must("importCertificateForUK", UsbKey()).at("ukId")}};
    };
    const object message{{"algorithm", "RSA_PSS_SHA_256"}, {"message", Base64("m")}};
    const object oaep{{"algorithm", "RSAES_OAEP_SHA_256"}};
    return {
        {"createKey",
         [this] { return With(NewKeyParameters(), {{"protectionLevel", "0"}}); }},
        {"describeKey", key},
        {"listKeys", [] { return object(); }},
        {"enableKey", key},
        {"disableKey", key},
        {"deleteProtect", key},
        {"cancelDeleteProtect", key},
        {"updateKeyDescription",
         [=, this] { return With(key(), {{"description", "d"}}); }},
        {"scheduleKeyDeletion",
         [=, this] { return With(key(), {{"pendingWindowInDays", "7"}}); }},
        {"cancelKeyDeletion",
         [this] {
           const object named{{"cmkUuid", Make({})}};
           Must("scheduleKeyDeletion", With(named, {{"pendingWindowInDays", "7"}}));
           return named;
         }},
        {"createAlias", [this] { return Alias(Make({})); }},
        {"updateAlias",
         [this] {
           const object named = Alias(soft);
           Must("createAlias", named);
           return With(named, {{"cmkUuid", Make({})}});
         }},
        {"deleteAlias",
         [this] {
           object named = Alias(Make({}));
           Must("createAlias", named);
           return With({{"userId", "account-1"}, {"regionId", "region-1"}},
                       {{"aliasName", named.at("aliasName")}});
         }},
        {"listAlias",
         [] { return object{{"userId", "account-1"}, {"regionId", "region-1"}}; }},
        {"listAliasByUuid", key},
        {"describeKeyVersion", [this] { return Pair("1"); }},
        {"listKeyVersions", key},
        {"updateRotationPolicy",
         [=, this] {
           return With(key(),
                       {{"enableAutomaticRotation", "true"}, {"rotationInterval", "7d"}});
         }},
        {"createKeyVersion",
         [this] { return object{{"cmkUuid", Pair("1").at("cmkUuid")}}; }},
        {"encrypt", [=, this] { return With(key(), {{"plaintext", Base64("x")}}); }},
        {"decrypt", [this] { return Blob(); }},
        {"generateDataKey", key},
        {"generateDataKeyWithoutPlaintext", key},
        {"exportDataKey", [this] { return With(Export(), Blob()); }},
        {"generateAndExportDataKey", [=, this] { return With(Export(), key()); }},
        {"reEncrypt", [this] { return With(Blob(), {{"destinationKeyId", Make({})}}); }},
        {"asymmetricSign", [=, this] { return With(Pair("2"), digest); }},
        {"asymmetricVerify",
         [=, this] {
           const object asked = With(Pair("2"), digest);
           return With(asked, {{"value", Must("asymmetricSign", asked).at("value")}});
         }},
        {"asymmetricEncrypt",
         [=, this] { return With(With(Pair("1"), oaep), {{"plaintext", Base64("x")}}); }},
        {"asymmetricDecrypt",
         [=, this] {
           const object asked = With(Pair("1"), oaep);
           return With(asked,
                       {{"ciphertextBlob", Must("asymmetricEncrypt",
                                                With(asked, {{"plaintext", Base64("x")}}))
                                               .at("ciphertextBlob")}});
         }},
        {"getPublicKey", [this] { return Pair("1"); }},
        {"hmacCompute", [=, this] { return With(key(), {{"input", "x"}}); }},
        {"hmacVerify",
         [=, this] {
           return With(key(), {{"input", "x"}, {"hmac", std::string(64, '0')}});
         }},
        {"messageDigest", [] { return object{{"input", "x"}}; }},
        {"addLebal", [this] { return NewTag(); }},
        {"updateLebal", [this] { return With(Tag(), NewTag()); }},
        {"deleteLebal", [this] { return Tag(); }},
        {"listLebal", [] { return object(); }},
        {"bindResource", [this] { return With(Tag(), {{"resourceId", Make({})}}); }},
        {"unbindResource",
         [this] {
           const object asked = With(Tag(), {{"resourceId", Make({})}});
           Must("bindResource", asked);
           return asked;
         }},
        {"listResourceLebal", [this] { return object{{"resourceId", Make({})}}; }},
        {"getParametersForImport",
         [this] { return ParametersOf(Make({{"origin", "EXTERNAL"}})); }},
        {"importKeyMaterial", [this] { return Import(); }},
        {"deleteKeyMaterial",
         [this] {
           const object asked = Import();
           Must("importKeyMaterial", asked);
           return object{{"cmkUuid", asked.at("cmkUuid")}};
         }},
        {"createCertificate", [this] { return NewCertificate(); }},
        {"importCertificate", [this] { return Signed(NewCertificate()); }},
        {"listCertificate", [] { return object(); }},
        {"describeCertificate", certificate},
        {"updateCertificateStatus",
         [=, this] { return With(certificate(), {{"status", "REVOKED"}}); }},
        {"getCertificate", certificate},
        {"exportCertificatePrivateKey",
         [this] {
           return With(
               Certificate({{"protectionLevel", "1"}, {"exportablePrivateKey", "1"}}),
               {{"passPhrase", "correct horse"}, {"exportFormat", "PKCS12"}});
         }},
        {"deleteCertificate", certificate},
        {"certificatePrivateKeySign", [=, this] { return With(certificate(), message); }},
        {"certificatePublicKeyVerify",
         [=, this] {
           const object asked = With(certificate(), message);
           return With(asked,
                       {{"signatureValue",
                         Must("certificatePrivateKeySign", asked).at("signatureValue")}});
         }},
        {"certificatePublicKeyEncrypt",
         [=, this] {
           return With(With(certificate(), oaep), {{"plaintext", Base64("x")}});
         }},
        {"certificatePrivateKeyDecrypt",
         [=, this] {
           const object asked = With(certificate(), oaep);
           return With(asked,
                       {{"ciphertextBlob", Must("certificatePublicKeyEncrypt",
                                                With(asked, {{"plaintext", Base64("x")}}))
                                               .at("ciphertextBlob")}});
         }},
        {"getRandom",
         [] { return object{{"randomDataLength", 8}, {"protectLevel", "0"}}; }},
        {"importCertificateByPKCS12",
         [] {
           return object{
               {"passPhrase", kms::testing::kFilePass},
               {"pkcs12Blob", ToBase64(kms::testing::Pkcs12Of(KeySpec::kRsa2048))},
               {"protectionLevel", "0"}};
         }},
        {"importCertificateForUK", [] { return UsbKey(); }},
        {"listCertificateForUk", [] { return object(); }},
        {"describeCertificateForUk", usb_key},
        {"updateCertificateStatusForUk",
         [=, this] { return With(usb_key(), {{"status", "INACTIVE"}}); }},
        {"deleteCertificateForUk", usb_key},
        {"certificatePublicKeyVerifyForUsbKey",
         [=, this] {
           return With(With(usb_key(), message), {{"signatureValue", "aGk="}});
         }},
        {"createApplicationAccessPoint", [] { return NewPoint(); }},
        {"listApplicationAccessPoint", [] { return object(); }},
        {"deleteApplicationAccessPoint", point},
        {"listVpc", [] { return object(); }},
        {"listSubnet", [] { return object{{"vpcId", "v"}}; }},
        {"listAllUri", point},
        {"listPointUriPolicy", point},
        {"changePointUriPolicy",
         [=, this] {
           return With(point(), {{"policyType", "allow"},
                                 {"policyList", boost::json::array{"kms:cmk:encrypt"}}});
         }},
        {"listPointResourcePolicy", point},
        {"describeResourcePolicy", point},
        {"changePointResourcePolicy",
         [=, this] {
           return With(point(), {{"policyType", "allow"},
                                 {"cmkList", boost::json::array{Make({})}}});
         }},
        {"policyCheckIsOpen", point},
        {"closePolicyCheck", point},
        {"addEndpointWhitelist",
         [=, this] {
           return With(point(), {{"enableWhitelist", true},
                                 {"ips", boost::json::array{"10.0.0.0/8"}}});
         }},
        {"showEndpointWhitelist", point},
        {"createUserAk", point},
        {"listUserAk", point},
        {"enableUserAk", [this] { return PointKey(); }},
        {"disableUserAk", [this] { return PointKey(); }},
        {"deleteUserAk", [this] { return PointKey(); }},
        {"isActivated", [] { return object{{"userId", "account-1"}}; }},
    };
  }

  kms::testing::FakeHsm token;
  std::string soft;

 private:
  int aliases_ = 0;
  int tags_ = 0;
};

TEST_F(HsmOperations, EveryOneIsAsked) {
  const auto requests = Requests();
  // The administration of an account has no material, and asks no token.
  for (const Operation* const operation : AllOperations())
    EXPECT_NE(requests.contains(operation->name), IsOurs(*operation)) << operation->name;
}

TEST_F(HsmOperations, AFailureOfTheTokenIsToldAndChangesNothing) {
  std::set<std::string> needed_it;
  for (const bool objects : {false, true}) {
    token.objects = objects;
    for (const auto& [name, request] : Requests()) {
      const object parameters = request();
      Reopen();  // nothing is loaded
      for (int n = 1;; ++n) {
        const std::size_t keys = kms->keys().List(me, {}, {}).value().total;
        token.FailCall(n);
        const auto answer = Ask(name, parameters);
        const bool failed = token.HasFailed();
        token.FailCall(0);
        if (!failed) {
          EXPECT_OK(answer) << name;
          break;
        }
        needed_it.insert(name);
        EXPECT_THAT(answer, kms::testing::Fails(Reason::kHsmUnavailable)) << name;
        EXPECT_EQ(kms->keys().List(me, {}, {}).value().total, keys) << name;
        Reopen();
      }
    }
  }
  EXPECT_THAT(needed_it,
              ::testing::UnorderedElementsAre(
                  "asymmetricDecrypt", "asymmetricSign", "certificatePrivateKeyDecrypt",
                  "certificatePrivateKeySign", "createCertificate", "createKey",
                  "createKeyVersion", "decrypt", "encrypt", "exportDataKey",
                  "generateAndExportDataKey", "generateDataKey",
                  "generateDataKeyWithoutPlaintext", "getParametersForImport",
                  "getRandom", "hmacCompute", "hmacVerify", "importCertificateByPKCS12",
                  "importKeyMaterial", "reEncrypt"))
      << "the others need no token";
}

TEST_F(HsmOperations, AThreadThatMayNotWaitNeverCallsTheToken) {
  for (const auto& [name, request] : Requests()) {
    const object parameters = request();
    for (const bool loaded : {true, false}) {
      if (!loaded) Reopen();
      const int calls = token.calls();
      me.may_wait_for_token = false;
      const auto answer = Ask(name, parameters);
      me.may_wait_for_token = true;
      EXPECT_EQ(token.calls(), calls) << name;
      if (answer) break;  // needs no token
      EXPECT_EQ(answer.error().error_class(), ErrorClass::kMustWait) << name;
      if (loaded) continue;
      EXPECT_OK(Ask(name, parameters)) << name;
    }
  }
}

TEST_F(HsmOperations, ATokenThatIsAwayLeavesSoftwareKeysAlone) {
  token.away = true;
  const object sealed = Must("encrypt", {{"cmkUuid", soft}, {"plaintext", Base64("x")}});
  Must("decrypt", {{"ciphertextBlob", sealed.at("ciphertextBlob")}});
  Create({{"keySpec", "RSA_2048"}});
  Must("listKeys", {});
}

// SM2 is here because its keys exist at HSM level only.
TEST_F(HsmOperations, TheAlgorithmsOfSm2HaveTwoNamesEach) {
  const object signing = Pair("2", "Ctyun_SM2"), encrypting = Pair("1", "Ctyun_SM2");
  const auto sign = [&](const char* algorithm) {
    return With(signing,
                {{"algorithm", algorithm}, {"digest", Base64(std::string(32, 'd'))}});
  };
  for (const auto& [name, other] : {std::pair("SM2", "SM2DSA"), {"SM2DSA", "SM2"}}) {
    const object made = Must("asymmetricSign", sign(name));
    const object verified =
        Must("asymmetricVerify", With(sign(other), {{"value", made.at("value")}}));
    EXPECT_EQ(Text(verified, "value"), "true") << name;
  }
  for (const auto& [name, other] : {std::pair("SM2", "SM2PKE"), {"SM2PKE", "SM2"}}) {
    const object encrypted =
        Must("asymmetricEncrypt",
             With(encrypting, {{"algorithm", name}, {"plaintext", Base64("hi")}}));
    const object blob{{"ciphertextBlob", encrypted.at("ciphertextBlob")}};
    const object opened =
        Must("asymmetricDecrypt", With(With(encrypting, {{"algorithm", other}}), blob));
    EXPECT_EQ(Text(opened, "plaintext"), Base64("hi")) << name;
    const object again = Must(
        "reEncrypt", With(blob, {{"destinationKeyId", soft},
                                 {"sourceKeyId", encrypting.at("cmkUuid")},
                                 {"sourceKeyVersionId", encrypting.at("keyVersionId")},
                                 {"sourceEncryptionAlgorithm", other}}));
    const object moved =
        Must("decrypt", {{"ciphertextBlob", again.at("ciphertextBlob")}});
    EXPECT_EQ(Text(moved, "cmkUuid"), soft);
    EXPECT_EQ(Text(moved, "plaintext"), Base64("hi")) << other;
  }
  // Neither of the other two is taken for them.
  EXPECT_THAT(Ask("asymmetricSign", sign("SM2PKE")),
              kms::testing::Fails(Reason::kBadAlgorithm));
  EXPECT_THAT(Ask("asymmetricEncrypt", With(encrypting, {{"algorithm", "SM2DSA"},
                                                         {"plaintext", Base64("hi")}})),
              kms::testing::Fails(Reason::kBadAlgorithm));
}

}  // namespace
}  // namespace kms::server
