// Default keys: how data keys are asked for under them, and that asking makes nothing
// that the caller may not have. What they are not for is in tests/keys/states_test.cc.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <string>
#include <utility>

#include "operations/fixture.h"
#include "operations/permission_world.h"

namespace kms::server::testing {
namespace {

using kms::testing::Fails;

class DefaultKeys : public OperationsTest {
 protected:
  std::size_t Keys() { return kms->keys().List(me, {}, {})->total; }
};

TEST_F(DefaultKeys, AreMadeByTheFirstDataKeyOfAProduct) {
  const object made = Must("generateDataKey", {{"product", "ecs"}});
  EXPECT_EQ(lane, Lane::kCommit) << "the key may have to be made";
  const std::string key = Text(made, "cmkUuid");
  EXPECT_EQ(made.size(), 4U);
  EXPECT_EQ(
      Text(Must("decrypt", {{"ciphertextBlob", made.at("ciphertextBlob")}}), "plaintext"),
      Text(made, "plaintext"));
  for (const object& same :
       {object{{"product", "ecs"}}, object{{"product", "ecs"}, {"cmkUuid", ""}},
        object{{"cmkUuid", "alias_ecs"}}, object{{"cmkUuid", "alias/ecs"}},
        object{{"cmkUuid", key}, {"product", ""}},
        object{{"cmkUuid", key}, {"product", nullptr}}}) {
    EXPECT_EQ(Text(Must("generateDataKey", same), "cmkUuid"), key) << same;
    EXPECT_EQ(Text(Must("generateDataKeyWithoutPlaintext", same), "cmkUuid"), key);
  }
  EXPECT_EQ(lane, Lane::kInline) << "a key that is named costs what any key costs";
  EXPECT_EQ(Keys(), 1U);
}

TEST_F(DefaultKeys, AnEmptyKeyIsThatOfNoProduct) {
  const std::string key = Text(Must("generateDataKey", {{"cmkUuid", ""}}), "cmkUuid");
  for (const object& asked :
       {object{{"product", "default"}}, object{{"cmkUuid", ""}, {"product", ""}},
        object{{"cmkUuid", "alias/default"}}})
    EXPECT_EQ(Text(Must("generateDataKeyWithoutPlaintext", asked), "cmkUuid"), key)
        << asked;
  EXPECT_EQ(Keys(), 1U);
}

TEST_F(DefaultKeys, AreMadeByAnExportedDataKeyToo) {
  const WrappedKey pair = backend->Generate(KeySpec::kRsa2048, {}).value();
  const object made =
      Must("generateAndExportDataKey", {{"product", "sfs"},
                                        {"publicKeyBlob", ToBase64(pair.public_key)},
                                        {"wrappingAlgorithm", "RSAES_OAEP_SHA_256"},
                                        {"wrappingKeySpec", "RSA_2048"}});
  EXPECT_EQ(lane, Lane::kCommit);
  EXPECT_EQ(Text(made, "cmkUuid"),
            Text(Must("describeKey", {{"cmkUuid", "alias_sfs"}}), "cmkUuid"));
}

TEST_F(DefaultKeys, AreShown) {
  const std::string key = Text(Must("generateDataKey", {{"product", "rds"}}), "cmkUuid");
  const object described = Must("describeKey", {{"cmkUuid", "alias/rds"}});
  EXPECT_EQ(described.at("isDefault"), 1);
  EXPECT_EQ(described.at("protectionLevel"), 1);
  EXPECT_EQ(described.at("automaticRotation"), 1);
  EXPECT_EQ(Text(described, "keySpec"), "AES_256");
  EXPECT_EQ(Text(described, "aliasName"), "alias_rds");
  EXPECT_EQ(Text(described, "epId"), "default");
  const object keys = Must("listKeys", {});
  EXPECT_EQ(keys.at("totalCount"), 1);
  EXPECT_EQ(keys.at("content").at(0).at("isDefault"), 1);
  EXPECT_EQ(keys.at("content").at(0).at("cmkUuid").as_string(), key);
  const object aliases =
      Must("listAlias", {{"userId", "account-1"}, {"regionId", "region-1"}});
  EXPECT_NE(boost::json::serialize(aliases).find("alias_rds"), std::string::npos);
  EXPECT_EQ(boost::json::serialize(aliases).find("alias/rds"), std::string::npos);
  EXPECT_EQ(boost::json::serialize(Must("listAliasByUuid", {{"cmkUuid", key}}))
                .find("alias/rds"),
            std::string::npos);
  EXPECT_TRUE(IsUuid(FirstVersion(key)));
}

TEST_F(DefaultKeys, EncryptAndDecryptAlsoInBatches) {
  Must("generateDataKey", {{"product", "zos"}});
  const object made =
      Must("batchEncrypt",
           {{"cmkUuid", "alias/zos"}, {"plaintexts", boost::json::array{Base64("a")}}});
  const object opened =
      Must("batchDecrypt",
           {{"ciphertextBlobs",
             boost::json::array{made.at("items").at(0).at("ciphertextBlob")}}});
  EXPECT_EQ(opened.at("items").at(0).at("plaintext").as_string(), Base64("a"));
}

TEST_F(DefaultKeys, OfTwoRegionsAndTwoAccountsAreFour) {
  for (const char* account : {"account-1", "account-2"})
    for (const char* region : {"region-1", "region-2"}) {
      me = ContextOf(account, region);
      Must("generateDataKey", {{"product", "ecs"}});
      EXPECT_EQ(Keys(), 1U);
    }
}

TEST_F(DefaultKeys, Refusals) {
  const std::string key = Create();
  const std::pair<object, Reason> refused[] = {
      {{}, Reason::kKeyIdMissing},
      {{{"cmkUuid", nullptr}}, Reason::kKeyIdMissing},
      {{{"product", ""}}, Reason::kKeyIdMissing},
      {{{"product", nullptr}}, Reason::kKeyIdMissing},
      {{{"cmkUuid", key}, {"product", "ecs"}}, Reason::kBadParameter},
      {{{"cmkUuid", "alias-none"}, {"product", "ecs"}}, Reason::kBadParameter},
      {{{"product", "Ecs"}}, Reason::kBadParameter},
      {{{"product", "e/cs"}}, Reason::kBadParameter},
      {{{"product", object()}}, Reason::kBadParameter},
      {{{"product", std::string(33, 'e')}}, Reason::kTooLong},
      {{{"cmkUuid", object()}}, Reason::kKeyNotFound},
      {{{"product", "ecs"}, {"numberOfBytes", 1025}}, Reason::kBadParameter},
      {{{"cmkUuid", "alias_ecs"}}, Reason::kKeyNotFound}};
  const Revision before = memory->Read().value()->revision();
  for (const auto& [parameters, reason] : refused)
    for (const char* operation : {"generateDataKey", "generateDataKeyWithoutPlaintext"})
      EXPECT_THAT(Ask(operation, parameters), Fails(reason)) << operation << parameters;
  EXPECT_EQ(
      Ask("generateDataKey", {{"cmkUuid", key}, {"product", "ecs"}}).error().parameter(),
      "product");
  EXPECT_EQ(memory->Read().value()->revision(), before) << "nothing was made";
  // Elsewhere an empty key is a missing one, and a product is nothing that is known.
  EXPECT_THAT(Ask("encrypt", {{"cmkUuid", ""}, {"plaintext", Base64("a")}}),
              Fails(Reason::kKeyIdMissing));
  EXPECT_THAT(Ask("encrypt", {{"product", "ecs"}, {"plaintext", Base64("a")}}),
              Fails(Reason::kKeyIdMissing));
}

TEST_F(DefaultKeys, AFailureToMakeOneHasACodeOfItsOwn) {
  store.FailCall(2);
  EXPECT_THAT(Ask("generateDataKey", {{"product", "ecs"}}),
              Fails(Reason::kDefaultKeyCreationFailed));
  EXPECT_TRUE(store.HasFailed());
  store.FailCall(0);
  EXPECT_EQ(Keys(), 0U);
  Create({{"aliasName", "alias/oos2"}});
  EXPECT_THAT(Ask("generateDataKey", {{"product", "oos2"}}),
              Fails(Reason::kDefaultKeyCreationFailed));
  EXPECT_OK(Ask("generateDataKey", {{"product", "ecs"}}));
}

// Through the dispatcher, as several principals.
class DefaultKeysOf : public ::testing::Test, protected PermissionWorld {
 protected:
  const Operation& generate = *FindOperation("generateDataKey");
  const object of_ecs{{"product", "ecs"}};

