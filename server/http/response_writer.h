// Writes an HttpResponse as bytes.

#ifndef KMS_SERVER_HTTP_RESPONSE_WRITER_H_
#define KMS_SERVER_HTTP_RESPONSE_WRITER_H_

#include <cstdint>

#include "http/message.h"
#include "http/wiped_string.h"

namespace kms::server {

// What the connection is going to do after the response.
enum class After : std::uint8_t {
  kClose,
  kKeepAlive,
  kKeepAliveSaid,  // and an HTTP/1.0 client must be told
};

// AppendHead adds the status line and the headers of `response` to `out`. A header
// that would break out of its line is left out.
void AppendHead(const HttpResponse& response, After after, WipedString& out);

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_RESPONSE_WRITER_H_
