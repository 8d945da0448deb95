#include "api/request_body.h"

#include <string>
#include <vector>

#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::Fails;
using Type = RequestBody::Type;

std::string Nested(std::size_t arrays) {
  return R"({"a":)" + std::string(arrays, '[') + std::string(arrays, ']') + "}";
}

std::string Members(int count) {
  std::string body = "{";
  for (int i = 0; i < count; ++i) {
    if (i != 0) body += ",";
    body += "\"m" + std::to_string(i) + "\":1";
  }
  return body + "}";
}

class BadBodyTest : public ::testing::TestWithParam<std::string> {};

TEST_P(BadBodyTest, IsRefusedAsBadJson) {
  Arena arena;
  EXPECT_THAT(RequestBody::Parse(AsBytes(GetParam()), arena), Fails(Reason::kBadJson));
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, BadBodyTest,
    ::testing::Values(" ", "{", R"({"a":)", R"({"a":1)", R"({"a" 1})", R"({a:1})",
                      R"({'a':1})", R"({"a":1,})", R"({"a":1}x)", "{}{}", "{} {}",
                      R"({"a":1}/* */)", "[]", R"("x")", "1", "null", "true",
                      "\xef\xbb\xbf{}", R"({"a":01})", R"({"a":+1})", R"({"a":.5})",
                      R"({"a":1.})", R"({"a":0x10})", R"({"a":NaN})", R"({"a":Infinity})",
                      R"({"a":tru})", "{\"a\":\"\n\"}", R"({"a":"\x"})"));

INSTANTIATE_TEST_SUITE_P(Duplicates, BadBodyTest,
                         ::testing::Values(R"({"a":1,"a":1})",
                                           R"({"cmkUuid":"a","\u0063mkUuid":"b"})",
                                           R"({"x":{"a":1,"a":2}})",
                                           R"({"x":[{"y":{"a":1,"b":2,"\u0061":3}}]})",
                                           R"({"a":{},"a":[]})"));

INSTANTIATE_TEST_SUITE_P(Numbers, BadBodyTest,
                         ::testing::Values(R"({"a":1e400})", R"({"a":-1e400})",
                                           R"({"a":[1e999]})",
                                           R"({"a":18446744073709551616})",
                                           R"({"a":-9223372036854775809})",
                                           R"({"a":[99999999999999999999999]})"));

INSTANTIATE_TEST_SUITE_P(
    Characters, BadBodyTest,
    ::testing::Values("{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"\xc0\xaf\"}",
                      "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}",
                      "{\"a\":\"\xe5\xaf\"}", R"({"a":"\ud800"})", R"({"a":"\udc00"})",
                      R"({"a":"x\u0000"})", R"({"a\u0000":1})", R"({"a":"\ud800x"})",
                      R"({"a":["\ud800\u0041"]})"));

INSTANTIATE_TEST_SUITE_P(Sizes, BadBodyTest,
                         ::testing::Values(Nested(32), Nested(2000),
                                           R"({"a":)" + std::string(2000, '['),
                                           Members(257),
                                           R"({"x":)" + Members(256) + "}"));

TEST(RequestBodyTest, TakesNestingOf32) {
  Arena arena;
  EXPECT_OK(RequestBody::Parse(AsBytes(Nested(31)), arena));
}

TEST(RequestBodyTest, TakesMembersUpTo256) {
  Arena arena;
  const std::string body = Members(256);
  const auto parsed = RequestBody::Parse(AsBytes(body), arena);
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->members().size(), 256U);
}

TEST(RequestBodyTest, TakesNoBodyAsAnEmptyObject) {
  Arena arena;
  const auto parsed = RequestBody::Parse({}, arena);
  ASSERT_OK(parsed);
  EXPECT_TRUE(parsed->members().empty());
}

TEST(RequestBodyTest, KeepsMembersAtTheTop) {
  Arena arena;
  const std::string body =
      " {\"t\":\"x\\n\\u5bc6y\",\"i\":-7,\"d\":1.50,\"u\":18446744073709551615,"
      "\"b\":true,\"f\":false,\"n\":null,\"o\":{\"t\":1,\"i\":[\"a\"]},\"a\":[{}], "
      "\"\":\"\"} \r\n";
  const auto parsed = RequestBody::Parse(AsBytes(body), arena);
  ASSERT_OK(parsed);
  const auto expect = [&](std::string_view name, Type type, std::string_view text) {
    const auto* member = parsed->Find(name);
    ASSERT_NE(member, nullptr) << name;
    EXPECT_EQ(member->type, type) << name;
    EXPECT_EQ(member->text, text) << name;
  };
  using std::string_view_literals::operator""sv;
  expect("t", Type::kText, "x\n密y"sv);
  expect("i", Type::kNumber, "-7");
  expect("d", Type::kNumber, "1.50");
  expect("u", Type::kNumber, "18446744073709551615");
  expect("b", Type::kBoolean, "true");
  expect("f", Type::kBoolean, "false");
  expect("n", Type::kNull, "");
  expect("o", Type::kNested, "");
  expect("a", Type::kNested, "");
  expect("", Type::kText, "");
  EXPECT_EQ(parsed->Find("absent"), nullptr);
  EXPECT_EQ(parsed->members().size(), 10U);
}

