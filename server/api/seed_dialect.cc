#include <chrono>
#include <cstdio>

#include "api/answer_text.h"
#include "api/dialect.h"

namespace kms::server {
namespace {

constexpr std::string_view kGatewayHead = R"({"statusCode":800,"returnObj":)";

// The calendar date and the time of day.
struct Parts {
  int year;
  unsigned month;
  unsigned day;
  unsigned weekday;  // 0: Sunday
  int hour;
  int minute;
  int second;
};

Parts PartsOf(UnixMillis time, int utc_offset_minutes) {
  using std::chrono::days;
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::seconds> local(
      floor<std::chrono::seconds>(std::chrono::milliseconds(time)) +
      std::chrono::minutes(utc_offset_minutes));
  const std::chrono::sys_days day = floor<days>(local);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(local - day);
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          std::chrono::weekday(day).c_encoding(),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count())};
}

class SeedDialect final : public Dialect {
 public:
  SeedDialect(int utc_offset_minutes, std::string_view zone)
      : utc_offset_minutes_(utc_offset_minutes), zone_(zone) {}

  WipedString WriteSuccess(const Operation& operation,
                           const boost::json::object& result) const override {
    WipedString out;
    out.reserve(kAnswerChunk);
    const bool gateway = operation.envelope == Envelope::kGateway;
    if (gateway) Append(out, kGatewayHead);
    Append(out, R"({"code":200)");
    if (!result.empty()) {
      Append(out, R"(,"result":)");
      AppendJson(out, result);
    }
    Append(out, R"(,"statusCode":200,"success":1})");
    if (gateway) Append(out, "}");
    return out;
  }

  WipedString WriteFailure(const Error& error, std::string_view request_id,
                           std::string_view note) const override {
    const ErrorText& row = TextOf(error.reason());
    const std::string message = MessageOf(error.reason(), note);
    WipedString out;
    Append(out, R"({"statusCode":900,"errorCode":)");
    AppendJson(out, CodeOf(error.reason()));
    Append(out, R"(,"error":)");
    AppendJson(out, CodeOf(error.reason()));
    Append(out, R"(,"message":)");
    AppendJson(out, message);
    Append(out, R"(,"description":)");
    AppendJson(out, row.chinese);
    Append(out, R"(,"requestId":)");
    AppendJson(out, request_id);
    Append(out, "}");
    return out;
  }

  int StatusOf(Reason reason) const override { return TextOf(reason).status; }

  std::string Date(UnixMillis time) const override {
    const Parts p = PartsOf(time, utc_offset_minutes_);
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d", p.year, p.month,
                  p.day, p.hour, p.minute, p.second);
    return text;
  }

  std::string LongDate(UnixMillis time) const override {
    constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const Parts p = PartsOf(time, utc_offset_minutes_);
    char text[96];
    std::snprintf(text, sizeof text, "%s %s %02u %02d:%02d:%02d %s %04d",
                  kDays[p.weekday], kMonths[p.month - 1], p.day, p.hour, p.minute,
                  p.second, zone_.c_str(), p.year);
    return text;
  }

  Result<void> AllowsSpec(KeySpec spec, ProtectionLevel level) const override {
    const bool national = spec == KeySpec::kSm2 || spec == KeySpec::kSm4;
    if (national && level != ProtectionLevel::kHsm) return Reason::kBadKeySpec;
    return {};
  }

  // Whether pages count from 0 or from 1 is what the row says of its page number.
  std::size_t PageIndex(const Operation& operation, std::int64_t number) const override {
    std::int64_t first = 0;
    for (const Parameter& parameter : operation.parameters) {
      if (parameter.name == "pageNumber" || parameter.name == "pageNum")
        first = parameter.min;
    }
    return number <= first ? 0 : static_cast<std::size_t>(number - first);
  }

 private:
  const int utc_offset_minutes_;
  const std::string zone_;
};

}  // namespace

Dialect::~Dialect() = default;

std::unique_ptr<Dialect> NewSeedDialect(int utc_offset_minutes, std::string_view zone) {
  return std::make_unique<SeedDialect>(utc_offset_minutes, zone);
}

}  // namespace kms::server
