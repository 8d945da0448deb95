// As answers_test.cc, of operations that compute with keys.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "kms/encoding.h"
#include "operations/fixture.h"

namespace kms::server::testing {
namespace {

using boost::json::array;
using kms::testing::Fails;

class ComputeAnswers : public OperationsTest {};

TEST_F(ComputeAnswers, EncryptAndDecrypt) {
  const std::string key = Create();
  for (const std::string& text : {std::string("hi"), std::string(6144, 'x')}) {
    const object encrypted =
        Must("encrypt", {{"cmkUuid", key}, {"plaintext", Base64(text)}});
    EXPECT_EQ(lane, Lane::kInline);
    EXPECT_EQ(Text(encrypted, "cmkUuid"), key);
    const object decrypted =
        Must("decrypt", {{"ciphertextBlob", Text(encrypted, "ciphertextBlob")}});
    EXPECT_EQ(Text(decrypted, "plaintext"), Base64(text));
    EXPECT_EQ(Text(decrypted, "cmkUuid"), key);
    EXPECT_EQ(Text(decrypted, "keyVersionId"), Text(encrypted, "keyVersionId"));
  }
}

TEST_F(ComputeAnswers, DataKeys) {
  const std::string key = Create();
  const auto size = [&](object parameters) {
    parameters["cmkUuid"] = key;
    const object made = Must("generateDataKey", parameters);
    const object opened =
        Must("decrypt", {{"ciphertextBlob", Text(made, "ciphertextBlob")}});
    EXPECT_EQ(Text(opened, "plaintext"), Text(made, "plaintext"));
    return FromBase64(Text(made, "plaintext"))->size();
  };
  EXPECT_EQ(size({}), 32U);
  EXPECT_EQ(size({{"keySpec", "AES_256"}}), 32U);
  EXPECT_EQ(size({{"keySpec", "1"}}), 32U);
  EXPECT_EQ(size({{"keySpec", "AES_128"}}), 16U);
  EXPECT_EQ(size({{"keySpec", 2}}), 16U);
  EXPECT_EQ(size({{"keySpec", "AES_128"}, {"numberOfBytes", "1024"}}), 1024U);
  EXPECT_EQ(size({{"numberOfBytes", 1}}), 1U);

  const object quiet =
      Must("generateDataKeyWithoutPlaintext", {{"cmkUuid", key}, {"numberOfBytes", 5}});
  EXPECT_FALSE(quiet.contains("plaintext"));
  EXPECT_EQ(Text(Must("decrypt", {{"ciphertextBlob", Text(quiet, "ciphertextBlob")}}),
                 "plaintext")
                .size(),
            8U);
}

TEST_F(ComputeAnswers, Hmac) {
  const std::string key = Create();
  const std::string version =
      Text(Must("describeKey", {{"cmkUuid", key}}), "primaryKeyVersion");
  const object made = Must("hmacCompute", {{"cmkUuid", key}, {"input", "天翼云"}});
  EXPECT_EQ(lane, Lane::kInline);
  EXPECT_EQ(Text(made, "cmkUuid"), key);
  EXPECT_EQ(Text(made, "keyVersionId"), version);
  const std::string mac = Text(made, "hmacoutput");
  ASSERT_EQ(mac.size(), 64U);
  EXPECT_EQ(mac.find_first_not_of("0123456789abcdef"), mac.npos);

  // The same bytes in every encoding, and the same HMAC.
  const std::string bytes = "天翼云";
  const std::pair<const char*, std::string> inputs[] = {
      {"plain", bytes}, {"base64", Base64(bytes)}, {"hex", ToHex(AsBytes(bytes))}};
  const std::string in_base64 =
      Text(Must("hmacCompute",
                {{"cmkUuid", key}, {"input", bytes}, {"outputEncoding", "base64"}}),
           "hmacoutput");
  std::string upper = mac;
  for (char& c : upper)
    if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  EXPECT_EQ(ToHex(FromBase64(in_base64).value()), mac);
  for (const auto& [encoding, input] : inputs) {
    object parameters{{"cmkUuid", key},
                      {"input", input},
                      {"inputEncoding", encoding},
                      {"outputEncoding", "hex"},
                      {"keyVersionId", version}};
    EXPECT_EQ(Text(Must("hmacCompute", parameters), "hmacoutput"), mac) << encoding;
    for (const std::string& spelling : {mac, upper, in_base64}) {
      parameters["hmac"] = spelling;
      const object verified = Must("hmacVerify", parameters);
      EXPECT_EQ(lane, Lane::kInline);
      EXPECT_EQ(Text(verified, "value"), "true") << encoding << spelling;
      EXPECT_EQ(Text(verified, "cmkUuid"), key);
      EXPECT_EQ(Text(verified, "keyVersionId"), version);
    }
    parameters["hmac"] = std::string(64, '0');
    EXPECT_EQ(Text(Must("hmacVerify", parameters), "value"), "false");
  }
  // Without a version there may be many to try.
  const object any =
      Must("hmacVerify", {{"cmkUuid", key}, {"input", bytes}, {"hmac", mac}});
  EXPECT_EQ(lane, Lane::kCommit);
  EXPECT_EQ(Text(any, "value"), "true");
}

TEST_F(ComputeAnswers, MessageDigest) {
  // The example of GB/T 32905.
  constexpr std::string_view kOfAbc =
      "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
  for (const auto& [encoding, input] :
       {std::pair("plain", "abc"), std::pair("base64", "YWJj"),
        std::pair("hex", "616263")}) {
    const object made =
        Must("messageDigest", {{"input", input}, {"inputEncoding", encoding}});
    EXPECT_EQ(ToHex(FromBase64(Text(made, "output")).value()), kOfAbc) << encoding;
  }
  EXPECT_EQ(lane, Lane::kInline);
}

TEST_F(ComputeAnswers, SignAndVerify) {
  const std::string key = Create({{"keySpec", "RSA_2048"}, {"keyUsage", "2"}});
  EXPECT_EQ(lane, Lane::kPrivateKey);
  const std::string version = FirstVersion(key);
  for (const char* algorithm : {"RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256"}) {
    object parameters{{"algorithm", algorithm},
                      {"digest", Base64(std::string(32, 'd'))},
                      {"cmkUuid", key},
                      {"keyVersionId", version}};
    const object made = Must("asymmetricSign", parameters);
    EXPECT_EQ(Text(made, "cmkUuid"), key);
    EXPECT_EQ(Text(made, "keyVersionId"), version);
    parameters["value"] = made.at("value");
    EXPECT_EQ(Text(Must("asymmetricVerify", parameters), "value"), "true");
    parameters["digest"] = Base64(std::string(32, 'e'));
    EXPECT_EQ(Text(Must("asymmetricVerify", parameters), "value"), "false");
  }
  const object described =
      Must("getPublicKey", {{"cmkUuid", key}, {"keyVersionId", version}});
  EXPECT_EQ(Text(described, "keyVersion"), version);
  EXPECT_EQ(Text(described, "keyVersionId"), version);
  EXPECT_TRUE(Text(described, "publicKey").starts_with("-----BEGIN PUBLIC KEY-----\n"));
}

TEST_F(ComputeAnswers, PublicKeyEncryption) {
  const std::string key = Create();
  const std::string rsa = Create({{"keySpec", "RSA_2048"}});
  const std::string version = FirstVersion(rsa);
  const object name{{"cmkUuid", rsa}, {"keyVersionId", version}};
  const auto with = [&](object more) {
    for (const auto& [member, value] : name) more[member] = value;
    return more;
  };
  for (const char* algorithm :
       {"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "RSAES_PKCS1_V1_5"}) {
    const object encrypted =
        Must("asymmetricEncrypt",
             with({{"algorithm", algorithm}, {"plaintext", Base64("hi")}}));
    EXPECT_EQ(lane, Lane::kInline);
    EXPECT_EQ(Text(encrypted, "keyVersion"), version);
    EXPECT_EQ(Text(encrypted, "keyVersionId"), version);
    const object opened = Must(
        "asymmetricDecrypt", with({{"algorithm", algorithm},
                                   {"ciphertextBlob", encrypted.at("ciphertextBlob")}}));
    EXPECT_EQ(lane, Lane::kPrivateKey);
    EXPECT_EQ(Text(opened, "plaintext"), Base64("hi"));
  }

  // A data key that was exported to the RSA key, and what was exported encrypted again.
  const object wrapping{{"publicKeyBlob", Must("getPublicKey", name).at("publicKey")},
                        {"wrappingAlgorithm", "RSAES_OAEP_SHA_256"},
                        {"wrappingKeySpec", "RSA_2048"}};
  object generate = wrapping;
  generate["cmkUuid"] = key;
  const object made = Must("generateAndExportDataKey", generate);
  object once_more = wrapping;
  once_more["ciphertextBlob"] = made.at("ciphertextBlob");
  const object exported = Must("exportDataKey", once_more);
  EXPECT_EQ(Text(exported, "cmkUuid"), key);
  EXPECT_EQ(Text(exported, "keyVersionId"), Text(made, "keyVersionId"));
  const std::string clear =
      Text(Must("decrypt", {{"ciphertextBlob", made.at("ciphertextBlob")}}), "plaintext");
  for (const object& from : {made, exported}) {
    EXPECT_EQ(Text(Must("asymmetricDecrypt",
                        with({{"algorithm", "RSAES_OAEP_SHA_256"},
                              {"ciphertextBlob", from.at("exportedDataKey")}})),
                   "plaintext"),
              clear);
    const object again =
        Must("reEncrypt", {{"ciphertextBlob", from.at("exportedDataKey")},
                           {"destinationKeyId", key},
                           {"sourceKeyId", rsa},
                           {"sourceKeyVersionId", version},
                           {"sourceEncryptionAlgorithm", "RSAES_OAEP_SHA_256"}});
    EXPECT_EQ(lane, Lane::kPrivateKey);
    EXPECT_EQ(Text(again, "cmkUuid"), rsa);
    EXPECT_EQ(Text(again, "keyVersionId"), version);
    EXPECT_EQ(Text(Must("decrypt", {{"ciphertextBlob", again.at("ciphertextBlob")}}),
                   "plaintext"),
              clear);
  }
}

TEST_F(ComputeAnswers, ReEncryptNamesTheKeyThatDecrypted) {
  const std::string from = Create();
  const std::string to = Create();
  const object encrypted = Must("encrypt", {{"cmkUuid", from}, {"plaintext", "aGk="}});
  const object again = Must(
      "reEncrypt",
      {{"ciphertextBlob", encrypted.at("ciphertextBlob")}, {"destinationKeyId", to}});
  EXPECT_EQ(lane, Lane::kInline);
  EXPECT_EQ(Text(again, "cmkUuid"), from);
  EXPECT_EQ(Text(again, "keyVersionId"), Text(encrypted, "keyVersionId"));
  const object opened = Must("decrypt", {{"ciphertextBlob", again.at("ciphertextBlob")}});
  EXPECT_EQ(Text(opened, "cmkUuid"), to);
  EXPECT_EQ(Text(opened, "plaintext"), "aGk=");
}

TEST_F(ComputeAnswers, AnEncryptionContextHasToBeGivenAgain) {
  const std::string key = Create();
  const object context = {{"disk", "d-1"}, {"owner", "云"}};
  const object turned = {{"owner", "云"}, {"disk", "d-1"}};
  const auto opens = [&](const object& made, const object& in) {
    const auto opened = Ask("decrypt", {{"ciphertextBlob", made.at("ciphertextBlob")},
                                        {"encryptionContext", in}});
    if (opened) return true;
    EXPECT_EQ(opened.error().reason(), Reason::kBadCiphertext);
    return false;
  };
  for (const char* operation :
       {"encrypt", "generateDataKey", "generateDataKeyWithoutPlaintext"}) {
    object parameters = {{"cmkUuid", key}, {"encryptionContext", context}};
    if (operation == std::string_view("encrypt")) parameters["plaintext"] = "aGk=";
    const object made = Must(operation, parameters);
    EXPECT_TRUE(opens(made, turned)) << operation;
    EXPECT_FALSE(opens(made, {{"disk", "d-2"}, {"owner", "云"}})) << operation;
    EXPECT_FALSE(opens(made, {})) << operation;

    const object again = {{"ciphertextBlob", made.at("ciphertextBlob")},
                          {"destinationKeyId", key},
                          {"encryptionContext", context}};
    EXPECT_TRUE(opens(Must("reEncrypt", again), context)) << operation;
    object loose = again;
    loose["destinationEncryptionContext"] = object();
    EXPECT_TRUE(opens(Must("reEncrypt", loose), {})) << operation;
  }
  for (const object& wrong : {object{{"", "x"}}, object{{"x", std::string(5000, 'x')}}})
    EXPECT_THAT(
        Ask("encrypt",
            {{"cmkUuid", key}, {"plaintext", "aGk="}, {"encryptionContext", wrong}}),
        ::testing::Not(kms::testing::IsOk()));
  for (const boost::json::value& wrong :
       {boost::json::value("text"), boost::json::value(boost::json::array{"a", "b"}),
        boost::json::value(object{{"a", 1}})})
    EXPECT_THAT(
        Ask("encrypt",
            {{"cmkUuid", key}, {"plaintext", "aGk="}, {"encryptionContext", wrong}}),
        Fails(Reason::kBadParameter));
}

TEST_F(ComputeAnswers, BatchesAnswerEachItem) {
  using boost::json::array;
  const std::string key = Create();
  const auto items = [](const object& result) { return result.at("items").as_array(); };
  const auto code = [](const boost::json::value& item) {
    const auto* found = item.as_object().if_contains("errorCode");
    return found == nullptr ? std::string() : std::string(found->as_string());
  };
  const object context = {{"a", "b"}};
  const array made = items(Must(
      "batchEncrypt",
      {{"cmkUuid", key},
       {"plaintexts", array{"aGk=", "", "?", "aGVsbG8=", Base64(std::string(6145, 'x'))}},
       {"encryptionContext", context}}));
  EXPECT_EQ(lane, Lane::kBatch);
  ASSERT_EQ(made.size(), 5U);
  EXPECT_EQ(code(made[0]), "");
  EXPECT_EQ(code(made[1]), "KMS.0107");
  EXPECT_EQ(code(made[2]), "KMS.0921");
  EXPECT_EQ(code(made[3]), "");
  EXPECT_EQ(code(made[4]), "KMS.0129");

  array blobs = {made[3].at("ciphertextBlob"), "aGk=", made[0].at("ciphertextBlob")};
  const array opened = items(
      Must("batchDecrypt", {{"ciphertextBlobs", blobs}, {"encryptionContext", context}}));
  ASSERT_EQ(opened.size(), 3U);
  EXPECT_EQ(opened[0].at("plaintext"), "aGVsbG8=");
  EXPECT_EQ(Text(opened[0].as_object(), "cmkUuid"), key);
  EXPECT_EQ(code(opened[1]), "KMS.0219");
  EXPECT_EQ(opened[2].at("plaintext"), "aGk=");
  for (const auto& item : items(Must("batchDecrypt", {{"ciphertextBlobs", blobs}})))
    EXPECT_EQ(code(item), "KMS.0219");

  // What is wrong with the key is wrong with the request.
  Must("disableKey", {{"cmkUuid", key}});
  EXPECT_THAT(Ask("batchEncrypt", {{"cmkUuid", key}, {"plaintexts", array{"aGk="}}}),
              Fails(Reason::kKeyDisabled));
  EXPECT_EQ(code(items(Must("batchDecrypt", {{"ciphertextBlobs", blobs}}))[0]),
            "KMS.0206");

  const std::string pair = Create({{"keySpec", "RSA_2048"}, {"keyUsage", "2"}});
  const std::string digest = Base64(std::string(32, 'd'));
  const object sign = {{"cmkUuid", pair},
                       {"keyVersionId", FirstVersion(pair)},
                       {"algorithm", "RSA_PKCS1_SHA_256"}};
  object many = sign;
  many["digests"] = array{digest, Base64("short")};
  object one = sign;
  one["digest"] = digest;
  const array signatures = items(Must("batchSign", many));
  EXPECT_EQ(signatures.at(0).at("value"), Must("asymmetricSign", one).at("value"));
  EXPECT_EQ(code(signatures.at(1)), "KMS.0921");
}

}  // namespace
}  // namespace kms::server::testing
