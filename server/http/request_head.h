// RequestHead: the request line and the headers, parsed and checked.
//
// Stricter than the parser underneath, because the message ends where two
// implementations agree that it ends, or not at all: one Content-Length of digits, no
// Transfer-Encoding, no folded lines, no control characters, a target that is a path.

#ifndef KMS_SERVER_HTTP_REQUEST_HEAD_H_
#define KMS_SERVER_HTTP_REQUEST_HEAD_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/server_config.h"
#include "kms/result.h"
#include "kms/signer.h"

namespace kms::server {

// A refusal of what is not a request yet.
struct Refusal {
  int status;
  Error error;
};

class RequestHead {
 public:
  // Parse reads `block`, which ends with the first empty line. All views then point
  // into it. Returns why the block is refused, if it is.
  std::optional<Refusal> Parse(std::string_view block, const HttpLimits& limits);

  // MayBegin says whether a request may begin with `first`. Tells a client that speaks
  // something else at its first byte.
  static bool MayBegin(char first);

  std::string_view method() const { return method_; }
  std::string_view target() const { return target_; }
  const std::vector<HeaderView>& headers() const { return headers_; }
  std::uint64_t body_bytes() const { return body_bytes_; }
  bool keep_alive() const { return keep_alive_; }
  bool http_1_0() const { return http_1_0_; }
  bool expects_continue() const { return expects_continue_; }

 private:
  class Reader;

  std::string_view method_;
  std::string_view target_;
  std::vector<HeaderView> headers_;
  std::uint64_t body_bytes_ = 0;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool expects_continue_ = false;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_REQUEST_HEAD_H_
