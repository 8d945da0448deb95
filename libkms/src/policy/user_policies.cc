#include "policy/user_policies.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "identity/records.h"
#include "policy/statements.h"

namespace kms {
namespace {

// What a document takes in memory, for each byte of its text, about.
constexpr std::size_t kCompiledFactor = 4;

}  // namespace

std::string_view KindOf(std::string_view action) {
  const std::size_t first = action.find(':');
  const std::size_t second = action.find(':', first + 1);
  if (first == action.npos || second == action.npos) return {};
  const std::string_view kind = action.substr(first + 1, second - first - 1);
  return kind == "ak" ? "accessPoint" : kind;
}

Result<std::shared_ptr<const UserPolicies>> UserPolicies::Load(
    const Reader& reader, std::string_view account, std::string_view user,
    const PolicyTables& tables) {
  auto loaded = std::make_shared<UserPolicies>();
  loaded->footprint_bytes_ = 1024;
  KMS_TRY(const auto found, reader.Get(place::User(account, user)));
  if (!found) return std::shared_ptr<const UserPolicies>(std::move(loaded));
  KMS_TRY(const UserRecord record, ReadRecord<UserRecord>(found->value));
  if (!record.enabled) return std::shared_ptr<const UserPolicies>(std::move(loaded));

  std::unordered_map<std::string, std::shared_ptr<const PolicyDocument>> documents;
  for (const SystemPolicy& policy : tables.system)
    documents.emplace(policy.id, policy.document);
  KMS_TRY(const auto groups,
          reader.Scan(place::GroupsOf(account, user), {}, kAllRecords));
  for (const Record& link : groups) {
    KMS_TRY(const LinkRecord group, ReadRecord<LinkRecord>(link.value));
    KMS_TRY(const auto grants,
            reader.Scan(place::GrantsOf(account, group.id), {}, kAllRecords));
    for (const Record& stored : grants) {
      KMS_TRY(GrantRecord grant, ReadRecord<GrantRecord>(stored.value));
      auto document = documents.find(grant.policy);
      if (document == documents.end()) {
        KMS_TRY(const PolicyRecord policy,
                ReadAs<PolicyRecord>(reader, place::PolicyOf(account, grant.policy),
                                     Reason::kPolicyNotFound));
        KMS_TRY(auto parsed, PolicyDocument::Parse(policy.document, tables.actions));
        loaded->footprint_bytes_ += kCompiledFactor * policy.document.size();
        document = documents.emplace(grant.policy, std::move(parsed)).first;
      }
      loaded->held_.push_back(
          {std::move(grant.policy), std::move(grant.project), document->second});
    }
  }
  return std::shared_ptr<const UserPolicies>(std::move(loaded));
}

UserPolicies::Decision UserPolicies::Decide(const PolicyQuestion& question,
                                            std::string_view project) const {
  using Effect = PolicyVerdict::Effect;
  Decision decision;
  for (const HeldPolicy& policy : held_) {
    if (!policy.project.empty() && policy.project != project) continue;
    const PolicyVerdict verdict = policy.document->Evaluate(question);
    if (verdict.effect == Effect::kNone) continue;
    if (verdict.effect == Effect::kDeny)
      return {Effect::kDeny, &policy, verdict.statement};
    if (decision.policy == nullptr)
      decision = {Effect::kAllow, &policy, verdict.statement};
  }
  return decision;
}

bool UserPolicies::MayAnywhere(const PolicyQuestion& question) const {
  bool allowed = false;
  for (const HeldPolicy& policy : held_) {
    for (const Statement& statement : policy.document->statements().all) {
      // Conditions are the costliest to ask, so they come last.
      if (statement.allows) {
        allowed = allowed || statement.Applies(question);
      } else if (policy.project.empty() && statement.CoversAll(question.kind) &&
                 statement.Applies(question)) {
        return false;
      }
    }
  }
  return allowed;
}

bool UserPolicies::MayEverywhere(const PolicyQuestion& question) const {
  bool allowed = false;
  for (const HeldPolicy& policy : held_) {
    for (const Statement& statement : policy.document->statements().all) {
      if (!statement.Applies(question)) continue;
      if (!statement.allows) return false;
      if (policy.project.empty() && statement.CoversAll(question.kind)) allowed = true;
    }
  }
  return allowed;
}

bool UserPolicies::Administers(const ActionTable& actions) const {
  for (std::size_t i = 0; i < actions.actions().size(); ++i) {
    if (!actions.actions()[i].name.starts_with("kms:iam:")) continue;
    bool allowed = false;
    for (const HeldPolicy& policy : held_) {
      for (const Statement& statement : policy.document->statements().all) {
        if (!statement.actions.Contains(i)) continue;
        if (!statement.allows) return false;
        if (policy.project.empty() && statement.conditions.empty() &&
            statement.CoversAll("iam"))
          allowed = true;
      }
    }
    if (!allowed) return false;
  }
  return true;
}

}  // namespace kms
