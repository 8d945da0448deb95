#include <gtest/gtest.h>

#include <functional>

#include "signer/eop_request.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

constexpr std::string_view kSignature = "KtvXhqZLy1eQOiI+48XQzhWIdBlf+AdK+WgoBR3DcZo=";
constexpr std::string_view kNames = "ctyun-eop-request-id;eop-date";

std::string Authorization(std::string_view names, std::string_view signature = kSignature,
                          std::string_view access_key = kAccessKey) {
  return std::string(access_key)
      .append(" Headers=")
      .append(names)
      .append(" Signature=")
      .append(signature);
}

EopRequest Good() {
  EopRequest request;
  request["eop-date"] = "20240116T160000Z";
  request["ctyun-eop-request-id"] = kRequestId;
  request["Eop-Authorization"] = Authorization(kNames);
  return request;
}

TEST(EopParse, ReadsTheClaim) {
  EopRequest request = Good();
  request["Host"] = "here";
  request["Eop-Authorization"] = Authorization("Host;eop-date;ctyun-eop-request-id");
  const RequestView view = request.View();
  const auto claim = NewEopSigner()->Parse(view);
  ASSERT_OK(claim);
  EXPECT_EQ(claim->access_key, kAccessKey);
  EXPECT_EQ(claim->request_id, kRequestId);
  EXPECT_EQ(claim->date, "20240116T160000Z");
  EXPECT_EQ(claim->date_as_utc, kNow);
  EXPECT_EQ(claim->signed_headers,
            (std::vector<std::string_view>{"Host", "eop-date", "ctyun-eop-request-id"}));
  EXPECT_EQ(claim->signature[0], 0x2a);
  EXPECT_EQ(claim->signature[31], 0x9a);
}

struct Malformed {
  const char* name;
  std::function<void(EopRequest&)> spoil;
};

void PrintTo(const Malformed& malformed, std::ostream* out) { *out << malformed.name; }

std::function<void(EopRequest&)> Set(std::string header, std::string value) {
  return [=](EopRequest& request) { request[header] = value; };
}
std::function<void(EopRequest&)> SetAuthorization(std::string value) {
  return Set("Eop-Authorization", std::move(value));
}
std::function<void(EopRequest&)> Drop(std::string header) {
  return [=](EopRequest& request) { request.Drop(header); };
}
std::function<void(EopRequest&)> Add(std::string header, std::string value) {
  return [=](EopRequest& request) { request.headers.push_back({header, value}); };
}
std::function<void(EopRequest&)> SetSignature(std::string signature) {
  return SetAuthorization(Authorization(kNames, signature));
}
std::function<void(EopRequest&)> SetNames(std::string names) {
  return SetAuthorization(Authorization(names));
}

std::string ManyNames(int count) {
  std::string names(kNames);
  for (int i = 2; i < count; ++i) names += ";x-" + std::to_string(i);
  return names;
}

