// The groups of operations, which the table is made of: one source file each.

#ifndef KMS_SERVER_API_OPERATIONS_GROUPS_H_
#define KMS_SERVER_API_OPERATIONS_GROUPS_H_

#include <span>

#include "api/operation.h"

namespace kms::server {

std::span<const Operation> KeyOperations();
std::span<const Operation> AliasOperations();
std::span<const Operation> ImportOperations();
std::span<const Operation> VersionOperations();
std::span<const Operation> ComputeOperations();
std::span<const Operation> AsymmetricOperations();
std::span<const Operation> IntegrityOperations();
std::span<const Operation> TagOperations();
std::span<const Operation> CertificateOperations();
std::span<const Operation> CertificateComputeOperations();
std::span<const Operation> CertificatePkcs12Operations();
std::span<const Operation> UsbKeyCertificateOperations();
std::span<const Operation> AccessPointOperations();
std::span<const Operation> AccessKeyOperations();
std::span<const Operation> ServiceOperations();
// Of our own: batches, the administration of an account (docs/iam.md), and its audit
// trail.
std::span<const Operation> BatchOperations();
std::span<const Operation> IamUserOperations();
std::span<const Operation> IamGroupOperations();
std::span<const Operation> IamPolicyOperations();
std::span<const Operation> IamProjectOperations();
std::span<const Operation> AuditOperations();

}  // namespace kms::server

#endif  // KMS_SERVER_API_OPERATIONS_GROUPS_H_
