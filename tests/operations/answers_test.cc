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
