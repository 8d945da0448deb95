#include "signer/eop_date.h"

#include <chrono>
#include <cstdio>

namespace kms {
namespace {

constexpr std::string_view kShape = "00000000T000000Z";
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2999;

bool HasShape(std::string_view text) {
  if (text.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == '0' ? !digit : text[i] != kShape[i]) return false;
  }
  return true;
}

int NumberAt(std::string_view text, std::size_t at, std::size_t digits) {
  int number = 0;
  for (const char c : text.substr(at, digits)) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

std::optional<UnixMillis> ReadEopDate(std::string_view text) {
  if (!HasShape(text)) return std::nullopt;
  const int year = NumberAt(text, 0, 4);
  const std::chrono::year_month_day day{
      std::chrono::year(year),
      std::chrono::month(static_cast<unsigned>(NumberAt(text, 4, 2))),
      std::chrono::day(static_cast<unsigned>(NumberAt(text, 6, 2)))};
  const int hour = NumberAt(text, 9, 2);
  const int minute = NumberAt(text, 11, 2);
  const int second = NumberAt(text, 13, 2);
  if (year < kFirstYear || year > kLastYear || !day.ok() || hour > 23 || minute > 59 ||
      second > 59)
    return std::nullopt;
  const std::chrono::sys_seconds time =
      std::chrono::sys_days(day) + std::chrono::hours(hour) +
      std::chrono::minutes(minute) + std::chrono::seconds(second);
  return std::chrono::milliseconds(time.time_since_epoch()).count();
}

std::string WriteEopDate(UnixMillis time) {
  const std::chrono::sys_seconds now(
      std::chrono::floor<std::chrono::seconds>(std::chrono::milliseconds(time)));
  const auto midnight = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day day(midnight);
  const std::chrono::hh_mm_ss clock(now - midnight);
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ",
                static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                static_cast<unsigned>(day.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace kms
