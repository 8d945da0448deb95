#include "kmsctl/session.h"

#include <boost/json/array.hpp>

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

Result<std::string> NewestVersion(Session& session, const std::string& key,
                                  const std::string& version) {
  if (!version.empty()) return version;
  JsonObject body;
  body.Text("cmkUuid", key).Text("pageSize", "100");
  KMS_TRY(const auto result, session.Call("listKeyVersions", std::move(body)));
  const auto* content = result.if_contains("content");
  const auto* versions = content ? content->if_array() : nullptr;
  // The list begins with the oldest, and a key has at most 50.
  const auto* newest =
      versions && !versions->empty() ? versions->back().if_object() : nullptr;
  if (!newest) return RefusedError("the key has no version yet");
  return std::string(TextOf(*newest, "primaryKeyVersion"));
}

}  // namespace kms::server
