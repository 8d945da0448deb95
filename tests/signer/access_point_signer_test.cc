// The signature of access points: published vectors, what a body is signed as, what is
// refused.

#include <gtest/gtest.h>

#include <cctype>

#include "signer/eop_request.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

constexpr const char* kDate = "Wed, 16 Jul 2025 15:47:53 CST";
constexpr UnixMillis kDateMillis = 1'752'652'073'000;

struct Headers {
  std::string mac;
  std::string date = kDate;
  std::string access_key{kAccessKey};
};

struct Request {
  std::string path;
  std::string body;
  std::vector<SignedHeader> headers;
  mutable std::vector<HeaderView> views = {};

  RequestView View() const {
    views.clear();
    for (const SignedHeader& header : headers)
      views.push_back({header.name, header.value});
    return {"POST", path, "", views, AsBytes(body)};
  }
};

class AccessPointSigner : public ::testing::Test {
 protected:
  Request Signed(std::string path, std::string body) const {
    Request request{std::move(path), std::move(body), {}};
    request.headers =
        signer->Sign(request.View(), kAccessKey, Secret(), kDateMillis, {}, {});
    return request;
  }
  static Request With(std::string path, std::string body, const Headers& headers) {
    return {std::move(path),
            std::move(body),
            {{"hmac", headers.mac},
             {"requestDate", headers.date},
             {"accessKey", headers.access_key}}};
  }
  Result<void> Check(const Request& request, std::string_view secret = kSecretKey) const {
    const RequestView view = request.View();
    KMS_TRY(const SignatureClaim claim, signer->Parse(view));
    return signer->Verify(claim, view, Secret(secret));
  }
  // Whether both bodies have one signature.
  bool SameSignature(std::string one, std::string other) const {
    Request request = Signed("/a/b", std::move(one));
    request.body = std::move(other);
    return Check(request).has_value();
  }
  Result<SignatureClaim> Parse(const Request& request) const {
    return signer->Parse(request.View());
  }

  const std::unique_ptr<Signer> signer = NewAccessPointSigner();
};

constexpr const char* kEncryptPath = "/keyCompute/encrypt";
constexpr const char* kEncryptBody =
    R"({"cmkUuid":"86a9efd9-3d16-4894-bd4f-1fc43f3f2abf","plaintext":"SGVsbG8gd29ybGQ="})";
constexpr const char* kEncryptMac = "9HskFPqv4T9wBjGHg16N7+n0+Rw/w97oujLMVzZT2LI=";

TEST_F(AccessPointSigner, VerifiesTheVectorsOfAnotherClient) {
  const Request encrypt = With(kEncryptPath, kEncryptBody, {kEncryptMac});
  EXPECT_OK(Check(encrypt));
  EXPECT_THAT(Check(encrypt, "another"), Fails(Reason::kBadSignature));
  EXPECT_OK(Check(With(
      "/cmkManage/createKey",
      R"({"keySpec":"Ctyun_SM4","enableAutomaticRotation":false,"protectionLevel":1})",
      {"hJVU312IK/JgDj/52kwbJNNxf8kq27tnsUlgm6Mn2aM="})));
}

TEST_F(AccessPointSigner, SignsAsThatClientDoes) {
  const Request request = Signed(kEncryptPath, kEncryptBody);
  ASSERT_EQ(request.headers.size(), 3U);
  EXPECT_EQ(request.headers[0].value, kEncryptMac);
  EXPECT_EQ(request.headers[1].value, kDate);
  EXPECT_EQ(request.headers[2].value, kAccessKey);
}

TEST_F(AccessPointSigner, CoversPathDateAccessKeyAndValues) {
  const std::string changed_body =
      R"({"cmkUuid":"86a9efd9-3d16-4894-bd4f-1fc43f3f2abf","plaintext":"SGVsbG8gd29ybGR="})";
  for (const Request& spoilt :
       {With("/keyCompute/decrypt", kEncryptBody, {kEncryptMac}),
        With(kEncryptPath, changed_body, {kEncryptMac}),
        With(kEncryptPath, "", {kEncryptMac}), With(kEncryptPath, "[]", {kEncryptMac}),
        With(kEncryptPath, kEncryptBody, {kEncryptMac, "Wed, 16 Jul 2025 15:47:54 CST"}),
        With(kEncryptPath, kEncryptBody, {kEncryptMac, kDate, "AKEXAMPLF"}),
        With(kEncryptPath, kEncryptBody,
             {"9HskFPqv4T9wBjGHg16N7+n0+Rw/w97oujLMVzZT2LM="})})
    EXPECT_THAT(Check(spoilt), Fails(Reason::kBadSignature));
}

