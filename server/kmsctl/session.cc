#include "kmsctl/session.h"

#include "api/operation.h"
#include "kmsctl/failure.h"

namespace kms::server {

Result<HttpAnswer> Session::Send(std::string_view operation, WipedString body) {
  const Operation* const row = FindOperation(operation);
  if (!row)
    return UsageError("no operation " + std::string(operation) +
                      " (kmsctl operations lists them)");
  std::string_view path = row->paths.front();
  // Access points answer the same paths without their version.
  constexpr std::string_view kVersion = "/v1";
  if (client_.credentials().access_point && path.starts_with(kVersion))
    path.remove_prefix(kVersion.size());
  return client_.Post(path, std::move(body));
}

Result<boost::json::object> Session::Call(std::string_view operation, JsonObject body) {
  KMS_TRY(const HttpAnswer answer, Send(operation, body.Take()));
  return ReadAnswer(answer);
}

}  // namespace kms::server
