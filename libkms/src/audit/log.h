// OpenAuditLog with files of the caller's: for tests that make them fail.

#ifndef KMS_AUDIT_LOG_INTERNAL_H_
#define KMS_AUDIT_LOG_INTERNAL_H_

#include <memory>

#include "audit/segment_file.h"
#include "kms/audit_log.h"

namespace kms::audit {

Result<std::unique_ptr<AuditLog>> OpenLogOn(const AuditParts& parts,
                                            const AuditSettings& settings,
                                            MakeSegmentFile make);

}  // namespace kms::audit

#endif  // KMS_AUDIT_LOG_INTERNAL_H_
