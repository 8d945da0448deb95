#include "signer/eop_date.h"

#include <chrono>
#include <cstdio>

#include "signer/date_text.h"

namespace kms {
namespace {

constexpr std::string_view kShape = "00000000T000000Z";

}  // namespace

std::optional<UnixMillis> ReadEopDate(std::string_view text) {
  if (text.size() != kShape.size() || !BeginsWithShape(text, kShape)) return std::nullopt;
  return TimeOf({.year = NumberAt(text, 0, 4),
                 .month = NumberAt(text, 4, 2),
                 .day = NumberAt(text, 6, 2),
                 .hour = NumberAt(text, 9, 2),
                 .minute = NumberAt(text, 11, 2),
                 .second = NumberAt(text, 13, 2)});
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
