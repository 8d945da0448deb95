// RequestLog: one line of JSON for each request. Names things, and never holds a
// parameter, a body or a secret.

#ifndef KMS_SERVER_API_REQUEST_LOG_H_
#define KMS_SERVER_API_REQUEST_LOG_H_

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "api/operation.h"
#include "kms/clock.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms::server {

struct RequestNote {
  std::string_view request_id;
  const RequestContext& context;  // empty where nobody was recognised
  const Operation* operation;     // null: none was found
  const Error* error;             // null: success
  int status;
  std::int64_t micros;
};

class RequestLog {
 public:
  // `logger` may be null: nothing is logged. What waits for no disk is the logger's
  // business (spdlog's asynchronous ones).
  RequestLog(std::shared_ptr<spdlog::logger> logger, const Clock& clock)
      : logger_(std::move(logger)), clock_(clock) {}

  // Write logs failures of the service as errors, refusals and changes as
  // information, and all else for debugging.
  void Write(const RequestNote& note) const;

 private:
  const std::shared_ptr<spdlog::logger> logger_;
  const Clock& clock_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_REQUEST_LOG_H_
