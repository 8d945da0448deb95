// IamService: the administration of an account, which Kms hands out; each of its
// services in a header of its own.
//
// Every change counts at once, in every thread and process, and is refused if nobody
// would be left to administer the account: there is always an enabled access key of the
// root user, or of an enabled user who may do all of kms:iam:*.

#ifndef KMS_IAM_SERVICE_H_
#define KMS_IAM_SERVICE_H_

#include <cstddef>
#include <memory>

#include "kms/group_service.h"
#include "kms/policy_service.h"
#include "kms/project_service.h"
#include "kms/user_service.h"

namespace kms {

// What an account may have. More fails with kQuotaUsedUp.
struct IamLimits {
  std::size_t users = 1000;
  std::size_t groups = 100;
  std::size_t policies = 200;
  std::size_t projects = 100;
  std::size_t access_keys_per_user = 5;
  std::size_t groups_per_user = 10;
  std::size_t grants_per_group = 20;
};

struct IamService {
  explicit IamService(const std::shared_ptr<IamDomain>& domain);

  UserService users;
  AccessKeyService access_keys;
  GroupService groups;
  PolicyService policies;
  PolicySimulator simulator;
  ProjectService projects;
};

}  // namespace kms

#endif  // KMS_IAM_SERVICE_H_
