// What the dates of both signature schemes are read by.
//
// Threads: none of it has state.

#ifndef KMS_SIGNER_DATE_TEXT_H_
#define KMS_SIGNER_DATE_TEXT_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "kms/clock.h"

namespace kms {

// BeginsWithShape: whether `text` begins as `shape` says: where that has a 0 with a
// digit, where it has an a with anything, and else with the same character.
bool BeginsWithShape(std::string_view text, std::string_view shape);

// NumberAt is the number of `digits` digits at `at`, which must be digits.
int NumberAt(std::string_view text, std::size_t at, std::size_t digits);

struct DateFields {
  int year, month, day, hour, minute, second;
};

// TimeOf returns the time of a day and time of day in UTC. None for what is no day or no
// time of day of the years 1970 to 2999.
std::optional<UnixMillis> TimeOf(const DateFields& fields);

}  // namespace kms

#endif  // KMS_SIGNER_DATE_TEXT_H_
