// GroupService: groups of users, which policies are granted to.
//
// Threads, durability, kDenied, kLastAdministrator: as kms/user_service.h.

#ifndef KMS_GROUP_SERVICE_H_
#define KMS_GROUP_SERVICE_H_

#include <memory>
#include <string_view>

#include "kms/iam.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class IamDomain;

class GroupService {
 public:
  explicit GroupService(std::shared_ptr<IamDomain> domain);

  // Create fails with kBadParameter, kNameTaken, kQuotaUsedUp.
  Result<GroupDescription> Create(const RequestContext& context, const NewNamed& wanted);

  // List returns the groups, oldest first.
  Result<Page<GroupDescription>> List(const RequestContext& context,
                                      const PageRequest& page);

  // Delete fails with kGroupNotFound, kStillInUse (it has members, or grants).
  Result<void> Delete(const RequestContext& context, std::string_view group);

  // AddUser and RemoveUser are idempotent.
  // Fail: kGroupNotFound, kUserNotFound, kBuiltIn (the root user), kQuotaUsedUp.
  Result<void> AddUser(const RequestContext& context, std::string_view group,
                       std::string_view user);
  Result<void> RemoveUser(const RequestContext& context, std::string_view group,
                          std::string_view user);

  // ListUsers returns the members, oldest user first. Fails: kGroupNotFound.
  Result<Page<UserDescription>> ListUsers(const RequestContext& context,
                                          std::string_view group,
                                          const PageRequest& page);

 private:
  std::shared_ptr<IamDomain> domain_;
};

}  // namespace kms

#endif  // KMS_GROUP_SERVICE_H_
