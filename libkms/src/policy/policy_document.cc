#include "kms/policy_document.h"

#include <algorithm>
#include <utility>

#include "policy/statements.h"

namespace kms {

ActionTable::ActionTable(std::vector<KnownAction> actions) {
  for (const KnownAction& action : actions) {
    const auto at =
        std::ranges::lower_bound(actions_, action.name, {}, &KnownAction::name);
    if (at == actions_.end() || at->name != action.name) actions_.insert(at, action);
  }
}

std::optional<std::size_t> ActionTable::Find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(actions_, name, {}, &KnownAction::name);
  if (found == actions_.end() || found->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - actions_.begin());
}

bool GlobMatches(std::string_view pattern, std::string_view text) {
  // Where to go on when the newest "*" has to take one character more: never more than
  // pattern times text steps.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = pattern.npos;
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool Statement::Applies(const PolicyQuestion& question) const {
  return actions.Contains(question.action) &&
         std::ranges::all_of(conditions, [&](const Condition& condition) {
           return Holds(condition, question);
         });
}

bool Statement::Covers(const PolicyQuestion& question) const {
  return std::ranges::any_of(resources, [&](const ResourcePattern& pattern) {
    return pattern.Covers(question.kind, question.id);
  });
}

bool Statement::CoversAll(std::string_view kind) const {
  return std::ranges::any_of(
      resources, [&](const ResourcePattern& pattern) { return pattern.CoversAll(kind); });
}

PolicyDocument::PolicyDocument(std::unique_ptr<const Statements> statements)
    : statements_(std::move(statements)) {}
PolicyDocument::~PolicyDocument() = default;

PolicyVerdict PolicyDocument::Evaluate(const PolicyQuestion& question) const {
  using Effect = PolicyVerdict::Effect;
  PolicyVerdict verdict;
  for (std::size_t i = 0; i < statements_->all.size(); ++i) {
    const Statement& statement = statements_->all[i];
    if (statement.allows && verdict.effect == Effect::kAllow) continue;
    // What a statement covers is cheaper to ask than whether its conditions hold.
    if (!statement.actions.Contains(question.action) || !statement.Covers(question) ||
        !statement.Applies(question))
      continue;
    if (!statement.allows) return {Effect::kDeny, i};
    verdict = {Effect::kAllow, i};
  }
  return verdict;
}

}  // namespace kms
