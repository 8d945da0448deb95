// Session: calls of operations by name, and the answers as values.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_SESSION_H_
#define KMS_SERVER_KMSCTL_SESSION_H_

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "kms/secret_bytes.h"
#include "kmsctl/client.h"
#include "kmsctl/wiped_json.h"

namespace kms::server {

// ReadAnswer returns the result in an answer; an object without members if there is none.
// Fails: kDenied for a refusal, with code, message and request id in the detail;
// kUnavailable if it is no answer of a KMS.
Result<boost::json::object> ReadAnswer(const HttpAnswer& answer);

// Member returns the text under `name`, or an empty one; a view into `object`.
std::string_view TextOf(const boost::json::object& object, std::string_view name);

class Session {
 public:
  explicit Session(Client& client) : client_(client) {}

  // Send calls `operation`, in the dialect of the credentials, and returns what came
  // back. Fails: kInvalidArgument for an unknown operation; kUnavailable.
  Result<HttpAnswer> Send(std::string_view operation, WipedString body);

  // Call is Send and ReadAnswer.
  Result<boost::json::object> Call(std::string_view operation, JsonObject body);

  Client& client() { return client_; }
  const std::string& user() const { return client_.credentials().user; }
  const std::string& region() const { return client_.credentials().region; }

 private:
  Client& client_;
};

// NewestVersion returns the id of the newest version of a key: `version`, if it is given.
Result<std::string> NewestVersion(Session& session, const std::string& key,
                                  const std::string& version);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_SESSION_H_
