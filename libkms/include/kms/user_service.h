// UserService, AccessKeyService: the users of an account and what they sign with.
//
// The root user stands among the users, but is neither disabled, deleted nor put into
// groups, and its access keys are its own business: no other user may touch them.
//
// Threads, durability: as kms/key_service.h. A principal who may not do this fails with
// kDenied, and a change that leaves nobody to administer the account with
// kLastAdministrator.

#ifndef KMS_USER_SERVICE_H_
#define KMS_USER_SERVICE_H_

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "kms/iam.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms {

class IamDomain;

class UserService {
 public:
  explicit UserService(std::shared_ptr<IamDomain> domain);

  // Create makes a user who may do nothing.
  // Fails: kBadParameter, kNameTaken, kQuotaUsedUp.
  Result<UserDescription> Create(const RequestContext& context, const NewNamed& wanted);

  // Describe fails with kUserNotFound.
  Result<UserDescription> Describe(const RequestContext& context, std::string_view user);

  // List returns the users, the root user first, then the oldest.
  Result<Page<UserDescription>> List(const RequestContext& context,
                                     const PageRequest& page);

  // SetEnabled: a disabled user's access keys do not count. Idempotent.
  // Fails: kUserNotFound, kBuiltIn (the root user).
  Result<void> SetEnabled(const RequestContext& context, std::string_view user,
                          bool enabled);

  // Delete removes the user, its access keys and its memberships.
  // Fails: as SetEnabled.
  Result<void> Delete(const RequestContext& context, std::string_view user);

 private:
  std::shared_ptr<IamDomain> domain_;
};

// The secret is there once: a repeated request gets the description without it.
struct CreatedAccessKey {
  AccessKeyDescription description;
  std::optional<SecretBytes> secret;
};

class AccessKeyService {
 public:
  explicit AccessKeyService(std::shared_ptr<IamDomain> domain);

  // Create fails with kUserNotFound, kQuotaUsedUp.
  Result<CreatedAccessKey> Create(const RequestContext& context, std::string_view user);

  // List fails with kUserNotFound.
  Result<std::vector<AccessKeyDescription>> List(const RequestContext& context,
                                                 std::string_view user);

  // SetEnabled is idempotent. Fails: kUserNotFound, kAccessKeyNotFound.
  Result<void> SetEnabled(const RequestContext& context, std::string_view user,
                          std::string_view access_key, bool enabled);

  // Delete fails as SetEnabled.
  Result<void> Delete(const RequestContext& context, std::string_view user,
                      std::string_view access_key);

 private:
  std::shared_ptr<IamDomain> domain_;
};

}  // namespace kms

#endif  // KMS_USER_SERVICE_H_
