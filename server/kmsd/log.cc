#include "kmsd/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

namespace kms::server {
namespace {

constexpr std::size_t kQueuedLines = 8192;

}  // namespace

std::shared_ptr<spdlog::logger> StartLog(const std::string& level) {
  spdlog::init_thread_pool(kQueuedLines, 1);
  auto log = std::make_shared<spdlog::async_logger>(
      "kmsd", std::make_shared<spdlog::sinks::stdout_sink_mt>(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  log->set_pattern("%v");
  log->set_level(spdlog::level::from_str(level));
  log->flush_on(spdlog::level::info);
  return log;
}

void LogMessage(spdlog::logger& log, spdlog::level::level_enum level,
                std::string_view message) {
  if (!log.should_log(level)) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  boost::json::object line;
  line["time"] = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  line["level"] = spdlog::level::to_string_view(level).data();
  line["message"] = message;
  log.log(level, "{}", boost::json::serialize(line));
}

}  // namespace kms::server
