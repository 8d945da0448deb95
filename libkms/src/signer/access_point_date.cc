#include "signer/access_point_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <utility>

namespace kms {
namespace {

// a: a letter, 0: a digit, all else stands for itself. The zone follows.
constexpr std::string_view kShape = "aaa, 00 aaa 0000 00:00:00 ";
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                   "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::pair<std::string_view, int>, 4> kZones = {
    {{"CST", 8}, {"+0800", 8}, {"GMT", 0}, {"UTC", 0}}};
constexpr std::chrono::hours kChina{8};
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2999;

bool HasShape(std::string_view text) {
  if (text.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    if (kShape[i] == '0' ? !digit : kShape[i] != 'a' && c != kShape[i]) return false;
  }
  return true;
}

int NumberAt(std::string_view text, std::size_t at, std::size_t digits) {
  int number = 0;
  for (const char c : text.substr(at, digits)) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

std::optional<UnixMillis> ReadAccessPointDate(std::string_view text) {
  if (!HasShape(text)) return std::nullopt;
  const auto zone = std::ranges::find(kZones, text.substr(kShape.size()),
                                      &std::pair<std::string_view, int>::first);
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (zone == kZones.end() || month == kMonths.end() ||
      std::ranges::find(kDays, text.substr(0, 3)) == kDays.end())
    return std::nullopt;
  const int year = NumberAt(text, 12, 4);
  const std::chrono::year_month_day day{
      std::chrono::year(year),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(NumberAt(text, 5, 2)))};
  const int hour = NumberAt(text, 17, 2);
  const int minute = NumberAt(text, 20, 2);
  const int second = NumberAt(text, 23, 2);
  if (year < kFirstYear || year > kLastYear || !day.ok() || hour > 23 || minute > 59 ||
      second > 59)
    return std::nullopt;
  const std::chrono::sys_seconds time =
      std::chrono::sys_days(day) + std::chrono::hours(hour - zone->second) +
      std::chrono::minutes(minute) + std::chrono::seconds(second);
  return std::chrono::milliseconds(time.time_since_epoch()).count();
}

std::string WriteAccessPointDate(UnixMillis time) {
  const std::chrono::sys_seconds now =
      std::chrono::floor<std::chrono::seconds>(
          std::chrono::sys_time<std::chrono::milliseconds>(
              std::chrono::milliseconds(time))) +
      kChina;
  const auto midnight = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day day(midnight);
  const std::chrono::hh_mm_ss clock(now - midnight);
  const std::string_view weekday = kDays[std::chrono::weekday(midnight).c_encoding()];
  const std::string_view month = kMonths[static_cast<unsigned>(day.month()) - 1];
  char text[64];
  std::snprintf(text, sizeof text, "%.3s, %02u %.3s %04d %02d:%02d:%02d CST",
                weekday.data(), static_cast<unsigned>(day.day()), month.data(),
                static_cast<int>(day.year()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace kms
