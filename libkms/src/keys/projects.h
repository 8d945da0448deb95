// Enterprise projects, as far as keys need to know of them.

#ifndef KMS_KEYS_PROJECTS_H_
#define KMS_KEYS_PROJECTS_H_

#include <string_view>

#include "kms/key_store.h"
#include "kms/result.h"

namespace kms {

// IsProjectId: 1 to 64 letters, digits, "-" and "_".
bool IsProjectId(std::string_view id);

// CheckProject: whether the account has the project. "default" is always there.
// Fails: kBadParameter about epId; kUnavailable.
Result<void> CheckProject(const Reader& reader, std::string_view account,
                          std::string_view project);

}  // namespace kms

#endif  // KMS_KEYS_PROJECTS_H_
