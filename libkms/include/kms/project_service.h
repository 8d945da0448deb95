// ProjectService: enterprise projects, which group the keys and certificates of an
// account. Whatever was put into no other is in the project "default", which is always
// there.
//
// Threads, durability, kDenied: as kms/user_service.h.

#ifndef KMS_PROJECT_SERVICE_H_
#define KMS_PROJECT_SERVICE_H_

#include <memory>
#include <optional>
#include <string_view>

#include "kms/iam.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class IamDomain;

class ProjectService {
 public:
  explicit ProjectService(std::shared_ptr<IamDomain> domain);

  // Create makes the project `id`: 1 to 64 letters, digits, "-" and "_".
  // Fails: kBadParameter, kNameTaken (the id, too), kQuotaUsedUp.
  Result<ProjectDescription> Create(const RequestContext& context, std::string_view id,
                                    const NewNamed& wanted);

  // Update replaces the description. Fails: kProjectNotFound, kBuiltIn.
  Result<void> Update(const RequestContext& context, std::string_view id,
                      std::string_view description);

  // List returns "default", then the others, oldest first.
  Result<Page<ProjectDescription>> List(const RequestContext& context,
                                        const PageRequest& page);

  // Delete fails with kProjectNotFound, kBuiltIn, kStillInUse (it has keys,
  // certificates or access points, or grants).
  Result<void> Delete(const RequestContext& context, std::string_view id);

  // MoveKey moves a key to another project: the principal may do so in both.
  // Fails: kKeyNotFound, kBadParameter (no such project).
  Result<void> MoveKey(const RequestContext& context, std::string_view key,
                       std::string_view project);

  // MoveCertificate is MoveKey for certificates, also those of USB keys.
  // Fails: kCertificateNotFound, kBadParameter (no such project).
  Result<void> MoveCertificate(const RequestContext& context, std::string_view id,
                               std::string_view project);

 private:
  std::shared_ptr<IamDomain> domain_;
};

}  // namespace kms

#endif  // KMS_PROJECT_SERVICE_H_
