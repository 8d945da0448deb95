#include "kmsctl/session.h"

#include "api/operation.h"
#include "kmsctl/failure.h"

namespace kms::server {

Result<HttpAnswer> Session::Send(std::string_view operation, WipedString body) {
  const Operation* const row = FindOperation(operation);
  if (!row)
    return UsageError("no operation " + std::string(operation) +
                      " (kmsctl operations lists them)");
  return client_.Post(row->paths.front(), std::move(body));
}

Result<boost::json::object> Session::Call(std::string_view operation, JsonObject body) {
  KMS_TRY(const HttpAnswer answer, Send(operation, body.Take()));
  return ReadAnswer(answer);
}

}  // namespace kms::server
