// Requests with the signature of access points, through the dispatcher.

#include <optional>

#include "fixture.h"

namespace kms::server {
namespace {

using testing::Sent;
using Headers = std::map<std::string, std::string>;

constexpr std::string_view kPoint = "241ede22-6261-4617-9caf-10d89990516c";

class AccessPointRequests : public testing::ApiTest {
 protected:
  AccessPointRequests() {
    dispatcher.reset();
    dispatcher = std::make_unique<Dispatcher>(
        DispatcherParts{.kms = *kms,
                        .dialect = *dialect,
                        .authenticator = public_authenticator,
                        .policy = policy,
                        .clock = clock,
                        .lanes = *lanes,
                        .metrics = metrics,
                        .operations = testing::TestOperations(),
                        .regions = {"region-1", "region-2"},
                        .access_points = Scheme{point_authenticator, *point_dialect}});
    signer = NewAccessPointSigner();
  }

  // Like most clients, without a region.
  testing::Answered Ask(Sent sent) {
    sent.region.reset();
    if (sent.access_key == "ak-1") sent.access_key = "ak-point";
    return Send(sent);
  }

  Result<std::shared_ptr<const AccessKey>> FindPointKey(std::string_view name) const {
    if (!name.starts_with("ak-point") && name != "ak-1")
      return Reason::kAccessKeyNotFound;
    AccessKey found{{"account-1", "user-1", std::string(name), name == "ak-1"},
                    name != "ak-point-off",
                    SecretBytes::CopyOf(AsBytes(testing::kSecret))};
    if (name != "ak-1") {
      found.principal.access_point = kPoint;
      found.region = "region-2";
    }
    return std::make_shared<const AccessKey>(std::move(found));
  }
  Result<std::shared_ptr<const AccessPointRules>> FindRules() const {
    if (!has_rules) return Reason::kAccessPointNotFound;
    return std::make_shared<const AccessPointRules>(
        NameCheck(), NameCheck(), whitelist.has_value(),
        whitelist ? std::vector<AddressBlock>{*whitelist} : std::vector<AddressBlock>());
  }
  Authenticator::Parts PartsOf(const Signer& scheme, bool points) {
    return {
        .signer = scheme,
        .find = [this](std::string_view ak) { return FindPointKey(ak); },
        .guard = guard,
        .clock = clock,
        .time = {},
        .find_rules = [this](const Principal&, std::string_view) { return FindRules(); },
        .for_access_points = points};
  }

  bool has_rules = true;
  std::optional<AddressBlock> whitelist;
  std::unique_ptr<Signer> eop = NewEopSigner();
  std::unique_ptr<Signer> point_signer = NewAccessPointSigner();
  Authenticator public_authenticator{PartsOf(*eop, false)};
  Authenticator point_authenticator{PartsOf(*point_signer, true)};
  std::unique_ptr<Dialect> point_dialect = NewAccessPointDialect();
};

TEST_F(AccessPointRequests, AreAnsweredInTheirOwnDialect) {
  const auto answer = Ask({.target = "/test/echo", .body = R"({"text":"hi"})"});
  EXPECT_EQ(answer.status, 200);
  const auto whole = answer.json();
  EXPECT_EQ(whole.at("code"), 200);
  EXPECT_EQ(whole.at("msg"), "success");
  const auto& data = whole.at("data").as_object();
  EXPECT_EQ(data.at("text"), "hi");
  EXPECT_EQ(data.at("account"), "account-1");
  EXPECT_EQ(data.at("region"), "region-2") << "the access point's own";
  EXPECT_EQ(Ask({.target = "/test/nothing"}).text,
            R"({"code":200,"msg":"success","data":{}})");
}

TEST_F(AccessPointRequests, AreRefusedInTheirOwnDialect) {
  const auto answer = Ask({.target = "/test/echo"});
  EXPECT_EQ(answer.status, 400);
  const auto whole = answer.json();
  EXPECT_EQ(whole.at("code"), "KMS.0107");
  EXPECT_EQ(whole.at("errorCode"), "KMS.0107");
  EXPECT_TRUE(whole.at("msg").is_string());
  EXPECT_TRUE(whole.at("requestId").is_string());
}

TEST_F(AccessPointRequests, HavePathsWithoutAVersionAndPostAlone) {
  EXPECT_EQ(Ask({.target = "/v1/test/echo", .body = R"({"text":"hi"})"}).status, 404);
  EXPECT_EQ(Ask({.target = "/apiproxy/v3/test/echo"}).status, 404);
  const auto get = Ask({.method = "GET", .target = "/test/list", .body = ""});
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.headers.at("Allow"), "POST");
}

TEST_F(AccessPointRequests, TakeNothingThatIsNotSigned) {
  const Headers unsigned_text = {{"text", "hi"}};
  const auto spoil = [&](Headers& headers) { headers.insert({"text", "hi"}); };
  const auto answer = Ask({.target = "/test/list?text=hi", .spoil = spoil});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("data").at("text"), "");
}

