// Policy: who may do what (manual 4.8).
//
// Every operation asks twice: before its parameters are looked at, whether the
// principal may do the action anywhere; and, once the key is known, whether on this
// key. The second refusal answers as an absent key, so that nobody learns of keys
// that are not theirs.
//
// Threads: a policy may be asked from many threads at once.

#ifndef KMS_POLICY_H_
#define KMS_POLICY_H_

#include <memory>
#include <string_view>

#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

// What an action would touch.
struct Resource {
  std::string_view account;
  std::string_view region;
  std::string_view project;
  std::string_view id;
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
  virtual Result<void> May(const RequestContext& context, std::string_view action,
                           const Resource& resource) const = 0;

 protected:
  Policy() = default;
};

// NewRootPolicy allows the root user of an account everything in that account, and
// everybody else nothing.
std::unique_ptr<Policy> NewRootPolicy();

}  // namespace kms

#endif  // KMS_POLICY_H_
