#include "policy/system_policies.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "policy/statements.h"

namespace kms {
namespace {

struct Row {
  std::string_view id;
  std::string_view description;
  std::string_view pattern;  // empty: the actions are listed
  bool (*includes)(const KnownAction&);
};

constexpr Row kRows[] = {
    {"KMSFullAccess", "Everything", "kms:*:*", [](const KnownAction&) { return true; }},
    {"KMSReadOnlyAccess", "Whatever only reads", "",
     [](const KnownAction& action) { return !action.write; }},
    {"KMSCryptoAccess", "Computing with keys and certificates", "",
     [](const KnownAction& action) { return action.computes; }},
    {"KMSKeyFullAccess", "Everything about keys", "kms:cmk:*",
     [](const KnownAction& action) { return GlobMatches("kms:cmk:*", action.name); }},
    {"KMSCertFullAccess", "Everything about certificates", "kms:cert:*",
     [](const KnownAction& action) { return GlobMatches("kms:cert:*", action.name); }}};

std::string TextOf(const boost::json::array& actions) {
  boost::json::object statement;
  statement["Effect"] = "Allow";
  statement["Action"] = actions;
  statement["Resource"] = "*";
  boost::json::object document;
  document["Version"] = "1.1";
  document["Statement"] = boost::json::array{std::move(statement)};
  return boost::json::serialize(document);
}

}  // namespace

std::vector<SystemPolicy> SystemPolicies(const ActionTable& table) {
  std::vector<SystemPolicy> policies;
  for (const Row& row : kRows) {
    Statement statement;
    statement.allows = true;
    statement.actions = ActionSet(table.actions().size());
    statement.resources.emplace_back();
    boost::json::array listed;
    if (!row.pattern.empty()) listed.emplace_back(row.pattern);
    for (std::size_t i = 0; i < table.actions().size(); ++i) {
      if (!row.includes(table.actions()[i])) continue;
      statement.actions.Insert(i);
      if (row.pattern.empty()) listed.emplace_back(table.actions()[i].name);
    }
    auto statements = std::make_unique<PolicyDocument::Statements>();
    statements->all.push_back(std::move(statement));
    policies.push_back({row.id, row.description, TextOf(listed),
                        std::make_shared<const PolicyDocument>(std::move(statements))});
  }
  return policies;
}

}  // namespace kms
