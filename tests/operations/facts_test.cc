// The table against a file that lists the facts of every operation; its path is in
// KMS_OPERATIONS_JSON. Without it there is nothing to compare with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "api/operation.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using boost::json::array;
using boost::json::object;
using Names = std::vector<std::string>;

std::string TextOf(const object& facts, std::string_view name) {
  return std::string(facts.at(name).as_string());
}

Names NamesOf(const boost::json::value& list) {
  Names names;
  for (const auto& name : list.as_array()) names.emplace_back(name.as_string());
  return names;
}

Names NamesOf(std::span<const std::string_view> list) {
  return Names(list.begin(), list.end());
}

Names Words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// What a note allows beside the facts: "also x, y" or "emit also x, y".
bool IsNoted(const object& facts, const std::string& name) {
  Names words = Words(TextOf(facts, "notes"));
  for (std::string& word : words)
    std::erase_if(word, [](char c) { return c == ',' || c == ';' || c == '.'; });
  return std::ranges::find(words, name) != words.end();
}

// What we have beyond the facts.
bool IsExtension(const Operation& operation, const std::string& name) {
  const std::set<std::pair<std::string_view, std::string_view>> extensions = {
      {"updateLebal", "operateType"},
      {"bindResource", "operateType"},
      {"unbindResource", "operateType"},
      {"listLebal", "list[]: userIds"}};
  const std::set<std::string_view> everywhere = {
      "encryptionContext", "destinationEncryptionContext",
      "product",           "labelKey",
      "labelValue",        "labels"};
  return everywhere.contains(name) || extensions.contains({operation.name, name});
}

std::string ClassName(OperationClass operation_class) {
  switch (operation_class) {
    case OperationClass::kSymmetric:
      return "symmetric";
    case OperationClass::kAsymmetric:
      return "asymmetric";
    case OperationClass::kManagement:
      return "management";
  }
  return {};
}

std::string ListName(std::string_view word) {
  return std::string(word.substr(0, word.find('[')));
}

std::vector<object> ReadFacts() {
  const char* const path = std::getenv("KMS_OPERATIONS_JSON");
  std::vector<object> facts;
  if (path == nullptr) return facts;
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  const boost::json::value file = boost::json::parse(text.str());
  for (const auto& row : file.as_object().at("operations").as_array()) {
    const Names groups = {
        "keys",      "aliases",    "import",       "versions",
        "compute",   "asymmetric", "certificates", "usb-key certificates",
        "integrity", "tags",       "access keys",  "access points",
        "service"};
    if (std::ranges::find(groups, TextOf(row.as_object(), "group")) != groups.end())
      facts.push_back(row.as_object());
  }
  return facts;
}

class OperationFacts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (facts.empty()) GTEST_SKIP() << "KMS_OPERATIONS_JSON is not set";
  }

  // Calls `compare` with each row and its facts.
  template <typename Compare>
  void ForEach(Compare compare) {
    for (const object& row : facts) {
      SCOPED_TRACE(TextOf(row, "name"));
      const Operation* const operation = FindOperation(TextOf(row, "name"));
      ASSERT_NE(operation, nullptr);
      compare(*operation, row);
    }
  }

  const std::vector<object> facts = ReadFacts();
};

TEST_F(OperationFacts, OperationsInOrder) {
  Names wanted, had;
  for (const object& row : facts) wanted.push_back(TextOf(row, "name"));
  // Those of our own are not in the file.
  for (const Operation* operation : AllOperations())
    if (!IsOurs(*operation)) had.emplace_back(operation->name);
  EXPECT_EQ(had, wanted);
}

TEST_F(OperationFacts, PathsAndMethods) {
  ForEach([](const Operation& operation, const object& row) {
    Names paths = NamesOf(row.at("aliases"));
    paths.insert(paths.begin(), TextOf(row, "path"));
    EXPECT_EQ(NamesOf(operation.paths), paths);
    EXPECT_EQ(operation.get ? (Names{"GET", "POST"}) : (Names{"POST"}),
              NamesOf(row.at("methods")));
  });
}

TEST_F(OperationFacts, PermissionClassAndWording) {
  ForEach([](const Operation& operation, const object& row) {
    EXPECT_EQ(operation.group, TextOf(row, "group"));
    EXPECT_EQ(operation.action, TextOf(row, "action"));
    EXPECT_EQ(operation.write, TextOf(row, "access") == "write");
    EXPECT_EQ(operation.mutates, row.at("mutates").as_bool());
    EXPECT_EQ(ClassName(operation.operation_class), TextOf(row, "class"));
    EXPECT_EQ(operation.section, TextOf(row, "section"));
    EXPECT_EQ(operation.envelope == Envelope::kBare, TextOf(row, "envelope") == "bare");
    EXPECT_EQ(NamesOf(operation.resources), NamesOf(row.at("resource")));
  });
}

TEST_F(OperationFacts, Parameters) {
  ForEach([](const Operation& operation, const object& row) {
    const array& wanted = row.at("params").as_array();
    ASSERT_GE(operation.parameters.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const object& fact = wanted[i].as_object();
      const Parameter& parameter = operation.parameters[i];
      SCOPED_TRACE(TextOf(fact, "name"));
      EXPECT_EQ(parameter.name, TextOf(fact, "name"));
      EXPECT_EQ(parameter.where == Where::kHeader, TextOf(fact, "where") == "header");
      EXPECT_EQ(parameter.required, fact.at("required").as_bool());
      EXPECT_EQ(CodeOf(parameter.missing), TextOf(fact, "missing"));
      EXPECT_EQ(CodeOf(parameter.bad), TextOf(fact, "bad"));
    }
    // The manual has no parameters of certificates: what else there is, we may say.
    const bool open = TextOf(row, "group") == "certificates";
    for (const Parameter& more : operation.parameters.subspan(wanted.size())) {
      EXPECT_FALSE(more.required) << more.name;
      EXPECT_TRUE(open || IsNoted(row, std::string(more.name)) ||
                  IsExtension(operation, std::string(more.name)))
          << more.name;
    }
  });
}

TEST_F(OperationFacts, Secrets) {
  ForEach([](const Operation& operation, const object& row) {
    const Names secret = NamesOf(row.at("secret"));
    for (const Parameter& parameter : operation.parameters)
      EXPECT_EQ(parameter.secret,
                std::ranges::find(secret, parameter.name) != secret.end())
          << parameter.name;
  });
}

TEST_F(OperationFacts, Results) {
  ForEach([](const Operation& operation, const object& row) {
    const Names wanted = NamesOf(row.at("result"));
    const Names had = NamesOf(operation.result);
    ASSERT_GE(had.size(), wanted.size());
    // A member, or a list with the members of its items.
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const Names wanted_words = Words(wanted[i]);
      const Names words = Words(had[i]);
      if (wanted_words.size() == 1 && words.front() != wanted_words.front()) {
        // A list whose items the facts leave open.
        EXPECT_EQ(ListName(words.front()), ListName(wanted_words.front()));
        continue;
      }
      ASSERT_GE(words.size(), wanted_words.size());
      EXPECT_TRUE(
          std::ranges::equal(wanted_words, std::span(words).first(wanted_words.size())))
          << had[i];
      for (const std::string& more : std::span(words).subspan(wanted_words.size()))
        EXPECT_TRUE(IsNoted(row, more) || IsExtension(operation, more)) << more;
    }
    for (const std::string& more : std::span(had).subspan(wanted.size()))
      EXPECT_TRUE(IsNoted(row, more) || IsExtension(operation, more)) << more;
  });
}

}  // namespace
}  // namespace kms::server
