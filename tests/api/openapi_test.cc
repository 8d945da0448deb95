#include "api/openapi.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <set>
#include <string>

#include "api/reference.h"
#include "fixture.h"

namespace kms::server {
namespace {

using boost::json::value;
using testing::TestOperations;

class OpenApiTest : public ::testing::Test {
 protected:
  std::unique_ptr<Dialect> dialect = NewSeedDialect();
  const std::string text = WriteOpenApi(TestOperations(), *dialect);
  const value document = boost::json::parse(text);
  const value& paths() const { return document.at("paths"); }
};

// Every "$ref" below `node` leads somewhere in `document`.
void ExpectReferencesResolve(const value& node, const value& document) {
  if (const auto* object = node.if_object()) {
    for (const auto& [name, member] : *object) {
      if (name != "$ref") {
        ExpectReferencesResolve(member, document);
        continue;
      }
      const std::string pointer(member.as_string().subview(1));
      boost::json::error_code error;
      EXPECT_NE(document.find_pointer(pointer, error), nullptr) << pointer;
    }
  } else if (const auto* array = node.if_array()) {
    for (const value& item : *array) ExpectReferencesResolve(item, document);
  }
}

TEST_F(OpenApiTest, HasEveryPathWithItsMethods) {
  std::size_t expected = 0;
  for (const Operation* const operation : TestOperations()) {
    for (const std::string_view path : operation->paths) {
      ++expected;
      const auto& methods = paths().at(path).as_object();
      EXPECT_TRUE(methods.contains("post")) << path;
      EXPECT_EQ(methods.contains("get"), operation->get) << path;
    }
  }
  EXPECT_EQ(paths().as_object().size(), expected);
}

TEST_F(OpenApiTest, AllReferencesResolve) { ExpectReferencesResolve(document, document); }

TEST_F(OpenApiTest, OperationIdsAreUnique) {
  std::set<std::string> ids;
  for (const auto& path : paths().as_object()) {
    for (const auto& method : path.value().as_object()) {
      const auto& operation = method.value().as_object();
      if (!operation.contains("operationId")) continue;
      EXPECT_TRUE(ids.emplace(operation.at("operationId").as_string()).second);
    }
  }
  EXPECT_EQ(ids.size(), TestOperations().size() + 1);
}

TEST_F(OpenApiTest, DescribesABody) {
  const value& schema = paths()
                            .at("/v1/test/echo")
                            .at("post")
                            .at("requestBody")
                            .at("content")
                            .at("application/json")
                            .at("schema");
  EXPECT_EQ(schema.at("required"), value(boost::json::array{"text"}));
  EXPECT_EQ(schema.at("properties").at("text").at("maxLength"), 10);
}

TEST_F(OpenApiTest, DescribesHeadersOfAGet) {
  const auto& parameters =
      paths().at("/v1/test/list").at("get").at("parameters").as_array();
  ASSERT_EQ(parameters.size(), 3U) << "the region once, and two of its own";
  EXPECT_EQ(parameters[2].at("name"), "choice");
  EXPECT_EQ(parameters[2].at("in"), "header");
  EXPECT_EQ(parameters[2].at("schema").at("enum"), value(boost::json::array{"a", "b"}));
}

TEST_F(OpenApiTest, DescribesAnswers) {
  const value& responses = paths().at("/v1/test/echo").at("post").at("responses");
  const value& inner = responses.at("200")
                           .at("content")
                           .at("application/json")
                           .at("schema")
                           .at("properties")
                           .at("returnObj");
  EXPECT_TRUE(
      inner.at("properties").at("result").at("properties").as_object().contains("items"));
  EXPECT_TRUE(responses.as_object().contains("401"));
  EXPECT_FALSE(paths()
                   .at("/v1/test/nothing")
                   .at("post")
                   .at("responses")
                   .at("200")
                   .at("content")
                   .at("application/json")
                   .at("schema")
                   .at("properties")
                   .at("returnObj")
                   .at("properties")
                   .as_object()
                   .contains("result"));
}

TEST_F(OpenApiTest, DemandsTheSignature) {
  EXPECT_TRUE(document.at("security").at(0).as_object().contains("Eop"));
  EXPECT_EQ(document.at("components").at("securitySchemes").at("Eop").at("name"),
            "Eop-Authorization");
}

TEST_F(OpenApiTest, BooleansAreDescribedAsBooleansAndTexts) {
  constexpr Parameter parameters[] = {{.name = "truth", .kind = Kind::kBoolean}};
  constexpr std::string_view path[] = {"/x"};
  const Operation operation = {.name = "x", .paths = path, .parameters = parameters};
  const Operation* const all[] = {&operation};
  const value made = boost::json::parse(WriteOpenApi(all, *dialect));
  EXPECT_EQ(made.at("paths")
                .at("/x")
                .at("post")
                .at("requestBody")
                .at("content")
                .at("application/json")
                .at("schema")
                .at("properties")
                .at("truth")
                .at("enum"),
            boost::json::parse(R"([true,false,"true","false"])"));
}

TEST_F(OpenApiTest, NestedListsAreDescribedAsNested) {
  constexpr std::string_view path[] = {"/x"};
  constexpr std::string_view result[] = {"outer.list[]: one two", "total"};
  const Operation operation = {.name = "x", .paths = path, .result = result};
  const Operation* const all[] = {&operation};
  const value made = boost::json::parse(WriteOpenApi(all, *dialect));
  const value& described = made.at_pointer(
      "/paths/~1x/post/responses/200/content/application~1json/schema/properties/"
      "returnObj/properties/result");
  const value& list = described.at_pointer("/properties/outer/properties/list");
  EXPECT_EQ(list.at("type"), "array");
  EXPECT_EQ(list.at_pointer("/items/properties"),
            boost::json::parse(R"({"one":{},"two":{}})"));
  EXPECT_TRUE(described.at("properties").as_object().contains("total"));
}

TEST_F(OpenApiTest, ListsInListsAreDescribed) {
  constexpr std::string_view path[] = {"/x"};
  constexpr std::string_view result[] = {"list[]: key data[]: id value", "list[]: users"};
  const Operation operation = {.name = "x", .paths = path, .result = result};
  const Operation* const all[] = {&operation};
  const value made = boost::json::parse(WriteOpenApi(all, *dialect));
  const value& items = made.at_pointer(
      "/paths/~1x/post/responses/200/content/application~1json/schema/properties/"
      "returnObj/properties/result/properties/list/items/properties");
  EXPECT_EQ(items, boost::json::parse(R"({"key":{},"data":{"type":"array","items":
      {"type":"object","properties":{"id":{},"value":{}}}},"users":{}})"));
}

TEST(ReferenceTest, HasAChapterForEachOperation) {
  const std::string text = WriteReference(TestOperations());
  EXPECT_EQ(text, WriteReference(TestOperations()));
  for (const Operation* const operation : TestOperations())
    EXPECT_NE(text.find("\n### " + std::string(operation->name) + "\n"),
              std::string::npos);
  EXPECT_NE(text.find("| `text` | yes | text of at most 10 characters | KMS.0107 | "
                      "KMS.0921 |"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("- `GET or POST /v1/test/list`"), std::string::npos);
}

}  // namespace
}  // namespace kms::server