const Malformed kMalformed[] = {
    {"no date", Drop("eop-date")},
    {"empty date", Set("eop-date", "")},
    {"blank date", Set("eop-date", " \t ")},
    {"two dates", Add("Eop-Date", "20240116T160001Z")},
    {"the same date twice", Add("EOP-DATE", "20240116T160000Z")},
    {"no id", Drop("ctyun-eop-request-id")},
    {"empty id", Set("ctyun-eop-request-id", "")},
    {"blank id", Set("ctyun-eop-request-id", "  ")},
    {"two ids", Add("Ctyun-Eop-Request-Id", "x")},
    {"129 characters of id", Set("ctyun-eop-request-id", std::string(129, 'a'))},
    {"blank in the id", Set("ctyun-eop-request-id", "a b")},
    {"control byte in the id", Set("ctyun-eop-request-id", "a\x01")},
    {"DEL in the id", Set("ctyun-eop-request-id", "a\x7f")},
    {"NUL in the id", Set("ctyun-eop-request-id", std::string("a\0b", 3))},
    {"UTF-8 in the id", Set("ctyun-eop-request-id", "号")},
    {"no authorization", Drop("Eop-Authorization")},
    {"empty authorization", SetAuthorization("")},
    {"blank authorization", SetAuthorization("   ")},
    {"two authorizations", Add("eop-authorization", Authorization(kNames))},
    {"access key alone", SetAuthorization("AK")},
    {"two parts", SetAuthorization("AK Headers=ctyun-eop-request-id;eop-date")},
    {"four parts", SetAuthorization(Authorization(kNames) + " more")},
    {"no access key", SetAuthorization(Authorization(kNames, kSignature, ""))},
    {"65 characters of access key",
     SetAuthorization(Authorization(kNames, kSignature, std::string(65, 'k')))},
    {"UTF-8 in the access key",
     SetAuthorization(Authorization(kNames, kSignature, "钥"))},
    {"control byte in the access key",
     SetAuthorization(Authorization(kNames, kSignature, "a\x02"))},
    {"names twice",
     SetAuthorization("Headers=a " + Authorization(kNames, kSignature, ""))},
    {"names twice behind the access key",
     SetAuthorization("AK Headers=eop-date" + Authorization(kNames, kSignature, ""))},
    {"signature twice",
     SetAuthorization(Authorization(kNames) + " Signature=" + std::string(kSignature))},
    {"parts reversed", SetAuthorization("AK Signature=" + std::string(kSignature) +
                                        " Headers=" + std::string(kNames))},
    {"part names in lower case",
     SetAuthorization("AK headers=" + std::string(kNames) +
                      " signature=" + std::string(kSignature))},
    {"parts joined by commas", SetAuthorization("AK,Headers=" + std::string(kNames) +
                                                ",Signature=" + std::string(kSignature))},
    {"no names", SetNames("")},
    {"empty name in front", SetNames(";" + std::string(kNames))},
    {"empty name at the end", SetNames(std::string(kNames) + ";")},
    {"date not listed", SetNames("ctyun-eop-request-id")},
    {"id not listed", SetNames("eop-date")},
    {"names joined by commas", SetNames("ctyun-eop-request-id,eop-date")},
    {"absent header listed", SetNames(std::string(kNames) + ";host")},
    {"name twice", SetNames(std::string(kNames) + ";eop-date")},
    {"name twice in other case", SetNames(std::string(kNames) + ";Eop-Date")},
    {"33 names",
     [](EopRequest& request) {
       for (int i = 2; i < 33; ++i) request["x-" + std::to_string(i)] = "v";
       request["Eop-Authorization"] = Authorization(ManyNames(33));
     }},
    {"1000 names", SetNames(ManyNames(1000))},
    {"listed header twice",
     [](EopRequest& request) {
       request.headers.push_back({"x-a", "1"});
       request.headers.push_back({"X-A", "1"});
       request["Eop-Authorization"] = Authorization(std::string(kNames) + ";x-a");
     }},
    {"no signature", SetSignature("")},
    {"signature without padding", SetSignature(std::string(kSignature.substr(0, 43)))},
    {"too much padding", SetSignature(std::string(kSignature) + "=")},
    {"31 bytes of signature",
     SetSignature("KtvXhqZLy1eQOiI+48XQzhWIdBlf+AdK+WgoBR3DcQ==")},
    {"33 bytes of signature",
     SetSignature("KtvXhqZLy1eQOiI+48XQzhWIdBlf+AdK+WgoBR3DcZoA")},
    {"64 bytes of signature", SetSignature(std::string(86, 'A') + "==")},
    {"url-safe alphabet", SetSignature("KtvXhqZLy1eQOiI-48XQzhWIdBlf-AdK-WgoBR3DcZo=")},
    {"bits that no byte uses",
     SetSignature("KtvXhqZLy1eQOiI+48XQzhWIdBlf+AdK+WgoBR3DcZp=")},
    {"character that is not base64",
     SetSignature("!tvXhqZLy1eQOiI+48XQzhWIdBlf+AdK+WgoBR3DcZo=")},
    {"newline behind the signature", SetSignature(std::string(kSignature) + "\n")},
    {"hexadecimal signature", SetSignature(std::string(64, 'a'))},
};