TEST(RequestBodyTest, KeepsArraysOfTextsAtTheTop) {
  Arena arena;
  const std::string body =
      R"({"t":["a","b\nc","密",""],"e":[],"m":["a",1],"n":["a",["b"]],"o":["a",{"x":"b"}],)"
      R"("z":["a",null],"last":["x"],"in":{"t":["a"]}})";
  const auto parsed = RequestBody::Parse(AsBytes(body), arena);
  ASSERT_OK(parsed);
  const auto items = [&](std::string_view name) {
    const auto* member = parsed->Find(name);
    EXPECT_EQ(member->type, Type::kTexts) << name;
    const auto of = parsed->ItemsOf(*member);
    return std::vector<std::string>(of.begin(), of.end());
  };
  EXPECT_EQ(items("t"), (std::vector<std::string>{"a", "b\nc", "密", ""}));
  EXPECT_EQ(items("e"), std::vector<std::string>());
  EXPECT_EQ(items("last"), std::vector<std::string>{"x"});
  for (const char* name : {"m", "n", "o", "z", "in"})
    EXPECT_EQ(parsed->Find(name)->type, Type::kNested) << name;
}

TEST(RequestBodyTest, KeepsObjectsOfTextsAtTheTop) {
  Arena arena;
  const std::string body =
      R"({"t":{"a":"b\nc","\u5bc6":"","":"x"},"e":{},"m":{"a":"b","c":1},"n":{"a":["b"]},)"
      R"("o":{"a":"b","c":{"d":"e"}},"z":{"a":null},"last":{"x":"y"},"in":["a",{"t":"b"}]})";
  const auto parsed = RequestBody::Parse(AsBytes(body), arena);
  ASSERT_OK(parsed);
  const auto items = [&](std::string_view name) {
    const auto* member = parsed->Find(name);
    EXPECT_EQ(member->type, Type::kTextMap) << name;
    const auto of = parsed->ItemsOf(*member);
    return std::vector<std::string>(of.begin(), of.end());
  };
  EXPECT_EQ(items("t"), (std::vector<std::string>{"a", "b\nc", "密", "", "", "x"}));
  EXPECT_EQ(items("e"), std::vector<std::string>());
  EXPECT_EQ(items("last"), (std::vector<std::string>{"x", "y"}));
  for (const char* name : {"m", "n", "o", "z", "in"})
    EXPECT_EQ(parsed->Find(name)->type, Type::kNested) << name;
  EXPECT_THAT(RequestBody::Parse(AsBytes(R"({"t":{"a":"1","a":"2"}})"), arena),
              Fails(Reason::kBadJson));
}

TEST(RequestBodyTest, TakesOneNameInTwoObjects) {
  Arena arena;
  const std::string body = R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]})";
  EXPECT_OK(RequestBody::Parse(AsBytes(body), arena));
}

TEST(RequestBodyTest, KeepsALongTextWithEscapesWhole) {
  Arena arena;
  std::string body = R"({"a":")";
  std::string wanted;
  for (int i = 0; i < 3000; ++i) {
    body += "abc\\/\\u0041";
    wanted += "abc/A";
  }
  body += R"("})";
  const auto parsed = RequestBody::Parse(AsBytes(body), arena);
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->Find("a")->text, wanted);
}

TEST(ArenaTest, GivesPiecesThatDoNotOverlap) {
  Arena arena;
  const auto first = arena.Allocate(3000);
  const auto second = arena.Allocate(3000);
  std::ranges::fill(first, std::uint8_t{1});
  std::ranges::fill(second, std::uint8_t{2});
  EXPECT_EQ(first.front(), 1);
  EXPECT_EQ(first.back(), 1);
  EXPECT_EQ(arena.Keep("abc"), "abc");
  EXPECT_EQ(second.back(), 2);
}

}  // namespace
}  // namespace kms::server
