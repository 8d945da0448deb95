#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <string>

#include "api/dialect.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::Fails;

std::string Text(const WipedString& text) { return {text.begin(), text.end()}; }

constexpr UnixMillis kTime = 1'627'627'571'000;  // 2021-07-30T06:46:11Z

TEST(SeedDialectTest, WrapsSuccessInTheGatewaysEnvelope) {
  boost::json::object result;
  result["cmkUuid"] = "a";
  result["n"] = 1;
  EXPECT_EQ(Text(NewSeedDialect()->WriteSuccess({}, result)),
            R"({"statusCode":800,"returnObj":{"code":200,"result":{"cmkUuid":"a","n":1},)"
            R"("statusCode":200,"success":1}})");
}

TEST(SeedDialectTest, LeavesAnEmptyResultOut) {
  EXPECT_EQ(
      Text(NewSeedDialect()->WriteSuccess({}, {})),
      R"({"statusCode":800,"returnObj":{"code":200,"statusCode":200,"success":1}})");
}

TEST(SeedDialectTest, WritesTheInnerObjectAloneForABareEnvelope) {
  boost::json::object result;
  result["x"] = "密\"";
  EXPECT_EQ(
      Text(NewSeedDialect()->WriteSuccess({.envelope = Envelope::kBare}, result)),
      "{\"code\":200,\"result\":{\"x\":\"密\\\"\"},\"statusCode\":200,\"success\":1}");
}

TEST(SeedDialectTest, WritesLongResultsWhole) {
  boost::json::object result;
  result["x"] = std::string(100'000, 'y');
  const auto parsed =
      boost::json::parse(Text(NewSeedDialect()->WriteSuccess({}, result)));
  EXPECT_EQ(parsed.at("returnObj").at("result").as_object(), result);
}

TEST(SeedDialectTest, WordsRefusalsWithTheManualsTexts) {
  EXPECT_EQ(Text(NewSeedDialect()->WriteFailure(Error(Reason::kKeyNotFound), "id-1", "")),
            R"({"statusCode":900,"errorCode":"KMS.0301","error":"KMS.0301",)"
            R"("message":"The CMK does not exist or has been deleted",)"
            R"("description":"密钥不存在或已删除","requestId":"id-1"})");
}

TEST(SeedDialectTest, NamesWhatWasRefused) {
  EXPECT_EQ(Text(NewSeedDialect()->WriteFailure(Error(Reason::kBadParameter), "i\"d",
                                                "pageSize")),
            R"({"statusCode":900,"errorCode":"KMS.0921","error":"KMS.0921",)"
            R"("message":"A parameter has a value that is not allowed: pageSize",)"
            R"("description":"参数取值不合法","requestId":"i\"d"})");
}

TEST(SeedDialectTest, TellsNothingMoreOfItsOwnFailures) {
  const std::string text = Text(NewSeedDialect()->WriteFailure(
      Error(Reason::kInternal, "the detail"), "id-1", "the note"));
  EXPECT_EQ(text,
            R"({"statusCode":900,"errorCode":"KMS.0999","error":"KMS.0999",)"
            R"("message":"Internal error","description":"内部错误","requestId":"id-1"})");
}

TEST(SeedDialectTest, KnowsTheStatusesOfRefusals) {
  const auto dialect = NewSeedDialect();
  EXPECT_EQ(dialect->StatusOf(Reason::kParameterMissing), 400);
  EXPECT_EQ(dialect->StatusOf(Reason::kBadSignature), 401);
  EXPECT_EQ(dialect->StatusOf(Reason::kKeyNotFound), 404);
  EXPECT_EQ(dialect->StatusOf(Reason::kTooManyRequests), 429);
  EXPECT_EQ(dialect->StatusOf(Reason::kInternal), 500);
}

TEST(SeedDialectTest, WritesDatesInItsZone) {
  EXPECT_EQ(NewSeedDialect()->Date(kTime), "2021-07-30 06:46:11");
  EXPECT_EQ(NewSeedDialect()->LongDate(kTime), "Fri Jul 30 06:46:11 UTC 2021");
  const auto beijing = NewSeedDialect(480, "CST");
  EXPECT_EQ(beijing->Date(kTime), "2021-07-30 14:46:11");
  EXPECT_EQ(beijing->LongDate(kTime), "Fri Jul 30 14:46:11 CST 2021");
  EXPECT_EQ(NewSeedDialect(-60, "X")->Date(0), "1969-12-31 23:00:00");
  EXPECT_EQ(NewSeedDialect()->LongDate(1'709'164'800'999),
            "Thu Feb 29 00:00:00 UTC 2024");
}

TEST(SeedDialectTest, AllowsNationalAlgorithmsAtHsmLevelOnly) {
  const auto dialect = NewSeedDialect();
  for (const KeySpec spec : {KeySpec::kSm2, KeySpec::kSm4}) {
    EXPECT_THAT(dialect->AllowsSpec(spec, ProtectionLevel::kSoftware),
                Fails(Reason::kBadKeySpec));
    EXPECT_OK(dialect->AllowsSpec(spec, ProtectionLevel::kHsm));
  }
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kRsa2048})
    EXPECT_OK(dialect->AllowsSpec(spec, ProtectionLevel::kSoftware));
}

TEST(SeedDialectTest, CountsPagesFromTheRowsFirst) {
  constexpr Parameter from_0[] = {{.name = "pageNumber", .min = 0, .max = 9}};
  constexpr Parameter from_1[] = {{.name = "pageNum", .min = 1, .max = 9}};
  const auto dialect = NewSeedDialect();
  const Operation zero = {.parameters = from_0};
  const Operation one = {.parameters = from_1};
  EXPECT_EQ(dialect->PageIndex(zero, 0), 0U);
  EXPECT_EQ(dialect->PageIndex(zero, 1), 1U);
  EXPECT_EQ(dialect->PageIndex(one, 0), 0U);
  EXPECT_EQ(dialect->PageIndex(one, 1), 0U);
  EXPECT_EQ(dialect->PageIndex(one, 2), 1U);
}

}  // namespace
}  // namespace kms::server
