// Finding an access point, for its own operations and those of its access keys.

#ifndef KMS_ACCESS_ACCESS_POINT_READING_H_
#define KMS_ACCESS_ACCESS_POINT_READING_H_

#include <string_view>
#include <utility>

#include "access/access_point_record.h"
#include "keys/domain.h"

namespace kms {

// As policies name access points.
inline constexpr std::string_view kAccessPointKind = "accessPoint";

// ReadPoint returns the access point of that id, on which the principal may do `action`.
// Fails: kAccessPointNotFound, also if it may not; kCorrupt; kUnavailable.
Result<AccessPointRecord> ReadPoint(const Domain& domain, const Reader& reader,
                                    const RequestContext& context, std::string_view id,
                                    std::string_view action);

// WithPoint reads one access point in a snapshot of its own, and returns what `read`
// makes of both. Fails: as ReadPoint and `read`.
template <typename Read>
auto WithPoint(const Domain& domain, const RequestContext& context, std::string_view id,
               std::string_view action, Read read)
    -> decltype(read(std::declval<const Snapshot&>(),
                     std::declval<const AccessPointRecord&>())) {
  KMS_TRY(const auto snapshot, domain.parts().store.Read());
  KMS_TRY(const AccessPointRecord point,
          ReadPoint(domain, *snapshot, context, id, action));
  return read(*snapshot, point);
}

}  // namespace kms

#endif  // KMS_ACCESS_ACCESS_POINT_READING_H_