TEST_F(AccessPointSigner, TakesValuesByTheirMeaning) {
  EXPECT_TRUE(SameSignature(R"({"b":"x","a":1})", " {\n\"a\" : 1 ,\t\"b\":\"x\" }\r\n"));
  EXPECT_TRUE(SameSignature(R"({"a":"天翼云/\"\\"})",
                            R"({"a":"\u5929\u7ffc\u4E91\/\u0022\u005c"})"));
  EXPECT_TRUE(SameSignature("{\"a\":\"\U0001F511\"}", R"({"a":"\ud83d\udd11"})"));
  EXPECT_TRUE(SameSignature(R"({"a":"\b\f\n\r\t"})",
                            R"({"a":"\u0008\u000c\u000a\u000d\u0009"})"));
  EXPECT_TRUE(SameSignature(R"({"a":true,"c":false})", R"({"a":"true","c":"false"})"));
  EXPECT_TRUE(SameSignature(R"({"a":1.50})", R"({"a":"1.50"})"));
  EXPECT_TRUE(SameSignature(R"({"a":null})", R"({"a":""})"));
  EXPECT_TRUE(SameSignature(R"({"a":["x", "a b"],"c":{"d" : [ ]}})",
                            "{\"a\" : [\"x\",\n\"a b\"], \"c\":{\"d\":[]}}"));
  EXPECT_TRUE(SameSignature("", "{}"));
  EXPECT_FALSE(SameSignature(R"({"a":1.5})", R"({"a":1.50})"));
  EXPECT_FALSE(SameSignature(R"({"a":["x y"]})", R"({"a":["xy"]})"));
  EXPECT_FALSE(SameSignature(R"({"a":"1","b":"2"})", R"({"a":"2","b":"1"})"));
  EXPECT_FALSE(SameSignature(R"({"a":"1"})", R"({"a":"1","b":""})"));
}

TEST_F(AccessPointSigner, SortsTheAccessKeyAmongTheNames) {
  EXPECT_FALSE(SameSignature(R"({"Z":"1"})", R"({"b":"1"})"));
  EXPECT_FALSE(SameSignature(R"({"accessKex":"1"})", R"({"accessKez":"1"})"));
  EXPECT_TRUE(SameSignature(R"({"Z":"1"})", R"({"accessKex":"1"})"));
}

TEST_F(AccessPointSigner, SignsObjectsAlone) {
  std::string many = "{";
  for (int i = 0; i < 257; ++i)
    many += (i == 0 ? "\"m" : ",\"m") + std::to_string(i) + "\":1";
  for (const std::string& body :
       {std::string("[]"), std::string("1"), std::string("{"), std::string(R"({"a":)"),
        std::string(R"({"a":})"), std::string(R"({"a" 1})"), std::string(R"({"a":1,})"),
        std::string(R"({"a":"x)"), std::string(R"({"a":"\)"),
        std::string(R"({"a":"\x"})"), std::string(R"({"a":"\u12"})"),
        std::string(R"({"a":"\ud83d"})"), std::string(R"({"a":"\udd11"})"),
        std::string(R"({"a":[1})"), std::string(R"({"a":["})"),
        std::string(R"({"a":1}x)"), std::string(R"({"accessKey":"x"})"), many + "}"})
    EXPECT_TRUE(Signed("/a/b", body).headers.empty()) << body;
  EXPECT_FALSE(Signed("/a/b", R"({"AccessKey":"x"})").headers.empty());
}

