#include <optional>

#include "iam/iam_domain.h"
#include "keys/projects.h"
#include "kms/policy_service.h"
#include "policy/statements.h"

namespace kms {

PolicySimulator::PolicySimulator(std::shared_ptr<IamDomain> domain)
    : domain_(std::move(domain)) {}

Result<SimulationResult> PolicySimulator::Run(const RequestContext& context,
                                              const Simulation& asked) {
  constexpr std::string_view kAction = "kms:iam:simulatePolicy";
  const std::string& account = context.principal.account;
  KMS_TRY(const auto snapshot, domain_->Read(context, kAction));
  const auto action = domain_->tables().actions.Find(asked.action);
  if (!action) return Error(Reason::kBadParameter).About("action");
  PolicyQuestion question{.action = *action,
                          .kind = KindOf(asked.action),
                          .source = asked.source,
                          .now = asked.now.value_or(domain_->domain().Now()),
                          .tls = asked.tls};
  std::string project(asked.project);
  if (!project.empty()) KMS_CHECK_OK(CheckProject(*snapshot, account, project));
  std::optional<KeyRecord> key;
  if (!asked.key.empty()) {
    // Who may administer the account's policies may know its keys.
    KMS_TRY(const std::string id,
            domain_->domain().ResolveName(*snapshot, context, asked.key,
                                          Reason::kKeyNotFound));
    KMS_TRY(key, GetRecord<KeyRecord>(*snapshot, place::Key(account, context.region, id),
                                      Reason::kKeyNotFound));
    question.kind = "cmk";
    question.id = key->id;
    project = key->project;
  }

  SimulationResult result;
  const auto user = FindUser(*snapshot, account, asked.user);
  if (!user) {
    if (user.error().reason() != Reason::kBuiltIn) return user.error();
    result.allowed = true;
    return result;
  }
  KMS_TRY(const auto held,
          UserPolicies::Load(*snapshot, account, user->id, domain_->tables()));
  const UserPolicies::Decision decision = held->Decide(question, project);
  result.allowed = decision.effect == PolicyVerdict::Effect::kAllow;
  result.denied = decision.effect == PolicyVerdict::Effect::kDeny;
  if (decision.policy != nullptr) {
    result.policy = decision.policy->id;
    result.project = decision.policy->project;
    result.statement = decision.statement + 1;
    result.sid = decision.policy->document->statements().all.at(decision.statement).sid;
  }
  return result;
}

}  // namespace kms
