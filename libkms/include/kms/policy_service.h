// PolicyService: the policies of an account, those of the system among them, and who
// holds them. The system's have their names as ids, and cannot be changed.
//
// Threads, durability, kDenied, kLastAdministrator: as kms/user_service.h.

#ifndef KMS_POLICY_SERVICE_H_
#define KMS_POLICY_SERVICE_H_

#include <memory>
#include <optional>
#include <string_view>

#include "kms/iam.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class IamDomain;

class PolicyService {
 public:
  explicit PolicyService(std::shared_ptr<IamDomain> domain);

  // Create fails with kBadParameter, also as PolicyDocument::Parse; kTooLong,
  // kNameTaken, kQuotaUsedUp.
  Result<PolicyDescription> Create(const RequestContext& context, const NewNamed& wanted,
                                   std::string_view document);

  // Update replaces what is given. Fails: as Create; kPolicyNotFound, kBuiltIn.
  Result<void> Update(const RequestContext& context, std::string_view policy,
                      std::optional<std::string_view> description,
                      std::optional<std::string_view> document);

  // Describe fails with kPolicyNotFound.
  Result<PolicyDescription> Describe(const RequestContext& context,
                                     std::string_view policy);

  // List returns those of the system, then the account's, oldest first.
  Result<Page<PolicyDescription>> List(const RequestContext& context,
                                       const PageRequest& page);

  // Delete fails with kPolicyNotFound, kBuiltIn, kStillInUse (it is granted).
  Result<void> Delete(const RequestContext& context, std::string_view policy);

  // Grant and Revoke are idempotent.
  // Fail: kGroupNotFound, kPolicyNotFound, kBadParameter (no such project),
  // kQuotaUsedUp.
  Result<void> Grant(const RequestContext& context, const kms::Grant& grant);
  Result<void> Revoke(const RequestContext& context, const kms::Grant& grant);

  // ListGrants returns those of one group, or of all (empty), oldest first.
  // Fails: kGroupNotFound.
  Result<Page<kms::Grant>> ListGrants(const RequestContext& context,
                                      std::string_view group, const PageRequest& page);

 private:
  std::shared_ptr<IamDomain> domain_;
};

// PolicySimulator: what would be decided, and by what.
class PolicySimulator {
 public:
  explicit PolicySimulator(std::shared_ptr<IamDomain> domain);

  // Run fails with kUserNotFound, kKeyNotFound, kBadParameter (unknown action or
  // project).
  Result<SimulationResult> Run(const RequestContext& context,
                               const Simulation& simulation);

 private:
  std::shared_ptr<IamDomain> domain_;
};

}  // namespace kms

#endif  // KMS_POLICY_SERVICE_H_