TEST_F(AccessPointSigner, RefusesHeadersThatAreNotOneOfEach) {
  const Request good = Signed("/a/b", "{}");
  ASSERT_OK(Parse(good));
  for (std::size_t i = 0; i < good.headers.size(); ++i) {
    Request request = good;
    request.headers.erase(request.headers.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THAT(Parse(request), Fails(Reason::kBadSignature));
    request = good;
    request.headers.push_back(good.headers[i]);
    EXPECT_THAT(Parse(request), Fails(Reason::kBadSignature));
    request = good;
    request.headers[i].value.clear();
    EXPECT_THAT(Parse(request), Fails(Reason::kBadSignature));
    request.headers[i].value = " " + good.headers[i].value + "\t";
    EXPECT_OK(Parse(request));
    for (char& c : request.headers[i].name) c = static_cast<char>(std::toupper(c));
    EXPECT_OK(Parse(request));
  }
  for (const Headers& headers : {Headers{"9HskFPqv4T9wBjGHg16N7+n0+Rw/w97oujLMVzZT2L=="},
                                 Headers{"AAAA"}, Headers{kEncryptMac, kDate, "a b"},
                                 Headers{kEncryptMac, kDate, std::string(65, 'a')}})
    EXPECT_THAT(Parse(With("/a", "{}", headers)), Fails(Reason::kBadSignature));
}

TEST_F(AccessPointSigner, ReadsDatesInTheirZone) {
  for (const char* date :
       {kDate, "Wed, 16 Jul 2025 15:47:53 +0800", "Wed, 16 Jul 2025 07:47:53 GMT",
        "Wed, 16 Jul 2025 07:47:53 UTC", "Tue, 16 Jul 2025 07:47:53 UTC"}) {
    const Request request = With("/a", "{}", {kEncryptMac, date});
    const RequestView view = request.View();
    const auto claim = signer->Parse(view);
    ASSERT_OK(claim) << date;
    EXPECT_EQ(claim->date_as_utc, kDateMillis) << date;
  }
  for (const char* date :
       {"20250716T154753Z", "Wed, 16 Jul 2025 15:47:53", "Wed, 16 Jul 2025 15:47:53 ",
        "Wed, 16 Jul 2025 15:47:53 PST", "Wed, 16 Jul 2025 15:47:53 cst",
        "Xed, 16 Jul 2025 15:47:53 CST", "Wed, 16 Jux 2025 15:47:53 CST",
        "Wed, 31 Jun 2025 15:47:53 CST", "Wed, 16 Jul 2025 24:00:00 CST",
        "Wed, 16 Jul 2025 15:60:00 CST", "Wed, 16 Jul 2025 15:47:60 CST",
        "Wed, 16 Jul 1969 15:47:53 CST", "Wed, 1 Jul 2025 15:47:53 CST",
        "Wed 16 Jul 2025 15:47:53 CST", "Wed, 16 Jul 2025 15:47:53 CSTX"})
    EXPECT_THAT(Parse(With("/a", "{}", {kEncryptMac, date})),
                Fails(Reason::kBadTimeFormat))
        << date;
}

TEST_F(AccessPointSigner, HasOneReadingAndTheWindowOfTheRule) {
  const Request request = Signed("/a", "{}");
  const RequestView view = request.View();
  const SignatureClaim claim = signer->Parse(view).value();
  for (const TimeReading reading :
       {TimeReading::kBoth, TimeReading::kUtc, TimeReading::kBeijing}) {
    const TimeRule rule{reading, 60'000};
    for (const std::int64_t off : {-60'000, 0, 60'000}) {
      const auto verdict = signer->CheckTime(claim, kDateMillis + off, rule);
      ASSERT_OK(verdict);
      EXPECT_EQ(verdict->replayable_until, kDateMillis + 60'000);
    }
    for (const std::int64_t off : {-60'001, 60'001, -28'800'000, 28'800'000})
      EXPECT_THAT(signer->CheckTime(claim, kDateMillis + off, rule),
                  Fails(Reason::kOutOfTime));
  }
}

TEST(SignatureSchemes, AreToldApartByTheirHeaders) {
  const auto is = [](std::vector<HeaderView> headers) {
    return IsForAccessPoints(headers);
  };
  EXPECT_TRUE(is({{"hmac", ""}}));
  EXPECT_TRUE(is({{"HMAC", "x"}, {"RequestDate", "x"}, {"ACCESSKEY", "x"}}));
  EXPECT_FALSE(is({}));
  EXPECT_FALSE(is({{"regionId", "x"}}));
  for (const char* eop : {"eop-date", "Ctyun-Eop-Request-Id", "Eop-Authorization"})
    EXPECT_FALSE(
        is({{"hmac", "x"}, {"requestDate", "x"}, {"accessKey", "x"}, {eop, ""}}));
}

}  // namespace
}  // namespace kms::testing