TEST_F(AccessPointRequests, MayNameTheirRegionAndNoOther) {
  const auto named = [&](const std::string& region) {
    return Ask({.target = "/test/echo",
                .body = R"({"text":"hi"})",
                .spoil = [region](Headers& headers) { headers["regionId"] = region; }});
  };
  EXPECT_EQ(named("region-2").status, 200);
  EXPECT_EQ(named("region-1").error(), "KMS.0921");
}

TEST_F(AccessPointRequests, AreForAccessKeysOfAccessPoints) {
  Sent sent{.target = "/test/echo", .body = R"({"text":"hi"})"};
  sent.region.reset();
  EXPECT_EQ(Send(sent).error(), "KMS.0402") << "the root's access key";
  sent.access_key = "ak-unknown";
  EXPECT_EQ(Send(sent).error(), "KMS.0402");
  sent.access_key = "ak-point-off";
  EXPECT_EQ(Send(sent).error(), "KMS.0912");
  // Which a wrong signature does not find out.
  sent.secret = "another";
  EXPECT_EQ(Send(sent).error(), "KMS.0402");
}

TEST_F(AccessPointRequests, ComeFromAddressesOnTheWhitelist) {
  const Sent sent{.target = "/test/echo", .body = R"({"text":"hi"})"};
  whitelist = ParseAddressBlock("198.51.100.0/24").value();
  EXPECT_EQ(Ask(sent).error(), "KMS.0914");
  whitelist = ParseAddressBlock("192.0.2.0/24").value();
  EXPECT_EQ(Ask(sent).status, 200);
  has_rules = false;
  EXPECT_EQ(Ask(sent).error(), "KMS.0402") << "the access point was deleted just now";
}

TEST_F(AccessPointRequests, ThatChangeSomethingHaveTheirSignatureAsId) {
  const Sent change{.target = "/test/change", .body = R"({"text":"hi"})"};
  const auto first = Ask(change).json().at("data").as_object();
  EXPECT_EQ(first.at("seen"), false);
  EXPECT_EQ(Ask(change).json().at("data").at("seen"), true);
  clock.Advance(1000);
  EXPECT_EQ(Ask(change).json().at("data").at("seen"), false);
  // What changes nothing may come twice in a second.
  const Sent echo{.target = "/test/echo", .body = R"({"text":"hi"})"};
  EXPECT_EQ(Ask(echo).status, 200);
  EXPECT_EQ(Ask(echo).status, 200);
}

TEST_F(AccessPointRequests, MayBeSignedTheManualsWayToo) {
  signer = NewEopSigner();
  Sent sent{.body = R"({"text":"hi"})", .access_key = "ak-point", .region = "region-2"};
  EXPECT_EQ(Send(sent).result().at("region"), "region-2");
  sent.region = "region-1";
  EXPECT_EQ(Send(sent).error(), "KMS.0921");
  whitelist = ParseAddressBlock("198.51.100.0/24").value();
  sent.region = "region-2";
  EXPECT_EQ(Send(sent).error(), "KMS.0914");
}

}  // namespace
}  // namespace kms::server
