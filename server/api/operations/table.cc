#include <algorithm>
#include <utility>
#include <vector>

#include "api/operation.h"
#include "api/operations/groups.h"

namespace kms::server {
namespace {

std::vector<const Operation*> CollectOperations() {
  std::vector<const Operation*> all;
  for (const std::span<const Operation> group : {KeyOperations(),
                                                 AliasOperations(),
                                                 ImportOperations(),
                                                 VersionOperations(),
                                                 ComputeOperations(),
                                                 AsymmetricOperations(),
                                                 CertificateOperations(),
                                                 CertificateComputeOperations(),
                                                 CertificatePkcs12Operations(),
                                                 UsbKeyCertificateOperations(),
                                                 IntegrityOperations(),
                                                 TagOperations(),
                                                 AccessKeyOperations(),
                                                 AccessPointOperations(),
                                                 ServiceOperations(),
                                                 BatchOperations(),
                                                 IamUserOperations(),
                                                 IamGroupOperations(),
                                                 IamPolicyOperations(),
                                                 IamProjectOperations(),
                                                 AuditOperations()}) {
    for (const Operation& operation : group) all.push_back(&operation);
  }
  return all;
}

}  // namespace

bool IsOurs(const Operation& operation) {
  return operation.group == "iam" || operation.group == "audit" ||
         operation.group == "batch";
}

std::span<const Operation* const> AllOperations() {
  static const std::vector<const Operation*> all = CollectOperations();
  return all;
}

const Operation* FindOperation(std::string_view name) {
  const auto all = AllOperations();
  const auto found = std::ranges::find(all, name, &Operation::name);
  return found == all.end() ? nullptr : *found;
}

ActionTable ActionsOf(std::span<const Operation* const> operations) {
  std::vector<KnownAction> actions;
  for (const Operation* const operation : operations)
    actions.push_back({operation->action, operation->write,
                       operation->operation_class != OperationClass::kManagement});
  return ActionTable(std::move(actions));
}

}  // namespace kms::server
