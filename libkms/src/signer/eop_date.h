// The date of an EOP request, such as 20211221T163614Z.
//
// Threads: free of shared state.

#ifndef KMS_SIGNER_EOP_DATE_H_
#define KMS_SIGNER_EOP_DATE_H_

#include <optional>
#include <string>
#include <string_view>

#include "kms/clock.h"

namespace kms {

// ReadEopDate reads `text` as UTC. None unless it is exactly eight digits, a T, six
// digits and a Z, and names a day and a time of day of the years 1970 to 2999. Second 60
// is no time of day.
std::optional<UnixMillis> ReadEopDate(std::string_view text);

// WriteEopDate writes `time` in UTC.
std::string WriteEopDate(UnixMillis time);

}  // namespace kms

#endif  // KMS_SIGNER_EOP_DATE_H_
