// KeyService: the life of keys (manual 4.2.1 to 4.2.8, 5.3).
//
// This and its siblings (kms/alias_service.h, version_service.h, import_service.h,
// compute_service.h, asymmetric_service.h) are the domain: the only classes that
// know store, backends, policy, clock and audit together. kms/kms.h makes them.
//
// Wherever a key is named, an alias may stand; ids are tried first. A key of another
// account or region, or one on which the principal may not do this, answers as an
// absent one: Reason::kKeyNotFound. Which operation a state allows is one table
// (docs/architecture.md, "States"). Default keys are not made here, and not changed by
// anybody (kms/default_key_service.h).
//
// Threads: all methods may be called from many threads at once.
// Durability: a change that reported success survives a crash right after.

#ifndef KMS_KEY_SERVICE_H_
#define KMS_KEY_SERVICE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class Domain;

struct NewKey {
  KeySpec spec = KeySpec::kAes256;
  KeyUsage usage = KeyUsage::kEncryptDecrypt;
  ProtectionLevel level = ProtectionLevel::kSoftware;
  KeyOrigin origin = KeyOrigin::kKms;
  std::string description{};
  std::optional<int> rotation_days{};  // 7 to 730; empty: no automatic rotation
  std::string alias{};                 // empty: none
  std::string project = "default";     // 1 to 64 letters, digits, "-" and "_"
};

// Absent members do not filter.
struct KeyFilter {
  std::optional<KeyUsage> usage{};
  std::optional<ProtectionLevel> level{};
  std::optional<KeySpec> spec{};
  std::optional<KeyState> state{};
  std::optional<TagFilter> tag{};  // bound to it
};

class KeyService {
 public:
  explicit KeyService(std::shared_ptr<Domain> domain);

  // Create makes a key, with its first version unless its origin is external, and
  // with its alias if one is given, in one transaction.
  // Fails: kBadKeyUsage (symmetric key for signing), kNoAutomaticRotation,
  // kAsymmetricCannotImport, kCannotImport, kBadRotationInterval, kVersionLimit,
  // kAliasExists, kBadParameter (alias), kHsmKeyCreationFailed (no HSM).
  Result<KeyDescription> Create(const RequestContext& context, const NewKey& wanted);

  // Describe returns what is known of a key. Fails: kKeyNotFound.
  Result<KeyDescription> Describe(const RequestContext& context, std::string_view key);

  // List returns the keys of the account in the region, oldest first.
  Result<Page<KeyDescription>> List(const RequestContext& context,
                                    const KeyFilter& filter, const PageRequest& page);

  // Enable and Disable are idempotent.
  // Fail: kKeyNotFound, kCannotEnable; kDeletionPending, kKeyDisabled.
  Result<void> Enable(const RequestContext& context, std::string_view key);
  Result<void> Disable(const RequestContext& context, std::string_view key);

  // ScheduleDeletion plans to delete the key, its versions and its aliases after
  // `days` (7 to 30).
  // Fails: kBadPendingWindow, kKeyNotFound, kDeletionProtected, kDeletionPending.
  Result<void> ScheduleDeletion(const RequestContext& context, std::string_view key,
                                int days);

  // CancelDeletion leaves the key enabled, or pending import if it has no material.
  // Fails: kKeyNotFound, kNoDeletionPending.
  Result<void> CancelDeletion(const RequestContext& context, std::string_view key);

  // SetDeletionProtection is idempotent.
  // Fails: kKeyNotFound, kDeletionPending (switching on).
  Result<void> SetDeletionProtection(const RequestContext& context, std::string_view key,
                                     bool on);

  // UpdateDescription fails with kKeyNotFound, kDeletionPending, kTooLong (more than
  // 8192 characters).
  Result<void> UpdateDescription(const RequestContext& context, std::string_view key,
                                 std::string_view description);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_KEY_SERVICE_H_
