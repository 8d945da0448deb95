// Policy: who may do what (manual 4.8).
//
// Every operation asks twice: before its parameters are looked at, whether the
// principal may do the action anywhere; and, once the key is known, whether on this
// key. The second refusal answers as an absent key, so that nobody learns of keys
// that are not theirs. The second question is asked in the snapshot or the transaction
// that the key was read in, so that a decision counts from the commit that changes it.
//
// Threads: a policy may be asked from many threads at once.

#ifndef KMS_POLICY_H_
#define KMS_POLICY_H_

#include <memory>
#include <string_view>

#include "kms/clock.h"
#include "kms/key_store.h"
#include "kms/policy_document.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

// What an action would touch. An empty id is none in particular, as of what is only being
// made; an empty project is that of what belongs to the account as a whole.
struct Resource {
  std::string_view account;
  std::string_view region;
  std::string_view project;
  std::string_view id;
  std::string_view kind = "cmk";  // as policies name it: "cmk", "cert", "accessPoint"
};

class Policy {
 public:
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;
  virtual ~Policy();

  // MayAnywhere: whether there is a resource on which the principal may do `action`,
  // a permission triple such as "kms:cmk:encrypt".
  // Fails: kDenied.
  virtual Result<void> MayAnywhere(const RequestContext& context,
                                   std::string_view action) const = 0;

  // May: whether the principal may do `action` on `resource`.
  // Fails: kDenied.
  virtual Result<void> May(const Reader& reader, const RequestContext& context,
                           std::string_view action, const Resource& resource) const = 0;

  // MayEverywhere: whether the principal may do `action` on every resource of that kind
  // in the account, so that a list need not ask for each of its items.
  // Fails: kDenied.
  virtual Result<void> MayEverywhere(const Reader& reader, const RequestContext& context,
                                     std::string_view action,
                                     std::string_view kind = "cmk") const = 0;

 protected:
  Policy() = default;
};

// NewRootPolicy allows the root user of an account everything in that account, and
// everybody else nothing.
std::unique_ptr<Policy> NewRootPolicy();

// NewIamPolicy allows the root user of an account everything in that account, and
// another user what the policies say that are granted to its groups (kms/iam_service.h):
// nothing as long as none are. What is compiled for a user is kept, and renewed when the
// account's policies have changed. All three outlive the policy; nobody but the root user
// may do what is not in `actions`.
std::unique_ptr<Policy> NewIamPolicy(const KeyStore& store, const Clock& clock,
                                     const ActionTable& actions);

}  // namespace kms

#endif  // KMS_POLICY_H_
