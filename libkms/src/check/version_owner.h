// What the owner of a version tells about it.

#ifndef KMS_CHECK_VERSION_OWNER_H_
#define KMS_CHECK_VERSION_OWNER_H_

#include <optional>

#include "certificates/certificate_domain.h"
#include "check/check_run.h"
#include "keys/domain.h"

namespace kms::check {

struct VersionOwner {
  MaterialOwner of;
  std::uint64_t versions;  // how many there have been
  bool has_material;
};

// Nothing, if `owner` is none of that version. The result views `owner`.
inline std::optional<VersionOwner> OwnerOfVersion(const Owner& owner,
                                                  const VersionRecord& version) {
  if (owner.key)
    return VersionOwner{*owner.key, owner.key->versions, owner.key->material};
  if (owner.certificate && owner.certificate->version == version.id)
    return VersionOwner{OwnerOf(*owner.certificate), 1, !owner.certificate->usb_key};
  return std::nullopt;
}

}  // namespace kms::check

#endif  // KMS_CHECK_VERSION_OWNER_H_
