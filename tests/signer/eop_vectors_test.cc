// Signatures that other clients of the service have made.

#include <gtest/gtest.h>

#include "signer/eop_request.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

struct Vector {
  const char* access_key;
  const char* secret_key;
  const char* date;
  const char* request_id;
  const char* query;
  const char* body;
  const char* signature;
};

constexpr const char* kId = "27cfe4dc-e640-45f6-92ca-492ca73e8680";
constexpr const char* kChinese = "{\"a\":\"天翼云\"}";

constexpr Vector kVectors[] = {
    {"test-ak", "test-sk", "20260613T010203Z", "request-123", "a=1&b=two",
     R"({"regionID":"81f7728662dd11ec810800155d307d5b"})",
     "h+H8K5CbPz1DjnbVWA+FEPGbbcEJOzVsi2GQv4LroyM="},
    {"AKEXAMPLE", "SKEXAMPLE", "20240116T160000Z", kId, "", "",
     "KtvXhqZLy1eQOiI+48XQzhWIdBlf+AdK+WgoBR3DcZo="},
    {"AKEXAMPLE", "SKEXAMPLE", "20240116T160000Z", kId, "firewallType=NorthSouth&page=1",
     "", "3aLEA/q8QoBZ7YpZVohUouezCfc3fzWpTMKpnP6bgWQ="},
    {"AKEXAMPLE", "SKEXAMPLE", "20240116T160000Z", kId, "",
     R"({"cmkUuid":"86a9efd9-3d16-4894-bd4f-1fc43f3f2abf","plaintext":"SGVsbG8gd29ybGQ="})",
     "SJujC4DzzoWxNQrbO0zdJoOuQGXyaVq8tk44vbK9rAg="},
    {"AKEXAMPLE", "SKEXAMPLE", "20240116T160000Z", kId,
     "a=2021-04-04T06%3A01%3A46Z&b=x%20y", kChinese,
     "34pOdvIoj5lLoSFFmitW4jjnX02lrfUMyK45aODAXFo="},
    {"AKEXAMPLE", "SKEXAMPLE", "20240116T160000Z", kId,
     "a=2021-04-04T06%3A01%3A46Z&b=x+y", kChinese,
     "clxBKLRAdcnWTI4kz23XquPA7MByf5RjweE4DkPKnKE="},
    {"AKEXAMPLE", "SKEXAMPLE", "20261124T005849Z", kId,
     "a=2021-04-04T06%3A01%3A46Z&b=x+y", kChinese,
     "ZONYtlWw3groV7qa8qMSAE8kPJpLkEQzlrGgcLVq/oA="},
};

class EopVectors : public ::testing::TestWithParam<Vector> {
 protected:
  const std::unique_ptr<Signer> signer = NewEopSigner();
};

TEST_P(EopVectors, Verifies) {
  const Vector& v = GetParam();
  EopRequest request{v.query, v.body, {}, {}};
  request["eop-date"] = v.date;
  request["ctyun-eop-request-id"] = v.request_id;
  request["Eop-Authorization"] =
      std::string(v.access_key) +
      " Headers=ctyun-eop-request-id;eop-date Signature=" + v.signature;
  EXPECT_OK(Check(*signer, request, Secret(v.secret_key)));
  EXPECT_THAT(Check(*signer, request, Secret("another")), Fails(Reason::kBadSignature));
}

TEST_P(EopVectors, SignsTheSame) {
  const Vector& v = GetParam();
  EopRequest request{v.query, v.body, {}, {}};
  request["eop-date"] = v.date;
  request["ctyun-eop-request-id"] = v.request_id;
  request["Eop-Authorization"] =
      std::string(v.access_key) +
      " Headers=ctyun-eop-request-id;eop-date Signature=" + v.signature;
  const auto claim = signer->Parse(request.View());
  ASSERT_OK(claim);
  EopRequest bare{v.query, v.body, {}, {}};
  const auto headers = signer->Sign(bare.View(), v.access_key, Secret(v.secret_key),
                                    claim->date_as_utc, v.request_id, {});
  ASSERT_EQ(headers.size(), 3U);
  EXPECT_EQ(headers[0].name, "eop-date");
  EXPECT_EQ(headers[0].value, v.date);
  EXPECT_EQ(headers[1].name, "ctyun-eop-request-id");
  EXPECT_EQ(headers[1].value, v.request_id);
  EXPECT_EQ(headers[2].name, "Eop-Authorization");
  EXPECT_EQ(headers[2].value, request["Eop-Authorization"]);
}

INSTANTIATE_TEST_SUITE_P(Published, EopVectors, ::testing::ValuesIn(kVectors));

TEST(EopVectorsTest, FurtherSignedHeader) {
  const auto signer = NewEopSigner();
  EopRequest request;
  request.body = R"({"cmkUuid":"86a9efd9-3d16-4894-bd4f-1fc43f3f2abf"})";
  request["host"] = "kms-global.ctapi.ctyun.cn";
  const std::string_view also[] = {"host"};
  const auto headers =
      signer->Sign(request.View(), kAccessKey, Secret(), kNow, kRequestId, also);
  EXPECT_EQ(headers.at(2).value,
            "AKEXAMPLE Headers=ctyun-eop-request-id;eop-date;host "
            "Signature=N9ofHOnxP3Ril+o/xgi/SwWe6lMwefMahrrt2rw2Vh0=");
}

}  // namespace
}  // namespace kms::testing
