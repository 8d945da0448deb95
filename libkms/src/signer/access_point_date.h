// The date of a request to an access point, such as "Wed, 16 Jul 2025 15:47:53 CST".
//
// Threads: free of shared state.

#ifndef KMS_SIGNER_ACCESS_POINT_DATE_H_
#define KMS_SIGNER_ACCESS_POINT_DATE_H_

#include <optional>
#include <string>
#include <string_view>

#include "kms/clock.h"

namespace kms {

// ReadAccessPointDate reads exactly the shape above, with a zone of CST (here China's,
// eight hours ahead), +0800, GMT or UTC. None for anything else, and for what is no day
// or time of day of the years 1970 to 2999. Whether the day of the week fits is not
// asked: the published example's does not.
std::optional<UnixMillis> ReadAccessPointDate(std::string_view text);

// WriteAccessPointDate writes `time` as CST.
std::string WriteAccessPointDate(UnixMillis time);

}  // namespace kms

#endif  // KMS_SIGNER_ACCESS_POINT_DATE_H_
