// WriteReference: the reference of a table of operations, in Markdown.

#ifndef KMS_SERVER_API_REFERENCE_H_
#define KMS_SERVER_API_REFERENCE_H_

#include <span>
#include <string>

#include "api/operation.h"

namespace kms::server {

// WriteReference returns one chapter for each group, in the order of the table. The
// same table gives the same text.
std::string WriteReference(std::span<const Operation* const> operations);

}  // namespace kms::server

#endif  // KMS_SERVER_API_REFERENCE_H_