  Answer Ask(const char* operation, const Caller& caller, const object& parameters) {
    return Send(*FindOperation(operation), caller, parameters);
  }
  std::string KeyOf(const Answer& answer) {
    const object body = boost::json::parse(answer.text).as_object();
    return std::string(body.at("returnObj").at("result").at("cmkUuid").as_string());
  }
  template <typename Restrict>
  Caller Application(Restrict restrict) {
    return NewApplication(AccessKeyScope::kFull, restrict);
  }
};

TEST_F(DefaultKeysOf, ARequestThatIsRepeatedIsRefused) {
  const auto request = Sign(generate, root, of_ecs);
  EXPECT_EQ(Exchange(request->http).status, 200);
  const auto before = Records();
  const HttpResponse again = Exchange(request->http);
  EXPECT_EQ(again.status, 401);
  EXPECT_NE(std::string(again.body.begin(), again.body.end()).find("KMS.0918"),
            std::string::npos);
  EXPECT_EQ(Records(), before);
}

TEST_F(DefaultKeysOf, ADryRunMakesNone) {
  const auto before = Records();
  object dry = of_ecs;
  dry["dryRun"] = true;
  const Answer answer = Send(generate, root, dry);
  EXPECT_EQ(answer.status, 200) << answer.text;
  EXPECT_NE(answer.text.find("dryRun"), std::string::npos);
  EXPECT_EQ(Records(), before);
}

TEST_F(DefaultKeysOf, WhoMayNotHaveItMakesNoneAndSeesNone) {
  const Caller other_keys = Application([&](AccessPointService& all, const auto& id) {
    const std::string_view keys[] = {key};
    EXPECT_OK(
        all.ChangeResources(root.context, id, PolicyChange::kAllow, {.keys = keys}));
  });
  const Caller other_actions = Application([&](AccessPointService& all, const auto& id) {
    const std::string_view encrypt[] = {"kms:cmk:encrypt"};
    EXPECT_OK(all.ChangeActions(root.context, id, PolicyChange::kAllow, encrypt));
  });
  const auto refused = [&] {
    for (const Caller* caller : {&std::as_const(elsewhere), &other_keys})
      EXPECT_EQ(Send(generate, *caller, of_ecs).code(), "KMS.0301");
    for (const Caller* caller : {&std::as_const(denied), &other_actions})
      EXPECT_EQ(Send(generate, *caller, of_ecs).code(), "KMS.0913");
  };
  const auto before = Records();
  refused();
  EXPECT_EQ(Records(), before) << "nothing was made";

  const std::string made = KeyOf(Send(generate, granted, of_ecs));
  refused();
  // It is absent to them, and not just unavailable.
  const Answer absent =
      Ask("disableKey", elsewhere, {{"cmkUuid", std::string(kAbsentKey)}});
  for (const std::string& name :
       {made, std::string("alias_ecs"), std::string("alias/ecs")}) {
    EXPECT_EQ(Ask("disableKey", elsewhere, {{"cmkUuid", name}}), absent);
    EXPECT_EQ(Ask("disableKey", other_account, {{"cmkUuid", name}}), absent);
    EXPECT_EQ(Ask("disableKey", granted, {{"cmkUuid", name}}).code(), "KMS.0203");
  }
  // Another account gets one of its own.
  EXPECT_NE(KeyOf(Send(generate, other_account, of_ecs)), made);
}

TEST_F(DefaultKeysOf, AccessPointsUseThemAsTheirRulesAllow) {
  const Caller open = Application([](AccessPointService&, const auto&) {});
  const std::string made = KeyOf(Send(generate, open, of_ecs));
  EXPECT_EQ(KeyOf(Send(generate, root, of_ecs)), made);
  const std::string_view keys[] = {made};
  const Caller listed = Application([&](AccessPointService& all, const auto& id) {
    EXPECT_OK(
        all.ChangeResources(root.context, id, PolicyChange::kAllow, {.keys = keys}));
  });
  EXPECT_EQ(KeyOf(Send(generate, listed, of_ecs)), made);
  const auto before = Records();
  EXPECT_EQ(Send(generate, listed, {{"product", "zos"}}).code(), "KMS.0301");
  EXPECT_EQ(Records(), before);
  const Caller unlisted = Application([&](AccessPointService& all, const auto& id) {
    EXPECT_OK(all.ChangeResources(root.context, id, PolicyChange::kDeny, {.keys = keys}));
  });
  EXPECT_EQ(Send(generate, unlisted, of_ecs).code(), "KMS.0301");
  EXPECT_EQ(Send(generate, unlisted, {{"product", "zos"}}).status, 200);
}

TEST_F(DefaultKeysOf, ChangesAreRefusedWithTheirCodes) {
  ASSERT_EQ(Send(generate, root, of_ecs).status, 200);
  const std::pair<const char*, object> unavailable[] = {
      {"enableKey", {}},
      {"disableKey", {}},
      {"scheduleKeyDeletion", {{"pendingWindowInDays", 7}}},
      {"cancelKeyDeletion", {}},
      {"deleteProtect", {}},
      {"cancelDeleteProtect", {}},
      {"updateKeyDescription", {{"description", "d"}}},
      {"updateRotationPolicy",
       {{"enableAutomaticRotation", true}, {"rotationInterval", "30d"}}},
      {"createKeyVersion", {}},
      {"getParametersForImport",
       {{"wrappingAlgorithm", "RSAES_OAEP_SHA_256"}, {"wrappingKeySpec", "RSA_2048"}}},
      {"deleteKeyMaterial", {}},
      {"hmacCompute", {{"input", "x"}}},
      {"moveKey", {{"epId", "p1"}}},
      {"bindResource", {{"labelId", tag}, {"key", "name-x"}, {"value", "name-x"}}}};
  const auto before = Records();
  for (const auto& [operation, more] : unavailable) {
    object parameters = more;
    parameters["cmkUuid"] = "alias_ecs";
    parameters["resourceId"] = "alias_ecs";
    EXPECT_EQ(Ask(operation, root, parameters).code(), "KMS.0203") << operation;
  }
  for (const char* alias : {"alias_ecs", "alias/ecs"}) {
    EXPECT_EQ(Ask("createAlias", root, {{"cmkUuid", key}, {"aliasName", alias}}).code(),
              "KMS.0202");
    EXPECT_EQ(Ask("updateAlias", root, {{"cmkUuid", key}, {"aliasName", alias}}).code(),
              "KMS.0202");
    EXPECT_EQ(Ask("deleteAlias", root,
                  {{"userId", root.context.principal.account},
                   {"regionId", "region-1"},
                   {"aliasName", alias}})
                  .code(),
              "KMS.0202");
  }
  EXPECT_EQ(
      Ask("createAlias", root, {{"cmkUuid", "alias_ecs"}, {"aliasName", "a"}}).code(),
      "KMS.0202");
  EXPECT_EQ(Records(), before);
}

}  // namespace
}  // namespace kms::server::testing
