#include "api/request_log.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace kms::server {
namespace {

spdlog::level::level_enum LevelOf(const RequestNote& note) {
  if (note.status >= 500) return spdlog::level::err;
  const bool tells =
      note.error != nullptr || (note.operation != nullptr && note.operation->mutates);
  return tells ? spdlog::level::info : spdlog::level::debug;
}

}  // namespace

void RequestLog::Write(const RequestNote& note) const {
  if (logger_ == nullptr) return;
  const spdlog::level::level_enum level = LevelOf(note);
  if (!logger_->should_log(level)) return;
  const Principal& principal = note.context.principal;
  boost::json::object line;
  line["time"] = clock_.Now();
  line["requestId"] = note.request_id;
  line["account"] = principal.account;
  line["user"] = principal.user;
  line["accessKey"] = principal.access_key;
  line["source"] = note.context.source;
  line["operation"] =
      note.operation == nullptr ? std::string_view() : note.operation->name;
  line["code"] =
      note.error == nullptr ? std::string_view("ok") : CodeOf(note.error->reason());
  line["status"] = note.status;
  line["micros"] = note.micros;
  if (note.error != nullptr && !note.error->parameter().empty())
    line["parameter"] = note.error->parameter();
  if (note.error != nullptr && !note.error->detail().empty())
    line["detail"] = note.error->detail();
  logger_->log(level, "{}", boost::json::serialize(line));
}

}  // namespace kms::server
