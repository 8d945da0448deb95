// HttpServer: turns connections into HttpRequests, and answers into bytes.
//
// HTTP/1.0 and 1.1 with keep-alive and pipelining, in clear or over TLS 1.2 and 1.3.
// What is malformed, too long or too slow never reaches the handler: it is worded by
// HttpHandler::Refuse, and the connection is closed, so that no byte that follows is
// taken for a request. One request per connection is in work at a time; the next ones
// wait in the socket. Knows nothing of paths, signatures or JSON.
//
// Threads: one event loop per I/O thread; a connection stays on one. The handler is
// called on all of them at once. Methods may be called from any thread but those.

#ifndef KMS_SERVER_HTTP_SERVER_H_
#define KMS_SERVER_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "http/message.h"
#include "http/server_config.h"
#include "kms/result.h"

namespace kms::server {

class HttpServer {
 public:
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  // stops, if nobody has

  // Start binds every listener and begins to serve. `handler` must stay until Stop has
  // returned.
  // Fails: kUnavailable if a port cannot be bound; kInvalidArgument if a certificate
  // or a key cannot be used. Nothing listens then.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerConfig& config,
                                                   HttpHandler& handler);

  // port returns the port of the listener at `index` of the configuration.
  std::uint16_t port(std::size_t index = 0) const;

  // connections returns how many are open now.
  std::size_t connections() const;

  // Stop closes the listeners and the idle connections, lets what is in flight be
  // answered with `Connection: close`, cuts off what is left after
  // HttpDeadlines::stop_millis, and returns when every I/O thread has ended. A handler
  // may still respond afterwards: the request stays valid until then, the answer goes
  // nowhere.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_SERVER_H_
