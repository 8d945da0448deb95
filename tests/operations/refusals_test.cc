// Which error comes of what, and which of two comes first.

#include <gtest/gtest.h>

#include <utility>

#include "kms/encoding.h"
#include "operations/fixture.h"

namespace kms::server::testing {
namespace {

using kms::testing::Fails;

class Refusals : public OperationsTest {
 protected:
  Result<object> CreateWith(const object& changes) {
    object parameters = NewKeyParameters();
    for (const auto& [name, value] : changes) parameters[name] = value;
    return Ask("createKey", parameters);
  }
};

TEST_F(Refusals, CreateKeyAsksForItsParametersInOrder) {
  const std::pair<const char*, Reason> order[] = {
      {"protectionLevel", Reason::kProtectionLevelMissing},
      {"keySpec", Reason::kKeySpecMissing},
      {"regionId", Reason::kRegionMissing},
      {"keyUsage", Reason::kKeyUsageMissing},
      {"enableAutomaticRotation", Reason::kRotationSwitchMissing},
      {"origin", Reason::kParameterMissing}};
  object parameters;
  for (const auto& [name, reason] : order) {
    const auto result = Ask("createKey", parameters);
    EXPECT_THAT(result, Fails(reason));
    EXPECT_EQ(result.error().parameter(), name);
    parameters[name] = NewKeyParameters()[name];
  }
  EXPECT_OK(Ask("createKey", parameters));
}

TEST_F(Refusals, CreateKey) {
  const std::pair<object, Reason> cases[] = {
      {{{"protectionLevel", "7"}}, Reason::kBadProtectionLevel},
      {{{"keySpec", "DES"}}, Reason::kBadKeySpec},
      {{{"keySpec", "aes_256"}}, Reason::kBadKeySpec},
      {{{"keySpec", "SM4"}}, Reason::kBadKeySpec},
      {{{"keyUsage", "9"}}, Reason::kBadKeyUsage},
      {{{"keyUsage", "2"}}, Reason::kBadKeyUsage},
      {{{"enableAutomaticRotation", "maybe"}}, Reason::kBadBoolean},
      {{{"enableAutomaticRotation", 1}}, Reason::kBadBoolean},
      {{{"enableAutomaticRotation", "true"}}, Reason::kRotationIntervalMissing},
      {{{"enableAutomaticRotation", true}, {"rotationInterval", "6d"}},
       Reason::kBadRotationInterval},
      {{{"enableAutomaticRotation", true}, {"rotationInterval", "731d"}},
       Reason::kBadRotationInterval},
      {{{"rotationInterval", "7h"}}, Reason::kBadRotationInterval},
      {{{"origin", "elsewhere"}}, Reason::kBadParameter},
      {{{"keySpec", "Ctyun_SM4"}}, Reason::kBadKeySpec},
      {{{"keySpec", "Ctyun_SM2"}}, Reason::kBadKeySpec},
      {{{"keySpec", "RSA_2048"},
        {"enableAutomaticRotation", true},
        {"rotationInterval", "30d"}},
       Reason::kNoAutomaticRotation},
      {{{"origin", "EXTERNAL"},
        {"enableAutomaticRotation", true},
        {"rotationInterval", "30d"}},
       Reason::kNoAutomaticRotation},
      {{{"keySpec", "RSA_2048"}, {"origin", "EXTERNAL"}},
       Reason::kAsymmetricCannotImport},
      {{{"protectionLevel", 0}, {"keySpec", "Ctyun_SM4"}, {"origin", "EXTERNAL"}},
       Reason::kCannotImport},
      {{{"description", std::string(8193, 'x')}}, Reason::kTooLong},
      {{{"aliasName", "no blanks"}}, Reason::kBadParameter},
      {{{"epId", std::string(65, 'x')}}, Reason::kTooLong}};
  for (const auto& [changes, reason] : cases)
    EXPECT_THAT(CreateWith(changes), Fails(reason)) << changes;
  EXPECT_EQ(Must("listKeys", {}).at("totalCount"), 0);
}

TEST_F(Refusals, AnIntervalIsIgnoredWhileRotationIsOff) {
  EXPECT_OK(CreateWith({{"rotationInterval", "30d"}}));
  const std::string key = Create();
  EXPECT_OK(Ask("updateRotationPolicy", {{"cmkUuid", key},
                                         {"enableAutomaticRotation", "false"},
                                         {"rotationInterval", "30d"}}));
  EXPECT_FALSE(Must("describeKey", {{"cmkUuid", key}}).contains("rotationInterval"));
  EXPECT_THAT(Ask("updateRotationPolicy",
                  {{"cmkUuid", key}, {"enableAutomaticRotation", "true"}}),
              Fails(Reason::kRotationIntervalMissing));
}

TEST_F(Refusals, AliasesOfSomebodyElse) {
  Create({{"aliasName", "alias/a"}});
  for (const char* user : {"account-2", "account-1-root2", "ACCOUNT-1"}) {
    EXPECT_THAT(Ask("listAlias", {{"userId", user}, {"regionId", "region-1"}}),
                Fails(Reason::kDenied));
    EXPECT_THAT(
        Ask("deleteAlias",
            {{"userId", user}, {"regionId", "region-1"}, {"aliasName", "alias/a"}}),
        Fails(Reason::kDenied));
  }
  EXPECT_OK(Ask("describeKey", {{"cmkUuid", "alias/a"}}));
  EXPECT_THAT(Ask("deleteAlias", {{"userId", "account-1"},
                                  {"regionId", "region-1"},
                                  {"aliasName", "alias/none"}}),
              Fails(Reason::kAliasNotFound));
}

TEST_F(Refusals, PagesOutOfBounds) {
  for (const object& page :
       {object{{"pageSize", "0"}}, object{{"pageSize", "101"}}, object{{"pageSize", "x"}},
        object{{"pageNumber", "-1"}}, object{{"pageNumber", "x"}}})
    EXPECT_THAT(Ask("listKeys", page), Fails(Reason::kBadParameter)) << page;
  EXPECT_THAT(Ask("listKeys", {{"status", "4"}}), Fails(Reason::kBadParameter));
  EXPECT_THAT(Ask("listKeys", {{"keyUsage", "3"}}), Fails(Reason::kBadKeyUsage));
}

TEST_F(Refusals, Computation) {
  const std::string key = Create();
  const auto encrypt = [&](const std::string& plaintext) {
    return Ask("encrypt", {{"cmkUuid", key}, {"plaintext", plaintext}});
  };
  EXPECT_THAT(encrypt(""), Fails(Reason::kPlaintextMissing));
  EXPECT_THAT(encrypt("aGk"), Fails(Reason::kBadParameter));
  EXPECT_THAT(encrypt(Base64(std::string(6145, 'x'))), Fails(Reason::kTooLong));
  EXPECT_THAT(Ask("decrypt", {{"ciphertextBlob", "?"}}), Fails(Reason::kBadCiphertext));
  for (const object& size :
       {object{{"numberOfBytes", 0}}, object{{"numberOfBytes", 1025}}}) {
    object parameters = size;
    parameters["cmkUuid"] = key;
    EXPECT_THAT(Ask("generateDataKey", parameters), Fails(Reason::kBadParameter)) << size;
  }
  EXPECT_THAT(Ask("generateDataKey", {{"cmkUuid", key}, {"keySpec", "AES_192"}}),
              Fails(Reason::kBadKeySpec));
}

TEST_F(Refusals, Integrity) {
  const std::string key = Create();
  const object good{{"cmkUuid", key}, {"input", "x"}, {"hmac", std::string(64, '0')}};
  const std::pair<object, Reason> of_input[] = {
      {{{"input", ""}}, Reason::kParameterMissing},
      {{{"inputEncoding", "utf-8"}}, Reason::kBadParameter},
      {{{"inputEncoding", "base64"}}, Reason::kBadParameter},
      {{{"inputEncoding", "hex"}}, Reason::kBadParameter},
      {{{"inputEncoding", "hex"}, {"input", "0g"}}, Reason::kBadParameter},
      {{{"input", std::string(6145, 'x')}}, Reason::kTooLong},
      {{{"input", std::string(12289, 'x')}}, Reason::kTooLong},
      {{{"inputEncoding", "hex"}, {"input", std::string(12290, '0')}}, Reason::kTooLong},
      {{{"inputEncoding", "base64"}, {"input", Base64(std::string(6145, 'x'))}},
       Reason::kTooLong}};
  const std::pair<object, Reason> of_key[] = {
      {{{"cmkUuid", ""}}, Reason::kKeyIdMissing},
      {{{"cmkUuid", "alias-none"}}, Reason::kKeyNotFound},
      {{{"cmkUuid", Create({{"keySpec", "RSA_2048"}})}}, Reason::kNotSymmetric},
      {{{"keyVersionId", "1"}}, Reason::kVersionNotFound},
      {{{"keyVersionId", key}}, Reason::kVersionNotFound}};
  const auto with = [&](const char* operation, const object& changes) {
    object parameters = good;
    for (const auto& [name, value] : changes) parameters[name] = value;
    return Ask(operation, parameters);
  };
  for (const auto& [changes, reason] : of_input)
    for (const char* operation : {"hmacCompute", "hmacVerify", "messageDigest"})
      EXPECT_THAT(with(operation, changes), Fails(reason)) << operation << changes;
  for (const auto& [changes, reason] : of_key)
    for (const char* operation : {"hmacCompute", "hmacVerify"})
      EXPECT_THAT(with(operation, changes), Fails(reason)) << operation << changes;
  EXPECT_THAT(with("hmacCompute", {{"outputEncoding", "plain"}}),
              Fails(Reason::kBadParameter));
  for (const auto& [mac, reason] :
       {std::pair(std::string(), Reason::kParameterMissing),
        std::pair(std::string(63, '0'), Reason::kBadParameter),
        std::pair(std::string(64, 'g'), Reason::kBadParameter),
        std::pair(std::string(65, '0'), Reason::kTooLong),
        std::pair(Base64(std::string(31, 'x')), Reason::kBadParameter),
        std::pair(Base64(std::string(33, 'x')), Reason::kBadParameter)})
    EXPECT_THAT(with("hmacVerify", {{"hmac", mac}}), Fails(reason)) << mac;
  const std::string most(6144, 'x');
  EXPECT_OK(with("hmacCompute", {{"input", most}}));
  EXPECT_OK(
      with("hmacCompute", {{"inputEncoding", "hex"}, {"input", ToHex(AsBytes(most))}}));
  EXPECT_OK(
      with("messageDigest", {{"inputEncoding", "base64"}, {"input", Base64(most)}}));
  Must("disableKey", {{"cmkUuid", key}});
  for (const char* operation : {"hmacCompute", "hmacVerify"})
    EXPECT_THAT(with(operation, {}), Fails(Reason::kKeyDisabled));
}

TEST_F(Refusals, WrappingIsByOaepAndRsaOnly) {
  const std::string key = Create();
  const std::string rsa = Create({{"keySpec", "RSA_2048"}});
  const object good{
      {"cmkUuid", key},
      {"publicKeyBlob",
       Must("getPublicKey", {{"cmkUuid", rsa}, {"keyVersionId", FirstVersion(rsa)}})
           .at("publicKey")},
      {"wrappingAlgorithm", "RSAES_OAEP_SHA_1"},
      {"wrappingKeySpec", "RSA_2048"}};
  const auto with = [&](const char* name, const char* value) {
    object parameters = good;
    parameters[name] = value;
    return Ask("generateAndExportDataKey", parameters);
  };
  EXPECT_OK(Ask("generateAndExportDataKey", good));
  EXPECT_THAT(with("wrappingAlgorithm", "RSAES_PKCS1_V1_5"),
              Fails(Reason::kBadAlgorithm));
  EXPECT_THAT(with("wrappingKeySpec", "EC_SM2"), Fails(Reason::kBadRsaKeyLength));
  EXPECT_THAT(with("publicKeyBlob", "AAAA"), Fails(Reason::kBadRsaKeyLength));
  EXPECT_THAT(with("publicKeyBlob", "!"), Fails(Reason::kBadRsaKeyLength));
}

TEST_F(Refusals, ReEncryptWantsAllOfASource) {
  const std::string key = Create();
  const std::string rsa = Create({{"keySpec", "RSA_2048"}});
  const object blob{{"ciphertextBlob", Base64(std::string(256, 'c'))},
                    {"destinationKeyId", key}};
  const object source{{"sourceKeyId", rsa},
                      {"sourceKeyVersionId", FirstVersion(rsa)},
                      {"sourceEncryptionAlgorithm", "RSAES_OAEP_SHA_256"}};
  const std::pair<const char*, Reason> cases[] = {
      {"sourceKeyId", Reason::kSourceKeyMissing},
      {"sourceKeyVersionId", Reason::kSourceVersionMissing},
      {"sourceEncryptionAlgorithm", Reason::kParameterMissing}};
  for (const auto& [gone, reason] : cases) {
    object parameters = blob;
    for (const auto& [name, value] : source)
      if (name != gone) parameters[name] = value;
    const auto result = Ask("reEncrypt", parameters);
    EXPECT_THAT(result, Fails(reason));
    EXPECT_EQ(result.error().parameter(), gone);
  }
  object whole = blob;
  for (const auto& [name, value] : source) whole[name] = value;
  EXPECT_THAT(Ask("reEncrypt", whole), Fails(Reason::kBadCiphertext));
  whole["sourceEncryptionAlgorithm"] = "RSAES_PKCS1_V1_5";
  EXPECT_THAT(Ask("reEncrypt", whole), Fails(Reason::kBadAlgorithm));
  EXPECT_THAT(Ask("reEncrypt", {{"ciphertextBlob", "AAAA"}}),
              Fails(Reason::kDestinationKeyMissing));
}

TEST_F(Refusals, Signatures) {
  const std::string key = Create({{"keySpec", "RSA_2048"}, {"keyUsage", "2"}});
  const object good{{"algorithm", "RSA_PSS_SHA_256"},
                    {"digest", Base64(std::string(32, 'd'))},
                    {"cmkUuid", key},
                    {"keyVersionId", FirstVersion(key)}};
  const auto with = [&](const char* name, const std::string& value) {
    object parameters = good;
    parameters[name] = value;
    return Ask("asymmetricSign", parameters);
  };
  EXPECT_THAT(with("algorithm", ""), Fails(Reason::kSignAlgorithmMissing));
  EXPECT_THAT(with("algorithm", "RSA"), Fails(Reason::kBadAlgorithm));
  EXPECT_THAT(with("algorithm", "SM2DSA"), Fails(Reason::kAlgorithmNotSupported));
  EXPECT_THAT(with("digest", ""), Fails(Reason::kDigestMissing));
  for (const std::size_t size : {31, 33, 64})
    EXPECT_THAT(with("digest", Base64(std::string(size, 'd'))),
                Fails(Reason::kBadParameter));
  EXPECT_THAT(with("keyVersionId", ""), Fails(Reason::kKeyVersionMissing));
  EXPECT_THAT(with("keyVersionId", "1"), Fails(Reason::kVersionNotFound));
  object verify = good;
  EXPECT_THAT(Ask("asymmetricVerify", verify), Fails(Reason::kSignatureMissing));
  verify["value"] = "!";
  EXPECT_THAT(Ask("asymmetricVerify", verify), Fails(Reason::kBadParameter));
}

TEST_F(Refusals, Import) {
  const std::string key = Create({{"origin", "EXTERNAL"}});
  const auto ask = [&](const char* algorithm, const char* spec) {
    return Ask(
        "getParametersForImport",
        {{"cmkUuid", key}, {"wrappingAlgorithm", algorithm}, {"wrappingKeySpec", spec}});
  };
  EXPECT_THAT(ask("", "RSA_2048"), Fails(Reason::kWrappingAlgorithmMissing));
  EXPECT_THAT(ask("RSAES_OAEP_SHA_1", ""), Fails(Reason::kWrappingKeySpecMissing));
  EXPECT_THAT(ask("SM2PKE", "RSA_2048"), Fails(Reason::kBadAlgorithm));
  EXPECT_THAT(ask("RSAES_OAEP_SHA_1", "EC_SM2"), Fails(Reason::kBadRsaKeyLength));
  const object good{{"cmkUuid", key},
                    {"keyMaterialExpireUnix", "0"},
                    {"importToken", "AAAA"},
                    {"encryptedKeyMaterial", "AAAA"}};
  const auto import = [&](const char* name, const char* value) {
    object parameters = good;
    parameters[name] = value;
    return Ask("importKeyMaterial", parameters);
  };
  EXPECT_THAT(import("importToken", "AAAA"), Fails(Reason::kBadImportToken));
  EXPECT_THAT(import("importToken", "!"), Fails(Reason::kBadImportToken));
  EXPECT_THAT(import("importToken", ""), Fails(Reason::kImportTokenMissing));
  EXPECT_THAT(import("encryptedKeyMaterial", ""), Fails(Reason::kKeyMaterialMissing));
  for (const char* bad : {"x", "-1", "1.5", "253402300800", "99999999999999999999"})
    EXPECT_THAT(import("keyMaterialExpireUnix", bad), Fails(Reason::kBadParameter))
        << bad;
}

}  // namespace
}  // namespace kms::server::testing
