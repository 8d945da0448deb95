// What the operations on access points and their access keys answer and refuse.

#include <boost/json/array.hpp>

#include "operations/fixture.h"

namespace kms::server::testing {
namespace {

using boost::json::array;
using kms::testing::Fails;

class AccessPoints : public OperationsTest {
 protected:
  AccessPoints() {
    site.url = "https://kms.example:9091";
    site.vpcs = {{"vpc-1", "net", "10.0.0.0/8"}};
    site.subnets = {{"subnet-1", "vpc-1", "sub", "10.1.0.0/16"},
                    {"subnet-2", "vpc-2", "far", "10.2.0.0/16"}};
  }
  object Make() {
    return Must("createApplicationAccessPoint", {{"applicationName", "app"},
                                                 {"vpcId", "vpc-1"},
                                                 {"subnetId", "subnet-1"},
                                                 {"epId", "default"},
                                                 {"email", "a@example.org"},
                                                 {"description", "d"}});
  }
  object On(std::string_view operation, object more = {}) {
    more["applicationId"] = point;
    return Must(operation, more);
  }
  Result<object> TryOn(std::string_view operation, object more) {
    more["applicationId"] = point;
    return Ask(operation, more);
  }

  const std::string point = Text(Make(), "applicationId");
};

TEST_F(AccessPoints, AreMadeAndListed) {
  const object made = Make();
  EXPECT_TRUE(IsUuid(Text(made, "applicationId")));
  EXPECT_TRUE(IsUuid(Text(made, "endpointId")));
  EXPECT_EQ(Text(made, "applicationStatus"), "1");
  EXPECT_EQ(Text(made, "url"), site.url);

  site.access_point_urls[point] = "https://10.0.0.1:1";
  const object listed =
      Must("listApplicationAccessPoint", {{"pageNum", 1}, {"pageSize", 1}});
  EXPECT_EQ(listed.at("totalCount"), 2);
  ASSERT_EQ(listed.at("list").as_array().size(), 1U);
  const object& item = listed.at("list").at(0).as_object();
  EXPECT_EQ(Text(item, "applicationId"), point);
  EXPECT_EQ(Text(item, "applicationName"), "app");
  EXPECT_EQ(Text(item, "url"), "https://10.0.0.1:1");
  EXPECT_EQ(Text(item, "vpcName"), "net");
  EXPECT_EQ(Text(item, "subnetName"), "sub");
  EXPECT_EQ(Text(item, "epId"), "default");
  EXPECT_EQ(Text(item, "isDefault"), "0");
  const object second =
      Must("listApplicationAccessPoint", {{"pageNum", 2}, {"pageSize", 1}});
  EXPECT_EQ(Text(second.at("list").at(0).as_object(), "applicationId"),
            Text(made, "applicationId"));
}

TEST_F(AccessPoints, NetworksAreThoseOfTheOperator) {
  EXPECT_EQ(Must("listVpc", {{"epId", "default"}}).at("list").as_array().size(), 1U);
  const object subnets = Must("listSubnet", {{"epId", "default"}, {"vpcId", "vpc-1"}});
  ASSERT_EQ(subnets.at("list").as_array().size(), 1U);
  EXPECT_EQ(Text(subnets.at("list").at(0).as_object(), "subnetId"), "subnet-1");
}

TEST_F(AccessPoints, TellWhatTheyAllow) {
  const std::size_t all = On("listAllUri").at("list").as_array().size();
  EXPECT_EQ(On("listPointUriPolicy").at("list").as_array().size(), all);
  On("changePointUriPolicy",
     {{"policyType", "allow"}, {"policyList", array{"kms:cmk:encrypt"}}});
  EXPECT_EQ(On("listPointUriPolicy").at("list"), array{"kms:cmk:encrypt"});
  const object actions = On("listAllUri");
  for (const auto& item : actions.at("list").as_array())
    EXPECT_EQ(item.at("status"), item.at("action") == "kms:cmk:encrypt" ? 1 : 0);

  const std::string key = Create();
  Must("createAlias", {{"cmkUuid", key}, {"aliasName", "alias/a"}});
  const std::string other = Create();
  EXPECT_EQ(On("describeResourcePolicy").at("cmkNum"), 2);
  On("changePointResourcePolicy",
     {{"policyType", "allow"}, {"cmkList", array{"alias/a"}}});
  const object described = On("describeResourcePolicy");
  EXPECT_EQ(described.at("cmkNum"), 1);
  EXPECT_EQ(described.at("certNum"), 0);
  EXPECT_EQ(Text(described.at("cmkList").at(0).as_object(), "resourceId"), key);
  const object resources = On("listPointResourcePolicy");
  ASSERT_EQ(resources.at("list").as_array().size(), 2U);
  EXPECT_EQ(resources.at("list").at(0).at("status"), 1);
  EXPECT_EQ(resources.at("list").at(1).at("status"), 0);
  EXPECT_EQ(Text(resources.at("list").at(1).as_object(), "resourceId"), other);

  const object certificate = Must("createCertificate", {{"keySpec", "SM2"},
                                                        {"subject", "CN=x,C=CN"},
                                                        {"exportablePrivateKey", 0},
                                                        {"protectionLevel", "1"}});
  EXPECT_EQ(On("describeResourcePolicy").at("certNum"), 0);
  On("changePointResourcePolicy",
     {{"policyType", "allow"}, {"certList", array{certificate.at("certificateId")}}});
  const object both = On("describeResourcePolicy");
  EXPECT_EQ(both.at("cmkNum"), 1);
  EXPECT_EQ(both.at("certNum"), 1);
  EXPECT_EQ(both.at("certList").at(0).at("resourceId"), certificate.at("certificateId"));
  EXPECT_EQ(On("listPointResourcePolicy").at("list").at(2).at("resourceType"), "cert");

  EXPECT_EQ(On("policyCheckIsOpen").at("open"), true);
  On("closePolicyCheck");
  EXPECT_EQ(On("policyCheckIsOpen").at("open"), false);
  EXPECT_EQ(On("describeResourcePolicy").at("cmkNum"), 2);
}

TEST_F(AccessPoints, ShowTheirWhitelist) {
  EXPECT_EQ(On("showEndpointWhitelist").at("enableWhitelist"), false);
  On("addEndpointWhitelist",
     {{"enableWhitelist", true}, {"ips", array{"10.0.0.0/8", "2001:db8::1"}}});
  const object shown = On("showEndpointWhitelist");
  EXPECT_EQ(shown.at("enableWhitelist"), true);
  EXPECT_EQ(shown.at("ips"), (array{"10.0.0.0/8", "2001:db8::1"}));
  EXPECT_EQ(Text(shown, "applicationId"), point);
}

TEST_F(AccessPoints, HaveAccessKeys) {
  const object made = On("createUserAk", {{"policy", "key"}});
  EXPECT_EQ(Text(made, "userSk").size(), 32U);
  EXPECT_EQ(Text(made, "policy"), "key");
  EXPECT_EQ(Text(made, "applicationId"), point);
  const std::string key = Text(made, "userAk");
  const auto status = [&] {
    return Text(On("listUserAk").at("list").at(0).as_object(), "status");
  };
  EXPECT_EQ(status(), "1");
  Must("disableUserAk", {{"userAk", key}});
  EXPECT_EQ(status(), "0");
  Must("enableUserAk", {{"userAk", key}});
  EXPECT_EQ(status(), "1");
  EXPECT_EQ(On("listUserAk").at("list").at(0).at("createTime"), clock.Now());
  Must("deleteUserAk", {{"userAk", key}});
  EXPECT_EQ(On("listUserAk").at("totalCount"), 0);
  EXPECT_EQ(Text(On("createUserAk"), "policy"), "full");
}

TEST_F(AccessPoints, RefuseWhatTheyDoNotKnow) {
  const std::pair<const char*, object> cases[] = {
      {"createUserAk", {{"policy", "all"}}},
      {"changePointUriPolicy",
       {{"policyType", "x"}, {"policyList", array{"kms:cmk:encrypt"}}}},
      {"changePointUriPolicy",
       {{"policyType", "deny"}, {"policyList", array{"kms:cmk:none"}}}},
      {"changePointUriPolicy",
       {{"policyType", "deny"}, {"policyList", array{"kms:accessPoint:listVpc"}}}},
      {"changePointUriPolicy", {{"policyType", "deny"}, {"policyList", array{1}}}},
      {"changePointUriPolicy",
       {{"policyType", "deny"}, {"policyList", "kms:cmk:encrypt"}}},
      {"changePointResourcePolicy", {{"policyType", "deny"}, {"cmkList", array{"none"}}}},
      {"changePointResourcePolicy",
       {{"policyType", "deny"}, {"certList", array{"none"}}}},
      {"addEndpointWhitelist", {{"enableWhitelist", true}, {"ips", array{"10.0.0.1/8"}}}},
      {"addEndpointWhitelist",
       {{"enableWhitelist", true}, {"ips", array{"::"}}, {"endpointId", "another"}}}};
  for (const auto& [operation, parameters] : cases)
    EXPECT_THAT(TryOn(operation, parameters), Fails(Reason::kBadParameter))
        << operation << " " << boost::json::serialize(parameters);
  EXPECT_THAT(
      TryOn("changePointUriPolicy", {{"policyType", "deny"}, {"policyList", array{}}}),
      Fails(Reason::kParameterMissing));
  EXPECT_THAT(TryOn("changePointResourcePolicy", {{"policyType", "deny"}}),
              Fails(Reason::kParameterMissing));
  EXPECT_EQ(On("policyCheckIsOpen").at("open"), false);
  for (const char* operation : {"listAllUri", "listUserAk", "closePolicyCheck"})
    EXPECT_THAT(Ask(operation, {{"applicationId", "none"}}),
                Fails(Reason::kAccessPointNotFound));
  EXPECT_THAT(Ask("deleteUserAk", {{"userAk", "none"}}),
              Fails(Reason::kAccessKeyNotFound));
}

TEST_F(AccessPoints, TheServiceIsActivatedForItsAccounts) {
  EXPECT_EQ(Must("isActivated", {{"userId", "account-1"}}).at("isActivated"), true);
  EXPECT_THAT(Ask("isActivated", {{"userId", "account-2"}}), Fails(Reason::kDenied));
  EXPECT_THAT(Ask("isActivated", {}), Fails(Reason::kUserIdMissing));
}

}  // namespace
}  // namespace kms::server::testing
