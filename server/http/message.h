// HttpRequest, HttpResponse, HttpHandler: what the network layer and the API agree
// on. Neither knows the other; nothing here knows sockets.

#ifndef KMS_SERVER_HTTP_MESSAGE_H_
#define KMS_SERVER_HTTP_MESSAGE_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/wiped_string.h"
#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/signer.h"

namespace kms::server {

// A complete request. All views stay valid until the response has been given.
struct HttpRequest {
  std::string_view method;
  std::string_view target;  // path and query, as sent
  std::span<const HeaderView> headers;
  ByteView body;
  std::string_view peer;  // the address of the other side
  bool tls = false;
  bool operator_listener = false;   // came in on the operator's listener
  std::string_view access_point{};  // came in on the listener of this access point
};

// A response. The body may hold plaintext, and is wiped when it is destroyed.
struct HttpResponse {
  int status = 200;
  std::string_view content_type = "application/json";
  WipedString body;
  std::vector<std::pair<std::string_view, std::string>> headers;  // further ones
  bool close = false;  // close the connection after it
};

// Takes the response, once, from any thread.
using Respond = std::function<void(HttpResponse)>;

class HttpHandler {
 public:
  HttpHandler(const HttpHandler&) = delete;
  HttpHandler& operator=(const HttpHandler&) = delete;
  virtual ~HttpHandler();

  // Handle answers `request` through `respond`: before it returns, for what takes
  // microseconds, or later from another thread. Called on an I/O thread, from many of
  // them at once. Never throws.
  virtual void Handle(const HttpRequest& request, Respond respond) = 0;

  // Refuse words a refusal of what is not a request yet: too long, malformed, out of
  // time. The connection is closed after it.
  virtual HttpResponse Refuse(int status, const Error& error) = 0;

 protected:
  HttpHandler() = default;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_MESSAGE_H_
