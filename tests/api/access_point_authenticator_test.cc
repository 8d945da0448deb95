// Who is let in under an access key of an access point, and which refusal comes first.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/authenticator.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::Fails;

constexpr UnixMillis kNow = 1'767'225'600'000;
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

class AccessPointAuthenticator : public ::testing::Test {
 protected:
  Result<RequestContext> Ask(std::string_view body = "{}", bool keeps_id = false,
                             std::string_view secret = kSecret) {
    const Authenticator authenticator(
        {.signer = *signer,
         .find = [this](std::string_view) { return Find(); },
         .guard = guard,
         .clock = clock,
         .time = {},
         .find_rules =
             [this](const Principal&, std::string_view) {
               return rules ? Result<std::shared_ptr<const AccessPointRules>>(rules)
                            : Reason::kAccessPointNotFound;
             },
         .for_access_points = true});
    RequestView view{"POST", "/keyCompute/encrypt", "", {}, AsBytes(body)};
    const auto made =
        signer->Sign(view, "ak", SecretBytes::CopyOf(AsBytes(secret)), kNow, {}, {});
    std::vector<HeaderView> headers;
    for (const SignedHeader& header : made)
      headers.push_back({header.name, header.value});
    view.headers = headers;
    KMS_TRY(const SignatureClaim claim, authenticator.ReadClaim(view));
    return authenticator.Authenticate(claim, view, {peer, listener}, keeps_id);
  }
  void AllowAddress(std::string_view block) {
    rules = std::make_shared<const AccessPointRules>(
        NameCheck(), NameCheck(), true,
        std::vector<AddressBlock>{ParseAddressBlock(block).value()});
  }

  const std::unique_ptr<Signer> signer = NewAccessPointSigner();
  ReplayGuard guard{1 << 20, Digest32{7}};
  FixedClock clock{kNow};
  std::string point = "point-1";  // of the access key; empty: a user's
  bool enabled = true;
  std::string peer = "192.0.2.1";
  std::string listener;
  std::shared_ptr<const AccessPointRules> rules =
      std::make_shared<const AccessPointRules>(NameCheck(), NameCheck(), false,
                                               std::vector<AddressBlock>());

 private:
  Result<std::shared_ptr<const AccessKey>> Find() const {
    return std::make_shared<const AccessKey>(
        AccessKey{{"account-1", "user-1", "ak", false, point},
                  enabled,
                  SecretBytes::CopyOf(AsBytes(kSecret)),
                  "region-1"});
  }
};

TEST_F(AccessPointAuthenticator, GivesRegionAndRules) {
  const auto context = Ask();
  ASSERT_OK(context);
  EXPECT_EQ(context->region, "region-1");
  EXPECT_EQ(context->source, peer);
  EXPECT_EQ(context->access_point_rules, rules);
}

TEST_F(AccessPointAuthenticator, RefusesInOrder) {
  enabled = false;
  AllowAddress("198.51.100.0/24");
  EXPECT_THAT(Ask("{}", false, std::string(32, 'x')), Fails(Reason::kBadSignature));
  EXPECT_THAT(Ask(), Fails(Reason::kAccessKeyDisabled));
  enabled = true;
  EXPECT_THAT(Ask(), Fails(Reason::kAddressNotAllowed));
  AllowAddress("192.0.2.0/24");
  EXPECT_OK(Ask());
  peer = "::ffff:192.0.2.7";
  EXPECT_OK(Ask());
  peer = "no address";
  EXPECT_THAT(Ask(), Fails(Reason::kAddressNotAllowed));
}

TEST_F(AccessPointAuthenticator, KnowsNoKeysOfUsers) {
  point.clear();
  EXPECT_THAT(Ask(), Fails(Reason::kBadSignature));
}

TEST_F(AccessPointAuthenticator, AListenerServesItsOwnAccessPoint) {
  listener = "point-2";
  EXPECT_THAT(Ask(), Fails(Reason::kBadSignature));
  listener = "point-1";
  EXPECT_OK(Ask());
}

TEST_F(AccessPointAuthenticator, AKeyWhoseAccessPointHasGoneIsUnknown) {
  rules = nullptr;
  EXPECT_THAT(Ask(), Fails(Reason::kBadSignature));
}

TEST_F(AccessPointAuthenticator, TheSignatureIsTheIdOfChangesAlone) {
  const auto first = Ask("{}", true);
  ASSERT_OK(first);
  EXPECT_EQ(first->request_id.size(), 64U);
  EXPECT_FALSE(first->seen_before);
  const auto again = Ask("{}", true);
  ASSERT_OK(again);
  EXPECT_TRUE(again->seen_before);
  EXPECT_EQ(again->request_id, first->request_id);
  const auto other = Ask(R"({"a":"b"})", true);
  ASSERT_OK(other);
  EXPECT_FALSE(other->seen_before);
  for (int i = 0; i < 2; ++i) EXPECT_OK(Ask(R"({"c":"d"})"));
}

}  // namespace
}  // namespace kms::server
