// Client: signed requests to a KMS over one connection, which is kept alive.
//
// Nothing is tried twice, but for one case: if a connection from an earlier request
// turns out to be closed, the same bytes go out again over a new one. They carry the
// same request id, so that a change is not made twice.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_CLIENT_H_
#define KMS_SERVER_KMSCTL_CLIENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "http/wiped_string.h"
#include "kms/clock.h"
#include "kms/result.h"
#include "kms/signer.h"
#include "kmsctl/credentials.h"

namespace kms::server {

// The parts of "https://host:port" ("http://…" too; [::1] in brackets).
struct Endpoint {
  bool tls = true;
  std::string host;  // without brackets
  std::string port;
  std::string authority;  // as the Host header has it
};

// Fails: kInvalidArgument.
Result<Endpoint> ParseEndpoint(std::string_view text);

struct ClientOptions {
  bool insecure = false;  // believe any certificate
  int timeout_seconds = 60;
};

struct HttpAnswer {
  int status = 0;
  WipedString body;
};

class Client {
 public:
  // `signer` and `clock` outlive the client. Nothing is sent yet.
  // Fails: kInvalidArgument (endpoint, CA file).
  static Result<std::unique_ptr<Client>> New(Credentials credentials,
                                             const ClientOptions& options,
                                             const Signer& signer, const Clock& clock);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Post sends a signed request with a JSON body.
  // Fails: kUnavailable if there is no answer.
  Result<HttpAnswer> Post(std::string_view path, WipedString body);

  // Get sends an unsigned request. Fails: as Post.
  Result<HttpAnswer> Get(std::string_view path);

  const Credentials& credentials() const;

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_CLIENT_H_
