// UserPolicies: what a user holds through its groups, compiled, and what follows from it.
//
// Threads: immutable once loaded.

#ifndef KMS_POLICY_USER_POLICIES_H_
#define KMS_POLICY_USER_POLICIES_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kms/key_store.h"
#include "kms/policy_document.h"
#include "kms/result.h"
#include "policy/system_policies.h"

namespace kms {

// The system's policies beside the table that they, and all others, speak of.
struct PolicyTables {
  explicit PolicyTables(const ActionTable& table)
      : actions(table), system(SystemPolicies(table)) {}
  const ActionTable& actions;
  const std::vector<SystemPolicy> system;
};

struct HeldPolicy {
  std::string id;
  std::string project;  // empty: in the whole account
  std::shared_ptr<const PolicyDocument> document;
};

// KindOf returns the kind of resources that an action is about: "cmk" of
// "kms:cmk:encrypt"; access keys ("kms:ak:…") are their access point's.
std::string_view KindOf(std::string_view action);

class UserPolicies {
 public:
  // Load reads what the user holds. A user that does not exist, or is disabled, holds
  // nothing.
  // Fails: kUnavailable, kCorrupt.
  static Result<std::shared_ptr<const UserPolicies>> Load(const Reader& reader,
                                                          std::string_view account,
                                                          std::string_view user,
                                                          const PolicyTables& tables);

  struct Decision {
    PolicyVerdict::Effect effect = PolicyVerdict::Effect::kNone;
    const HeldPolicy* policy = nullptr;  // that decided
    std::size_t statement = 0;
  };
  // Decide: on a resource of `project`; empty: on what belongs to the account as a whole.
  Decision Decide(const PolicyQuestion& question, std::string_view project) const;

  // MayAnywhere: on some resource of that kind. MayEverywhere: on all there are.
  bool MayAnywhere(const PolicyQuestion& question) const;
  bool MayEverywhere(const PolicyQuestion& question) const;

  // Administers: may do all of "kms:iam:*" at any time and from anywhere.
  bool Administers(const ActionTable& actions) const;

  std::size_t footprint_bytes() const { return footprint_bytes_; }

 private:
  std::vector<HeldPolicy> held_;
  std::size_t footprint_bytes_ = 0;
};

}  // namespace kms

#endif  // KMS_POLICY_USER_POLICIES_H_
