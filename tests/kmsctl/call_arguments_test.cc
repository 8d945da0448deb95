#include "kmsctl/call_arguments.h"

#include <fstream>
#include <string>
#include <vector>

#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::FailsAs;

std::string Body(const std::vector<std::string>& arguments) {
  auto body = ReadCallArguments(arguments);
  if (!body) return "refused";
  return std::string(View(body->Take()));
}

std::string FileWith(const std::string& content) {
  const std::string path = ::testing::TempDir() + "/kmsctl_argument";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(CallArgumentsTest, MakesAnEmptyObjectOfNothing) { EXPECT_EQ(Body({}), "{}"); }

TEST(CallArgumentsTest, TakesTexts) {
  EXPECT_EQ(Body({"a=1", "b=x=y", "c="}), R"({"a":"1","b":"x=y","c":""})");
}

TEST(CallArgumentsTest, EscapesTexts) {
  EXPECT_EQ(Body({"a=\"\\\n"}), R"({"a":"\"\\\u000a"})");
}

TEST(CallArgumentsTest, TakesJson) {
  EXPECT_EQ(Body({"a:=1", "b:=true", "c:=[1,{}]"}), R"({"a":1,"b":true,"c":[1,{}]})");
}

TEST(CallArgumentsTest, RefusesWhatIsNotJson) {
  EXPECT_EQ(Body({"a:=1,\"b\":2"}), "refused");
  EXPECT_EQ(Body({"a:="}), "refused");
}

TEST(CallArgumentsTest, TakesTheTextOfAFile) {
  EXPECT_EQ(Body({"a=@" + FileWith("text\n")}), R"({"a":"text"})");
}

TEST(CallArgumentsTest, TakesTheBase64OfAFile) {
  EXPECT_EQ(Body({"a=@base64:" + FileWith(std::string("\0\xff\n", 3))}),
            R"({"a":"AP8K"})");
}

TEST(CallArgumentsTest, RefusesAFileThatIsNotThere) {
  EXPECT_EQ(Body({"a=@/nonexistent/file"}), "refused");
}

TEST(CallArgumentsTest, RefusesWhatHasNoName) {
  EXPECT_EQ(Body({"=1"}), "refused");
  EXPECT_EQ(Body({":=1"}), "refused");
  EXPECT_EQ(Body({"name"}), "refused");
}

TEST(CallArgumentsTest, RefusesANameGivenTwice) {
  EXPECT_EQ(Body({"a=1", "a:=2"}), "refused");
}

TEST(CallArgumentsTest, KeepsValuesOutOfMessages) {
  const auto body = ReadCallArguments(std::vector<std::string>{"a:=secret"});
  ASSERT_THAT(body, FailsAs(ErrorClass::kInvalidArgument));
  EXPECT_EQ(body.error().detail().find("secret"), std::string::npos);
}

}  // namespace
}  // namespace kms::server
