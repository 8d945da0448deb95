// The policies that every account has: generated from the table of actions, so that a new
// operation is in those that it belongs to.

#ifndef KMS_POLICY_SYSTEM_POLICIES_H_
#define KMS_POLICY_SYSTEM_POLICIES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kms/policy_document.h"

namespace kms {

struct SystemPolicy {
  std::string_view id;  // and name
  std::string_view description;
  std::string text;  // of the document
  std::shared_ptr<const PolicyDocument> document;
};

// SystemPolicies returns them in the order in which lists show them.
std::vector<SystemPolicy> SystemPolicies(const ActionTable& table);

}  // namespace kms

#endif  // KMS_POLICY_SYSTEM_POLICIES_H_
