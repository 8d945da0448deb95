#include <string>
#include <string_view>

#include "kmsctl/failure.h"
#include "kmsctl/session.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HttpAnswer Answer(int status, std::string_view body) {
  HttpAnswer answer{status, {}};
  Append(answer.body, body);
  return answer;
}

TEST(ReadAnswerTest, FindsTheWrappedResult) {
  const auto result = ReadAnswer(Answer(
      200,
      R"({"statusCode":800,"returnObj":{"code":200,"result":{"a":"b"},"statusCode":200}})"));
  ASSERT_OK(result);
  EXPECT_EQ(TextOf(*result, "a"), "b");
}

TEST(ReadAnswerTest, FindsTheBareResult) {
  const auto result = ReadAnswer(Answer(200, R"({"code":200,"result":{"a":"b"}})"));
  ASSERT_OK(result);
  EXPECT_EQ(TextOf(*result, "a"), "b");
}

TEST(ReadAnswerTest, FindsTheResultOfAnAccessPoint) {
  const auto result =
      ReadAnswer(Answer(200, R"({"code":200,"msg":"success","data":{"a":"b"}})"));
  ASSERT_OK(result);
  EXPECT_EQ(TextOf(*result, "a"), "b");
}

TEST(ReadAnswerTest, TellsARefusalOfAnAccessPoint) {
  const auto result = ReadAnswer(Answer(
      403, R"({"code":"KMS.0913","msg":"no","errorCode":"KMS.0913","requestId":"r-1"})"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().detail(), "KMS.0913: no\nrequest id: r-1");
}

TEST(ReadAnswerTest, IsEmptyWhereThereIsNoResult) {
  const auto result =
      ReadAnswer(Answer(200, R"({"statusCode":800,"returnObj":{"code":200}})"));
  ASSERT_OK(result);
  EXPECT_TRUE((*result).empty());
}

TEST(ReadAnswerTest, TellsARefusal) {
  const auto result = ReadAnswer(Answer(
      404,
      R"({"statusCode":900,"errorCode":"KMS.0301","message":"none","requestId":"r-1"})"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().detail(), "KMS.0301: none\nrequest id: r-1");
  EXPECT_EQ(ExitStatusOf(result.error()), kRefused);
}

TEST(ReadAnswerTest, KeepsControlCharactersFromTheTerminal) {
  const auto result =
      ReadAnswer(Answer(400, R"({"errorCode":"KMS.1","message":"\u001b[2J"})"));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail(), Not(HasSubstr("\x1b")));
}

TEST(ReadAnswerTest, RefusesWhatIsNoAnswerOfAKms) {
  const auto result = ReadAnswer(Answer(200, "<html>"));
  ASSERT_FALSE(result);
  EXPECT_EQ(ExitStatusOf(result.error()), kNoConnection);
}

TEST(ReadAnswerTest, TellsTheStatusOfARefusalWithoutABody) {
  const auto result = ReadAnswer(Answer(502, ""));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail(), HasSubstr("502"));
}

}  // namespace
}  // namespace kms::server
