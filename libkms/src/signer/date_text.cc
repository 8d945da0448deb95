#include "signer/date_text.h"

#include <chrono>

namespace kms {
namespace {

constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2999;

}  // namespace

bool BeginsWithShape(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !digit : shape[i] != 'a' && text[i] != shape[i]) return false;
  }
  return true;
}

int NumberAt(std::string_view text, std::size_t at, std::size_t digits) {
  int number = 0;
  for (const char c : text.substr(at, digits)) number = number * 10 + (c - '0');
  return number;
}

std::optional<UnixMillis> TimeOf(const DateFields& fields) {
  if (fields.month < 1 || fields.day < 1) return std::nullopt;
  const std::chrono::year_month_day day{
      std::chrono::year(fields.year),
      std::chrono::month(static_cast<unsigned>(fields.month)),
      std::chrono::day(static_cast<unsigned>(fields.day))};
  if (fields.year < kFirstYear || fields.year > kLastYear || !day.ok() ||
      fields.hour > 23 || fields.minute > 59 || fields.second > 59)
    return std::nullopt;
  const std::chrono::sys_seconds time =
      std::chrono::sys_days(day) + std::chrono::hours(fields.hour) +
      std::chrono::minutes(fields.minute) + std::chrono::seconds(fields.second);
  return std::chrono::milliseconds(time.time_since_epoch()).count();
}

}  // namespace kms