class EopParseMalformed : public ::testing::TestWithParam<Malformed> {};

TEST_P(EopParseMalformed, IsABadSignature) {
  const auto signer = NewEopSigner();
  EopRequest request = Good();
  ASSERT_OK(signer->Parse(request.View()));
  GetParam().spoil(request);
  EXPECT_THAT(signer->Parse(request.View()), Fails(Reason::kBadSignature));
}

INSTANTIATE_TEST_SUITE_P(All, EopParseMalformed, ::testing::ValuesIn(kMalformed));

class EopParseDate : public ::testing::TestWithParam<const char*> {};

TEST_P(EopParseDate, IsABadTimeFormat) {
  EopRequest request = Good();
  request["eop-date"] = GetParam();
  EXPECT_THAT(NewEopSigner()->Parse(request.View()), Fails(Reason::kBadTimeFormat));
}

INSTANTIATE_TEST_SUITE_P(
    All, EopParseDate,
    ::testing::Values("2021-12-21 16:36:14", "20240116T160000", "20240116T160000z",
                      "20240116t160000Z", "20240116 160000Z", "20240116T160000ZZ",
                      "20240116T160000+0800", "20240116T160000.0Z", "2024011T160000Z",
                      "020240116T16000Z", "220240116T160000Z", "20240230T000000Z",
                      "20230229T000000Z", "21000229T000000Z", "20240016T000000Z",
                      "20241316T000000Z", "20240100T000000Z", "20240132T000000Z",
                      "20240431T000000Z", "20240116T240000Z", "20240116T236000Z",
                      "20240116T235960Z", "00000101T000000Z", "19691231T235959Z",
                      "30000101T000000Z", "99991231T235959Z", "+2024116T160000Z",
                      "-0240116T160000Z", "２0240116T160000Z", "0x240116T160000Z",
                      "Tue, 16 Jan 2024 16:00:00 GMT", "1705420800"));

struct Date {
  const char* text;
  UnixMillis time;
};

class EopParseGoodDate : public ::testing::TestWithParam<Date> {};

TEST_P(EopParseGoodDate, IsReadAsUtc) {
  EopRequest request = Good();
  request["eop-date"] = GetParam().text;
  const auto claim = NewEopSigner()->Parse(request.View());
  ASSERT_OK(claim);
  EXPECT_EQ(claim->date_as_utc, GetParam().time);
}

INSTANTIATE_TEST_SUITE_P(All, EopParseGoodDate,
                         ::testing::Values(Date{"19700101T000000Z", 0},
                                           Date{"20240116T160000Z", kNow},
                                           Date{"20240229T235959Z", 1'709'251'199'000},
                                           Date{"20000229T000000Z", 951'782'400'000},
                                           Date{"20380119T031408Z", 2'147'483'648'000},
                                           Date{"29991231T235959Z", 32'503'679'999'000}));

TEST(EopSign, WritesTheDateInWholeSeconds) {
  const auto signer = NewEopSigner();
  EopRequest request;
  const auto date = [&](UnixMillis now) {
    return signer->Sign(request.View(), kAccessKey, Secret(), now, kRequestId, {})
        .at(0)
        .value;
  };
  EXPECT_EQ(date(kNow), "20240116T160000Z");
  EXPECT_EQ(date(kNow + 999), "20240116T160000Z");
  EXPECT_EQ(date(kNow - 1), "20240116T155959Z");
  EXPECT_EQ(date(951'782'400'000), "20000229T000000Z");
}

}  // namespace
}  // namespace kms::testing
