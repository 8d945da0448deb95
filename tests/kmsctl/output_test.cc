#include "kmsctl/output.h"

#include <string>
#include <string_view>

#include "kmsctl/wiped_json.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

std::string Formatted(std::string_view json, Format format) {
  auto parsed = ParseWiped(json);
  return std::string(View(FormatResult((*parsed).as_object(), format)));
}

TEST(FormatResultTest, WritesJsonOverLines) {
  EXPECT_EQ(Formatted(R"({"a":[1,"x\ny"],"b":{}})", Format::kJson),
            "{\n  \"a\": [\n    1,\n    \"x\\u000ay\"\n  ],\n  \"b\": {}\n}\n");
}

TEST(FormatResultTest, WritesMembersAsLines) {
  EXPECT_EQ(Formatted(R"({"a":"b","n":7,"t":true})", Format::kText),
            "a\tb\nn\t7\nt\ttrue\n");
}

TEST(FormatResultTest, WritesListsAsTables) {
  EXPECT_EQ(
      Formatted(R"({"x":{"list":[{"a":1,"b":2},{"a":3}]},"total":2})", Format::kText),
      "a\tb\n1\t2\n3\t\ntotal\t2\n");
}

TEST(FormatResultTest, KeepsATextInItsCell) {
  EXPECT_EQ(Formatted(R"({"a":"x\ty\n\u001b"})", Format::kText), "a\tx y  \n");
}

}  // namespace
}  // namespace kms::server
