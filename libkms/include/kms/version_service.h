// VersionService: the versions of a key, and when it gets new ones (manual 4.2.7,
// 5.6). Symmetric keys rotate by themselves at an interval, asymmetric keys when
// they are asked to. No version is ever taken away from a key.
//
// Threads, durability: as kms/key_service.h.

#ifndef KMS_VERSION_SERVICE_H_
#define KMS_VERSION_SERVICE_H_

#include <memory>
#include <optional>
#include <string_view>

#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class Domain;

class VersionService {
 public:
  explicit VersionService(std::shared_ptr<Domain> domain);

  // Create makes a new version of an asymmetric key.
  // Fails: kKeyNotFound, kNotAsymmetric, kKeyDisabled, kRotatedRecently (once in 7
  // days; the key's creation does not count), kVersionLimit (of the account in the
  // region).
  Result<VersionDescription> Create(const RequestContext& context, std::string_view key);

  // Describe fails with kKeyNotFound, kVersionNotFound.
  Result<VersionDescription> Describe(const RequestContext& context, std::string_view key,
                                      std::string_view version);

  // List returns the versions of a key, oldest first. Fails: kKeyNotFound.
  Result<Page<VersionDescription>> List(const RequestContext& context,
                                        std::string_view key, const PageRequest& page);

  // SetRotation has a symmetric key rotate every `days` (7 to 730), counted from now,
  // or no more.
  // Fails: kKeyNotFound, kNoAutomaticRotation, kRotationPaused, kBadRotationInterval.
  Result<void> SetRotation(const RequestContext& context, std::string_view key,
                           std::optional<int> days);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_VERSION_SERVICE_H_
