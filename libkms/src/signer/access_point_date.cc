#include "signer/access_point_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "signer/date_text.h"

namespace kms {
namespace {

// The zone follows.
constexpr std::string_view kShape = "aaa, 00 aaa 0000 00:00:00 ";
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                   "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::pair<std::string_view, int>, 4> kZones = {
    {{"CST", 8}, {"+0800", 8}, {"GMT", 0}, {"UTC", 0}}};
constexpr std::chrono::hours kChina{8};

}  // namespace

std::optional<UnixMillis> ReadAccessPointDate(std::string_view text) {
  if (!BeginsWithShape(text, kShape)) return std::nullopt;
  const auto zone = std::ranges::find(kZones, text.substr(kShape.size()),
                                      &std::pair<std::string_view, int>::first);
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (zone == kZones.end() || month == kMonths.end() ||
      std::ranges::find(kDays, text.substr(0, 3)) == kDays.end())
    return std::nullopt;
  const auto local = TimeOf({.year = NumberAt(text, 12, 4),
                             .month = static_cast<int>(month - kMonths.begin()) + 1,
                             .day = NumberAt(text, 5, 2),
                             .hour = NumberAt(text, 17, 2),
                             .minute = NumberAt(text, 20, 2),
                             .second = NumberAt(text, 23, 2)});
  if (!local) return std::nullopt;
  return *local - std::chrono::milliseconds(std::chrono::hours(zone->second)).count();
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
