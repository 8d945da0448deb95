#include <algorithm>
#include <vector>

#include "api/operation.h"
#include "api/operations/groups.h"

namespace kms::server {
namespace {

std::vector<const Operation*> CollectOperations() {
  std::vector<const Operation*> all;
  for (const std::span<const Operation> group :
       {KeyOperations(), AliasOperations(), ImportOperations(), VersionOperations(),
        ComputeOperations(), AsymmetricOperations(), AuditOperations()}) {
    for (const Operation& operation : group) all.push_back(&operation);
  }
  return all;
}

}  // namespace

std::span<const Operation* const> AllOperations() {
  static const std::vector<const Operation*> all = CollectOperations();
  return all;
}

const Operation* FindOperation(std::string_view name) {
  const auto all = AllOperations();
  const auto found = std::ranges::find(all, name, &Operation::name);
  return found == all.end() ? nullptr : *found;
}

}  // namespace kms::server
