#include <boost/json/object.hpp>
#include <string>

#include "api/dialect.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

std::string Text(const WipedString& text) { return {text.begin(), text.end()}; }

TEST(AccessPointDialectTest, PutsResultsUnderData) {
  boost::json::object result;
  result["cmkUuid"] = "a";
  for (const Envelope envelope : {Envelope::kGateway, Envelope::kBare})
    EXPECT_EQ(Text(NewAccessPointDialect()->WriteSuccess({.envelope = envelope}, result)),
              R"({"code":200,"msg":"success","data":{"cmkUuid":"a"}})");
  EXPECT_EQ(Text(NewAccessPointDialect()->WriteSuccess({}, {})),
            R"({"code":200,"msg":"success","data":{}})");
}

TEST(AccessPointDialectTest, NamesThePublishedCode) {
  EXPECT_EQ(Text(NewAccessPointDialect()->WriteFailure(Error(Reason::kKeyNotFound),
                                                       "i\"d", "cmkUuid")),
            R"({"code":"KMS.0301",)"
            R"("msg":"The CMK does not exist or has been deleted: cmkUuid",)"
            R"("errorCode":"KMS.0301","requestId":"i\"d"})");
}

TEST(AccessPointDialectTest, TellsNothingOfWhatFailedInside) {
  const std::string text = Text(NewAccessPointDialect()->WriteFailure(
      Error(Reason::kInternal, "the detail"), "id", "the note"));
  EXPECT_EQ(text.find("the detail"), std::string::npos);
  EXPECT_EQ(text.find("the note"), std::string::npos);
}

TEST(AccessPointDialectTest, SharesStatusesAndDatesWithTheSeedDialect) {
  const auto seed = NewSeedDialect(480, "CST");
  const auto dialect = NewAccessPointDialect(480, "CST");
  constexpr UnixMillis kTime = 1'627'627'571'000;
  EXPECT_EQ(dialect->Date(kTime), seed->Date(kTime));
  EXPECT_EQ(dialect->LongDate(kTime), seed->LongDate(kTime));
  for (const Reason reason :
       {Reason::kDenied, Reason::kAddressNotAllowed, Reason::kKeyNotFound})
    EXPECT_EQ(dialect->StatusOf(reason), seed->StatusOf(reason));
}

}  // namespace
}  // namespace kms::server
