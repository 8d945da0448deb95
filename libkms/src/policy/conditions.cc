#include "policy/conditions.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string>

namespace kms {
namespace {

constexpr int kMappedBits = 96;  // of a v4 address in a v6 one

std::optional<int> ToNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0)
    return std::nullopt;
  return number;
}

bool IsMapped(const Address& address) {
  return std::all_of(address.begin(), address.begin() + 10,
                     [](std::uint8_t byte) { return byte == 0; }) &&
         address[10] == 0xff && address[11] == 0xff;
}

}  // namespace

std::optional<Address> ParseAddress(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string name(text);
  Address address{};
  if (::inet_pton(AF_INET6, name.c_str(), address.data()) == 1) return address;
  if (::inet_pton(AF_INET, name.c_str(), address.data() + 12) != 1) return std::nullopt;
  address[10] = address[11] = 0xff;
  return address;
}

std::optional<AddressRange> ParseAddressRange(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = ParseAddress(text.substr(0, slash));
  if (!address) return std::nullopt;
  AddressRange range{*address, 128};
  if (slash == text.npos) return range;
  const auto bits = ToNumber(text.substr(slash + 1));
  const bool v4 = text.find(':') == text.npos;
  if (!bits || *bits > (v4 ? 32 : 128) || text.size() - slash > 4) return std::nullopt;
  range.bits = *bits + (v4 ? kMappedBits : 0);
  for (int bit = range.bits; bit < 128; ++bit) {
    if ((range.first[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0)
      return std::nullopt;
  }
  return range;
}

bool Contains(const AddressRange& range, const Address& address) {
  // "::/0" and the like are blocks of v6: a v4 address is in those of v4 only.
  if (range.bits < kMappedBits && IsMapped(address)) return false;
  const auto whole = static_cast<std::size_t>(range.bits / 8);
  if (std::memcmp(range.first.data(), address.data(), whole) != 0) return false;
  const int rest = range.bits % 8;
  return rest == 0 || (range.first[whole] ^ address[whole]) >> (8 - rest) == 0;
}

std::optional<UnixMillis> ParseUtc(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t size) {
    return *ToNumber(text.substr(at, size));
  };
  const std::chrono::year_month_day date{
      std::chrono::year(number(0, 4)),
      std::chrono::month(static_cast<unsigned>(number(5, 2))),
      std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::chrono::sys_time<std::chrono::seconds> time =
      std::chrono::sys_days(date) + std::chrono::hours(hour) +
      std::chrono::minutes(minute) + std::chrono::seconds(second);
  return static_cast<UnixMillis>(time.time_since_epoch().count()) * 1000;
}

bool Holds(const Condition& condition, const PolicyQuestion& question) {
  using Operator = Condition::Operator;
  switch (condition.op) {
    case Operator::kIpAddress:
    case Operator::kNotIpAddress: {
      const auto source = ParseAddress(question.source);
      const bool inside =
          source && std::ranges::any_of(condition.ranges, [&](const AddressRange& range) {
            return Contains(range, *source);
          });
      return inside == (condition.op == Operator::kIpAddress);
    }
    case Operator::kDateGreaterThan:
      return std::ranges::any_of(condition.times,
                                 [&](UnixMillis time) { return question.now > time; });
    case Operator::kDateLessThan:
      return std::ranges::any_of(condition.times,
                                 [&](UnixMillis time) { return question.now < time; });
    case Operator::kBool:
      return std::ranges::find(condition.truths, question.tls) != condition.truths.end();
  }
  return false;
}

}  // namespace kms
