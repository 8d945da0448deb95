// The spellings and types of answers are the manual's examples.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "kms/encoding.h"
#include "operations/fixture.h"

namespace kms::server::testing {
namespace {

using boost::json::array;
using kms::testing::Fails;

class Answers : public OperationsTest {};

TEST_F(Answers, CreateKeyAnswersTextsAndLongDates) {
  object parameters = NewKeyParameters();
  parameters["description"] = "测试";
  const object key = Must("createKey", parameters);
  for (const char* name :
       {"automaticRotation", "keyState", "keyUsage", "origin", "protectionLevel"})
    EXPECT_EQ(Text(key, name), "1") << name;
  EXPECT_TRUE(IsUuid(Text(key, "cmkUuid")));
  EXPECT_TRUE(IsUuid(Text(key, "primaryKeyVersion")));
  EXPECT_EQ(Text(key, "creationDate"), "Thu Jan 01 00:00:00 UTC 2026");
  EXPECT_EQ(Text(key, "lastRotationDate"), "Thu Jan 01 00:00:00 UTC 2026");
  EXPECT_EQ(Text(key, "creator"), "account-1-root");
  EXPECT_EQ(Text(key, "description"), "测试");
  EXPECT_EQ(Text(key, "keySpec"), "AES_256");
  EXPECT_EQ(Text(key, "materialExpireTime"), "null");
  EXPECT_EQ(Text(key, "regionId"), "region-1");
  for (const char* name : {"deleteDate", "nextRotationDate", "rotationInterval"})
    EXPECT_FALSE(key.contains(name)) << name;
}

TEST_F(Answers, CreateKeyThatRotates) {
  object parameters = NewKeyParameters();
  parameters["enableAutomaticRotation"] = true;
  parameters["rotationInterval"] = "30d";
  const object key = Must("createKey", parameters);
  EXPECT_EQ(Text(key, "automaticRotation"), "0");
  EXPECT_EQ(Text(key, "rotationInterval"), "2592000s");
  EXPECT_EQ(Text(key, "nextRotationDate"), "Sat Jan 31 00:00:00 UTC 2026");
}

TEST_F(Answers, CreateKeyTakesAliasAndProject) {
  Must("createProject", {{"epId", "p-1"}, {"epName", "one"}});
  const std::string key = Create({{"aliasName", "alias/a"}, {"epId", "p-1"}});
  const object described = Must("describeKey", {{"cmkUuid", "alias/a"}});
  EXPECT_EQ(Text(described, "cmkUuid"), key);
  EXPECT_EQ(Text(described, "aliasName"), "alias/a");
  EXPECT_EQ(Text(described, "epId"), "p-1");
}

TEST_F(Answers, DescribeKeyAnswersNumbersAndShortDates) {
  const object key = Must("describeKey", {{"cmkUuid", Create()}});
  for (const char* name : {"automaticRotation", "keyUsage", "origin", "protectionLevel",
                           "status", "keyState"})
    EXPECT_EQ(key.at(name), 1) << name;
  EXPECT_EQ(key.at("isDefault"), 0);
  EXPECT_EQ(key.at("deletionProtection"), 0);
  EXPECT_EQ(Text(key, "creationDate"), "2026-01-01 00:00:00");
  EXPECT_EQ(Text(key, "lastRotationDate"), "2026-01-01 00:00:00");
  EXPECT_EQ(Text(key, "creator"), "account-1-root");
  EXPECT_EQ(Text(key, "description"), "");
  EXPECT_EQ(Text(key, "keySpec"), "AES_256");
  EXPECT_EQ(Text(key, "aliasName"), "");
  EXPECT_EQ(Text(key, "epId"), "default");
  EXPECT_EQ(key.at("labels"), array());
  EXPECT_TRUE(IsUuid(Text(key, "primaryKeyVersion")));
  for (const char* name :
       {"deleteDate", "materialExpireTime", "nextRotationDate", "rotationInterval"})
    EXPECT_FALSE(key.contains(name)) << name;
}

TEST_F(Answers, DescribeKeyOfAnAsymmetricKey) {
  const object key =
      Must("describeKey",
           {{"cmkUuid", Create({{"keySpec", "RSA_2048"}, {"keyUsage", "Sign/Verify"}})}});
  EXPECT_FALSE(key.contains("primaryKeyVersion"));
  EXPECT_EQ(key.at("automaticRotation"), 1);
  EXPECT_EQ(key.at("keyUsage"), 2);
  EXPECT_EQ(Text(key, "keySpec"), "RSA_2048");
}

TEST_F(Answers, DescribeKeyFollowsItsLife) {
  const std::string id = Create();
  const auto describe = [&] { return Must("describeKey", {{"cmkUuid", id}}); };
  Must("updateRotationPolicy",
       {{"cmkUuid", id}, {"enableAutomaticRotation", true}, {"rotationInterval", "7d"}});
  EXPECT_EQ(Text(describe(), "rotationInterval"), "604800s");
  EXPECT_EQ(Text(describe(), "nextRotationDate"), "2026-01-08 00:00:00");
  EXPECT_EQ(describe().at("automaticRotation"), 0);

  Must("disableKey", {{"cmkUuid", id}});
  EXPECT_EQ(describe().at("status"), 0);
  EXPECT_EQ(describe().at("automaticRotation"), 2);
  EXPECT_EQ(Text(describe(), "rotationInterval"), "604800s");
  Must("enableKey", {{"cmkUuid", id}});

  Must("deleteProtect", {{"cmkUuid", id}});
  EXPECT_EQ(describe().at("deletionProtection"), 1);
  EXPECT_THAT(Ask("scheduleKeyDeletion", {{"cmkUuid", id}, {"pendingWindowInDays", 7}}),
              Fails(Reason::kDeletionProtected));
  Must("cancelDeleteProtect", {{"cmkUuid", id}});
  Must("scheduleKeyDeletion", {{"cmkUuid", id}, {"pendingWindowInDays", "7"}});
  EXPECT_EQ(describe().at("keyState"), 2);
  EXPECT_EQ(Text(describe(), "deleteDate"), "2026-01-08 00:00:00");
  Must("cancelKeyDeletion", {{"cmkUuid", id}});
  EXPECT_FALSE(describe().contains("deleteDate"));

  Must("updateKeyDescription", {{"cmkUuid", id}, {"description", "新描述"}});
  EXPECT_EQ(Text(describe(), "description"), "新描述");
  Must("updateKeyDescription", {{"cmkUuid", id}, {"description", ""}});
  EXPECT_EQ(Text(describe(), "description"), "");
}

TEST_F(Answers, ListKeysPagesAndFilters) {
  const std::string first = Create();
  clock.Advance(1000);
  const std::string second = Create({{"keySpec", "RSA_2048"}, {"keyUsage", "2"}});
  Must("disableKey", {{"cmkUuid", second}});

  const object all = Must("listKeys", {});
  EXPECT_EQ(all.at("content").as_array().size(), 2U);
  for (const char* name : {"pageNumber", "number"}) EXPECT_EQ(all.at(name), 0) << name;
  for (const char* name : {"pageSize", "size"}) EXPECT_EQ(all.at(name), 10) << name;
  for (const char* name : {"totalCount", "totalElements"})
    EXPECT_EQ(all.at(name), 2) << name;
  const object& item = all.at("content").at(0).as_object();
  EXPECT_EQ(Text(item, "cmkUuid"), first);
  EXPECT_EQ(Text(item, "createdTime"), "2026-01-01 00:00:00");
  EXPECT_EQ(Text(item, "updatedTime"), "2026-01-01 00:00:00");
  EXPECT_EQ(Text(item, "userId"), "account-1-root");
  EXPECT_EQ(Text(item, "regionId"), "region-1");
  EXPECT_EQ(item.at("status"), 1);
  EXPECT_EQ(item.at("labels"), array());

  const object page = Must("listKeys", {{"pageNumber", "1"}, {"pageSize", "1"}});
  ASSERT_EQ(page.at("content").as_array().size(), 1U);
  EXPECT_EQ(Text(page.at("content").at(0).as_object(), "cmkUuid"), second);
  EXPECT_EQ(page.at("pageNumber"), 1);
  EXPECT_EQ(page.at("pageSize"), 1);

  for (const object& filter : {object{{"keyUsage", 2}}, object{{"keySpec", "RSA_2048"}},
                               object{{"status", 0}}}) {
    const object found = Must("listKeys", filter);
    ASSERT_EQ(found.at("content").as_array().size(), 1U) << filter;
    EXPECT_EQ(Text(found.at("content").at(0).as_object(), "cmkUuid"), second);
  }
  EXPECT_EQ(Must("listKeys", {{"protectionLevel", "0"}}).at("totalCount"), 0);
  EXPECT_EQ(Must("listKeys", {{"status", ""}}).at("totalCount"), 2);
}

TEST_F(Answers, EveryResultMemberIsInTheTable) {
  const auto check = [](std::string_view name, const object& result) {
    const auto listed = FindOperation(name)->result;
    for (const auto& member : result)
      EXPECT_NE(std::ranges::find(listed, std::string_view(member.key())), listed.end())
          << name << " " << member.key();
  };
  const std::string key = Create();
  check("createKey", Must("createKey", NewKeyParameters()));
  check("describeKey", Must("describeKey", {{"cmkUuid", key}}));
}

TEST_F(Answers, AliasLists) {
  const std::string key = Create();
  for (const char* alias : {"alias/a", "alias/b", "alias/c"})
    EXPECT_TRUE(Must("createAlias", {{"cmkUuid", key}, {"aliasName", alias}}).empty());
  const auto list = [&](object page) {
    page["cmkUuid"] = key;
    return Must("listAliasByUuid", page);
  };
  const auto names = [](const object& result) {
    std::string all;
    for (const auto& alias : result.at("aliases").at("alias").as_array())
      all += Text(alias.as_object(), "aliasName").back();
    return all;
  };
  const object first = list({});
  EXPECT_EQ(names(first), "abc");
  EXPECT_EQ(Text(first, "pageNumber"), "0");
  EXPECT_EQ(Text(first, "pageSize"), "10");
  EXPECT_EQ(first.at("totalCount"), 3);
  EXPECT_EQ(Text(first.at("aliases").at("alias").at(0).as_object(), "cmkUuid"), key);

  EXPECT_EQ(names(list({{"pageNumber", 0}, {"pageSize", 2}})), "ab");
  EXPECT_EQ(names(list({{"pageNumber", 1}, {"pageSize", 2}})), "c");
  EXPECT_EQ(names(list({{"pageNumber", 2}, {"pageSize", 2}})), "");
  // The manual's example: page 1, which is the only one.
  const object example = list({{"pageNumber", 1}, {"pageSize", 10}});
  EXPECT_EQ(names(example), "abc");
  EXPECT_EQ(Text(example, "pageNumber"), "1");

  for (const char* user : {"account-1-root", "account-1"})
    EXPECT_EQ(names(Must("listAlias", {{"userId", user}, {"regionId", "region-1"}})),
              "abc");
  Must("updateAlias", {{"cmkUuid", Create()}, {"aliasName", "alias/a"}});
  Must("deleteAlias",
       {{"userId", "account-1"}, {"regionId", "region-1"}, {"aliasName", "alias/b"}});
  EXPECT_EQ(names(list({})), "c");
}

TEST_F(Answers, VersionsOfAKey) {
  const std::string key = Create({{"keySpec", "RSA_2048"}});
  const std::string first = FirstVersion(key);
  const object described =
      Must("describeKeyVersion", {{"cmkUuid", key}, {"keyVersionId", first}});
  EXPECT_EQ(Text(described, "cmkUuid"), key);
  EXPECT_EQ(Text(described, "keyVersionId"), first);
  EXPECT_EQ(Text(described, "creationDate"), "2026-01-01 00:00:00");

  clock.Advance(1000);
  const object made = Must("createKeyVersion", {{"cmkUuid", key}});
  EXPECT_EQ(lane, Lane::kPrivateKey);
  EXPECT_EQ(Text(made, "creationDate"), "2026-01-01 00:00:01");
  const object listed =
      Must("listKeyVersions", {{"cmkUuid", key}, {"pageNumber", 1}, {"pageSize", 1}});
  const object& item = listed.at("content").at(0).as_object();
  EXPECT_EQ(Text(item, "primaryKeyVersion"), Text(made, "keyVersionId"));
  EXPECT_EQ(Text(item, "updatedAt"), "2026-01-01 00:00:01");
  EXPECT_EQ(listed.at("totalCount"), 2);
  EXPECT_EQ(listed.at("pageNumber"), 1);
}

TEST_F(Answers, EncryptAndDecrypt) {
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

TEST_F(Answers, DataKeys) {
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

TEST_F(Answers, Hmac) {
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

TEST_F(Answers, MessageDigest) {
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

TEST_F(Answers, SignAndVerify) {
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

TEST_F(Answers, PublicKeyEncryption) {
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

TEST_F(Answers, ReEncryptNamesTheKeyThatDecrypted) {
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

TEST_F(Answers, AnEncryptionContextHasToBeGivenAgain) {
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

TEST_F(Answers, BatchesAnswerEachItem) {
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

TEST_F(Answers, ImportWithAndWithoutAnEnd) {
  const std::string key = Create({{"origin", "EXTERNAL"}});
  const auto describe = [&] { return Must("describeKey", {{"cmkUuid", key}}); };
  EXPECT_EQ(describe().at("status"), 3);
  EXPECT_EQ(describe().at("origin"), 0);
  EXPECT_FALSE(describe().contains("primaryKeyVersion"));
  const object parameters =
      Must("getParametersForImport", {{"cmkUuid", key},
                                      {"wrappingAlgorithm", "RSAES_OAEP_SHA_256"},
                                      {"wrappingKeySpec", "RSA_2048"}});
  EXPECT_EQ(Text(parameters, "cmkUuid"), key);
  EXPECT_EQ(Text(parameters, "tokenExpireTime"), "2026-01-02 00:00:00");
  const auto public_key =
      backend->LoadPublic(FromBase64(Text(parameters, "publicKey")).value()).value();
  const Bytes wrapped = public_key
                            ->Encrypt(EncryptionAlgorithm::kRsaOaepSha256,
                                      AsBytes("0123456789abcdef0123456789abcdef"))
                            .value();
  const auto import = [&](const char* expires) {
    return Ask("importKeyMaterial", {{"cmkUuid", key},
                                     {"keyMaterialExpireUnix", expires},
                                     {"importToken", parameters.at("importToken")},
                                     {"encryptedKeyMaterial", ToBase64(wrapped)}});
  };
  EXPECT_THAT(import("1767225599"), Fails(Reason::kBadParameter));  // a second ago
  ASSERT_OK(import("1767312000"));
  EXPECT_EQ(lane, Lane::kPrivateKey);
  EXPECT_EQ(describe().at("status"), 1);
  EXPECT_EQ(Text(describe(), "materialExpireTime"), "2026-01-02 00:00:00");
  ASSERT_OK(import("0"));
  EXPECT_FALSE(describe().contains("materialExpireTime"));
  EXPECT_TRUE(Must("deleteKeyMaterial", {{"cmkUuid", key}}).empty());
  EXPECT_EQ(describe().at("status"), 3);
}

}  // namespace
}  // namespace kms::server::testing
