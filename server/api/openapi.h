// WriteOpenApi: the OpenAPI 3.1 document of a table of operations.

#ifndef KMS_SERVER_API_OPENAPI_H_
#define KMS_SERVER_API_OPENAPI_H_

#include <span>
#include <string>

#include "api/dialect.h"
#include "api/operation.h"

namespace kms::server {

// WriteOpenApi returns JSON; the same table gives the same text. `dialect` tells the
// HTTP statuses of refusals.
std::string WriteOpenApi(std::span<const Operation* const> operations,
                         const Dialect& dialect);

}  // namespace kms::server

#endif  // KMS_SERVER_API_OPENAPI_H_
