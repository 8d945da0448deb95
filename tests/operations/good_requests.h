// GoodRequests: for every operation of the table parameters that succeed.

#ifndef KMS_TESTS_OPERATIONS_GOOD_REQUESTS_H_
#define KMS_TESTS_OPERATIONS_GOOD_REQUESTS_H_

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "certificates/outside.h"
#include "kms/crypto_backend.h"
#include "kms/encoding.h"

namespace kms::server::testing {

using boost::json::array;
using boost::json::object;

class GoodRequests {
 public:
  // Asks the server under test, as its account's root user; what it returns is the result
  // of what must succeed.
  using Must = std::function<object(std::string_view operation, const object&)>;

  // Keys and certificates are of that protection level.
  GoodRequests(Must must, std::string account, std::string level)
      : must_(std::move(must)), account_(std::move(account)), level_(std::move(level)) {}

  // A version of a new key pair.
  object Pair(const char* usage, const char* spec = "RSA_2048") {
    const std::string key = Make({{"keySpec", spec}, {"keyUsage", usage}});
    return {{"cmkUuid", key}, {"keyVersionId", FirstVersion(key)}};
  }

  // Each makes what it is about, as far as there has to be something.
  std::map<std::string, std::function<object()>, std::less<>> All() {
    const auto key = [this] { return object{{"cmkUuid", Make({})}}; };
    const auto point = [this] { return Point(); };
    const auto user = [this] { return User(); };
    const object digest{{"algorithm", "RSA_PSS_SHA_256"},
                        {"digest", Base64(std::string(32, 'd'))}};
    const auto certificate = [this] { return Certificate(); };
    const auto usb_key = [this] {
      return object{
          {"certificateId", must_("importCertificateForUK", UsbKey()).at("ukId")}};
    };
    const object message{{"algorithm", "RSA_PSS_SHA_256"}, {"message", Base64("m")}};
    const object oaep{{"algorithm", "RSAES_OAEP_SHA_256"}};
    return {
        {"createKey", [this] { return NewKey(); }},
        {"describeKey", key},
        {"listKeys", [] { return object(); }},
        {"enableKey",
         [=, this] {
           const object named = key();
           must_("disableKey", named);
           return named;
         }},
        {"disableKey", key},
        {"deleteProtect", key},
        {"cancelDeleteProtect",
         [=, this] {
           const object named = key();
           must_("deleteProtect", named);
           return named;
         }},
        {"updateKeyDescription",
         [=, this] { return With(key(), {{"description", "d"}}); }},
        {"scheduleKeyDeletion",
         [=, this] { return With(key(), {{"pendingWindowInDays", "7"}}); }},
        {"cancelKeyDeletion",
         [this] {
           const object named{{"cmkUuid", Make({})}};
           must_("scheduleKeyDeletion", With(named, {{"pendingWindowInDays", "7"}}));
           return named;
         }},
        {"createAlias", [this] { return Alias(Make({})); }},
        {"updateAlias",
         [this] {
           const object named = Alias(Make({}));
           must_("createAlias", named);
           return With(named, {{"cmkUuid", Make({})}});
         }},
        {"deleteAlias",
         [this] {
           object named = Alias(Make({}));
           must_("createAlias", named);
           return With({{"userId", account_}, {"regionId", "region-1"}},
                       {{"aliasName", named.at("aliasName")}});
         }},
        {"listAlias",
         [this] { return object{{"userId", account_}, {"regionId", "region-1"}}; }},
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
           return With(asked, {{"value", must_("asymmetricSign", asked).at("value")}});
         }},
        {"asymmetricEncrypt",
         [=, this] { return With(With(Pair("1"), oaep), {{"plaintext", Base64("x")}}); }},
        {"asymmetricDecrypt",
         [=, this] {
           const object asked = With(Pair("1"), oaep);
           return With(
               asked, {{"ciphertextBlob", must_("asymmetricEncrypt",
                                                With(asked, {{"plaintext", Base64("x")}}))
                                              .at("ciphertextBlob")}});
         }},
        {"getPublicKey", [this] { return Pair("1"); }},
        {"hmacCompute", [=, this] { return With(key(), {{"input", "x"}}); }},
        {"hmacVerify",
         [=, this] {
           const object asked = With(key(), {{"input", "x"}});
           return With(asked, {{"hmac", must_("hmacCompute", asked).at("hmacoutput")}});
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
           must_("bindResource", asked);
           return asked;
         }},
        {"listResourceLebal", [this] { return object{{"resourceId", Make({})}}; }},
        {"getParametersForImport",
         [this] { return ParametersOf(Make({{"origin", "EXTERNAL"}})); }},
        {"importKeyMaterial", [this] { return Import(); }},
        {"deleteKeyMaterial",
         [this] {
           const object asked = Import();
           must_("importKeyMaterial", asked);
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
           return With(
               asked, {{"signatureValue",
                        must_("certificatePrivateKeySign", asked).at("signatureValue")}});
         }},
        {"certificatePublicKeyEncrypt",
         [=, this] {
           return With(With(certificate(), oaep), {{"plaintext", Base64("x")}});
         }},
        {"certificatePrivateKeyDecrypt",
         [=, this] {
           const object asked = With(certificate(), oaep);
           return With(
               asked, {{"ciphertextBlob", must_("certificatePublicKeyEncrypt",
                                                With(asked, {{"plaintext", Base64("x")}}))
                                              .at("ciphertextBlob")}});
         }},
        {"getRandom",
         [this] { return object{{"randomDataLength", 8}, {"protectLevel", level_}}; }},
        {"importCertificateByPKCS12",
         [this] {
           return object{
               {"passPhrase", kms::testing::kFilePass},
               {"pkcs12Blob", ToBase64(kms::testing::Pkcs12Of(KeySpec::kRsa2048))},
               {"protectionLevel", level_}};
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
                                 {"policyList", array{"kms:cmk:encrypt"}}});
         }},
        {"listPointResourcePolicy", point},
        {"describeResourcePolicy", point},
        {"changePointResourcePolicy",
         [=, this] {
           return With(point(), {{"policyType", "allow"}, {"cmkList", array{Make({})}}});
         }},
        {"policyCheckIsOpen", point},
        {"closePolicyCheck", point},
        {"addEndpointWhitelist",
         [=, this] {
           return With(point(),
                       {{"enableWhitelist", true}, {"ips", array{"10.0.0.0/8"}}});
         }},
        {"showEndpointWhitelist", point},
        {"createUserAk", point},
        {"listUserAk", point},
        {"enableUserAk",
         [this] {
           const object named = PointKey();
           must_("disableUserAk", named);
           return named;
         }},
        {"disableUserAk", [this] { return PointKey(); }},
        {"deleteUserAk", [this] { return PointKey(); }},
        {"isActivated", [this] { return object{{"userId", account_}}; }},
        {"batchEncrypt",
         [=, this] {
           return With(key(), {{"plaintexts", array{Base64("x"), Base64("y")}}});
         }},
        {"batchDecrypt",
         [this] {
           const auto blob = [this] { return Blob().at("ciphertextBlob"); };
           return object{{"ciphertextBlobs", array{blob(), blob()}}};
         }},
        {"batchSign",
         [=, this] {
           const auto value = digest.at("digest");
           return With(Pair("2"), {{"algorithm", digest.at("algorithm")},
                                   {"digests", array{value, value}}});
         }},
        {"createUser", [this] { return object{{"userName", NewName()}}; }},
        {"describeUser", user},
        {"listUsers", [] { return object(); }},
        {"enableUser",
         [=, this] {
           const object named = user();
           must_("disableUser", named);
           return named;
         }},
        {"disableUser", user},
        {"deleteUser", user},
        {"createAccessKey", user},
        {"listAccessKeys", user},
        {"enableAccessKey",
         [this] {
           const object named = UserKey();
           must_("disableAccessKey", named);
           return named;
         }},
        {"disableAccessKey", [this] { return UserKey(); }},
        {"deleteAccessKey", [this] { return UserKey(); }},
        {"createGroup", [this] { return object{{"groupName", NewName()}}; }},
        {"listGroups", [] { return object(); }},
        {"deleteGroup", [this] { return Group(); }},
        {"addUserToGroup", [this] { return With(Group(), User()); }},
        {"removeUserFromGroup", [this] { return Member(); }},
        {"listGroupUsers", [this] { return Group(); }},
        {"createPolicy", [this] { return NewPolicy(); }},
        {"updatePolicy", [this] { return With(Policy(), {{"description", "d"}}); }},
        {"describePolicy", [this] { return Policy(); }},
        {"listPolicies", [] { return object(); }},
        {"deletePolicy", [this] { return Policy(); }},
        {"grantPolicy", [this] { return With(Group(), Policy()); }},
        {"revokePolicy", [this] { return Grant(); }},
        {"listGrants", [] { return object(); }},
        {"simulatePolicy",
         [=, this] { return With(user(), {{"action", "kms:cmk:encrypt"}}); }},
        {"createProject", [this] { return NewProject(); }},
        {"updateProject", [this] { return With(Project(), {{"description", "d"}}); }},
        {"listProjects", [] { return object(); }},
        {"deleteProject", [this] { return Project(); }},
        {"moveKey", [=, this] { return With(key(), Project()); }},
        {"moveCertificate", [=, this] { return With(certificate(), Project()); }},
        {"queryAuditEvents", [] { return object(); }},
    };
  }

 private:
  object NewKey() const {
    return {{"protectionLevel", level_}, {"keySpec", "AES_256"},
            {"regionId", "region-1"},    {"keyUsage", "1"},
            {"origin", "KMS"},           {"enableAutomaticRotation", "false"}};
  }
  std::string Make(const object& changes) {
    return Text(must_("createKey", With(NewKey(), changes)), "cmkUuid");
  }
  object User() {
    return {{"userId", must_("createUser", {{"userName", NewName()}}).at("userId")}};
  }
  object UserKey() {
    const object user = User();
    return With(user, {{"accessKey", must_("createAccessKey", user).at("accessKey")}});
  }
  object Group() {
    return {{"groupId", must_("createGroup", {{"groupName", NewName()}}).at("groupId")}};
  }
  object Member() {
    const object made = With(Group(), User());
    must_("addUserToGroup", made);
    return made;
  }
  object NewPolicy() {
    return {{"policyName", NewName()},
            {"policyDocument",
             R"({"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": "*"}]})"}};
  }
  object Policy() {
    return {{"policyId", must_("createPolicy", NewPolicy()).at("policyId")}};
  }
  object Grant() {
    const object made = With(Group(), Policy());
    must_("grantPolicy", made);
    return made;
  }
  object NewProject() { return {{"epId", NewName()}, {"epName", NewName()}}; }
  object Project() {
    const object made = NewProject();
    must_("createProject", made);
    return {{"epId", made.at("epId")}};
  }
  object With(object parameters, const object& more) const {
    for (const auto& [name, value] : more) parameters[name] = value;
    return parameters;
  }
  object Blob() {
    return {{"ciphertextBlob",
             must_("encrypt", {{"cmkUuid", Make({})}, {"plaintext", Base64("x")}})
                 .at("ciphertextBlob")}};
  }
  object Alias(const std::string& key) {
    return {{"cmkUuid", key}, {"aliasName", "alias/" + NewName()}};
  }
  object Import() {
    const std::string key = Make({{"origin", "EXTERNAL"}});
    const object given = must_("getParametersForImport", ParametersOf(key));
    const auto wrapped =
        backend_->LoadPublic(FromBase64(Text(given, "publicKey")).value())
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
  object NewTag() { return {{"key", "k"}, {"value", NewName()}}; }
  object Tag() {
    const object made = NewTag();
    return With(made, {{"labelId", must_("addLebal", made).at("labelId")}});
  }
  object Point() {
    return {{"applicationId",
             must_("createApplicationAccessPoint", NewPoint()).at("applicationId")}};
  }
  object PointKey() { return {{"userAk", must_("createUserAk", Point()).at("userAk")}}; }
  static object NewPoint() {
    return {{"applicationName", "a"}, {"vpcId", "v"}, {"subnetId", "s"}};
  }
  object NewCertificate() const {
    return {{"keySpec", "RSA_2048"},
            {"subject", "CN=x,C=CN"},
            {"exportablePrivateKey", "0"},
            {"protectionLevel", level_}};
  }
  // Pending, with what makes it active.
  object Signed(const object& wanted) {
    const object made = must_("createCertificate", wanted);
    const auto& ca = kms::testing::OutsideCa(KeySpec::kRsa2048);
    return {{"certificateId", made.at("certificateId")},
            {"certificate", kms::testing::Issued(Text(made, "csr"), ca)},
            {"certificateChain", kms::testing::ChainOf(ca)}};
  }
  object Certificate(object changes = {}) {
    const object signed_one = Signed(With(NewCertificate(), changes));
    must_("importCertificate", signed_one);
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
    const WrappedKey pair = backend_->Generate(KeySpec::kRsa2048, {}).value();
    return {{"publicKeyBlob", ToBase64(pair.public_key)},
            {"algorithm", "RSAES_OAEP_SHA_256"},
            {"wrappingAlgorithm", "RSAES_OAEP_SHA_256"},
            {"wrappingKeySpec", "RSA_2048"}};
  }

  std::string FirstVersion(const std::string& key) {
    const object listed = must_("listKeyVersions", {{"cmkUuid", key}});
    return Text(listed.at("content").at(0).as_object(), "primaryKeyVersion");
  }
  std::string NewName() { return "name-" + std::to_string(++names_); }
  static std::string Text(const object& result, std::string_view name) {
    return std::string(result.at(name).as_string());
  }
  static std::string Base64(std::string_view text) { return ToBase64(AsBytes(text)); }

  const Must must_;
  const std::string account_;
  const std::string level_;
  // Of somebody outside.
  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend_ = NewBotanBackend(*root_);
  int names_ = 0;
};

}  // namespace kms::server::testing

#endif  // KMS_TESTS_OPERATIONS_GOOD_REQUESTS_H_
