// The log of kmsd: JSON, one object a line, on standard output.
//
// Threads: may be used from many threads at once.

#ifndef KMS_SERVER_KMSD_LOG_H_
#define KMS_SERVER_KMSD_LOG_H_

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <string_view>

namespace kms::server {

// StartLog returns a logger that writes on a thread of its own, so that a reader that
// hangs does not hold up requests: it loses the oldest lines instead.
std::shared_ptr<spdlog::logger> StartLog(const std::string& level);

// LogMessage writes what is not about one request.
void LogMessage(spdlog::logger& log, spdlog::level::level_enum level,
                std::string_view message);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_LOG_H_
