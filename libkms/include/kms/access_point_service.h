// AccessPointService: access points of applications, and their access keys (manual 4.5).
//
// An access point belongs to an account, a region and an enterprise project. Its access
// keys may call the operations on keys and certificates, as far as the access point's
// checks (kms/access_point_rules.h), and the scope of the access key, allow it; they
// never manage access points. An access point on which the principal may not do this
// answers as an absent one: kAccessPointNotFound, and kAccessKeyNotFound for its access
// keys.
//
// Whoever may make access keys of an access point can give himself what it allows.
//
// A change of a check, or of an access key, counts for every request that begins after
// it, in every process.
//
// Threads, durability: as kms/key_service.h.

#ifndef KMS_ACCESS_POINT_SERVICE_H_
#define KMS_ACCESS_POINT_SERVICE_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kms/access_point_rules.h"
#include "kms/clock.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms {

class AccessPointRulesCache;
class Domain;

// Texts are kept as they are.
struct NewAccessPoint {
  std::string name;
  std::string vpc;
  std::string subnet;
  std::string project = "default";  // 1 to 64 letters, digits, "-" and "_"
  std::string email{};
  std::string description{};
};

struct AccessPointDescription {
  std::string id;        // UUID
  std::string endpoint;  // UUID
  std::string name;
  std::string vpc;
  std::string subnet;
  std::string project;
  std::string email;
  std::string description;
  UnixMillis created = 0;
};

struct NewPointKey {
  std::string id;                     // 32 hexadecimal digits
  std::optional<SecretBytes> secret;  // 32 characters; none in a repeated answer
  std::string user;                   // who made it
  AccessKeyScope scope = AccessKeyScope::kFull;
};

struct PointKeyDescription {
  std::string id;
  AccessKeyScope scope = AccessKeyScope::kFull;
  bool enabled = true;
  UnixMillis created = 0;
};

enum class PolicyChange : std::uint8_t { kAllow, kDeny };

enum class PointResourceKind : std::uint8_t { kKey, kCertificate };

// A key or a certificate, and whether the access point's resource policy allows it.
struct PointResource {
  PointResourceKind kind = PointResourceKind::kKey;
  std::string id;
  std::string alias;  // of a key its first; empty: none
  bool allowed = true;
};

// By id, or alias of a key.
struct PointResourceNames {
  std::span<const std::string_view> keys{};
  std::span<const std::string_view> certificates{};
};

struct AddressWhitelist {
  bool enabled = false;
  std::vector<std::string> blocks;  // as ParseAddressBlock reads them
};

class AccessPointService {
 public:
  // Access keys of one access point, names on one list, and blocks of one whitelist.
  static constexpr std::size_t kMaxKeys = 100;
  static constexpr std::size_t kMaxNames = 1000;
  static constexpr std::size_t kMaxBlocks = 100;

  explicit AccessPointService(std::shared_ptr<Domain> domain);
  ~AccessPointService();

  // Create makes an access point that checks nothing.
  // Fails: kBadParameter (project); kQuotaUsedUp (Limits::access_points).
  Result<AccessPointDescription> Create(const RequestContext& context,
                                        const NewAccessPoint& wanted);

  // List returns the access points of the account in the region, oldest first.
  Result<Page<AccessPointDescription>> List(const RequestContext& context,
                                            const PageRequest& page);

  // Delete deletes the access point with its access keys.
  // Fails: kAccessPointNotFound.
  Result<void> Delete(const RequestContext& context, std::string_view id);

  // CreateKey fails with kAccessPointNotFound; kQuotaUsedUp.
  Result<NewPointKey> CreateKey(const RequestContext& context, std::string_view id,
                                AccessKeyScope scope);

  // ListKeys returns the access keys of an access point, oldest first.
  // Fails: kAccessPointNotFound.
  Result<Page<PointKeyDescription>> ListKeys(const RequestContext& context,
                                             std::string_view id,
                                             const PageRequest& page);

  // All three fail with kAccessKeyNotFound; they know access keys of access points
  // alone. Enabling and disabling are idempotent.
  Result<void> EnableKey(const RequestContext& context, std::string_view access_key);
  Result<void> DisableKey(const RequestContext& context, std::string_view access_key);
  Result<void> DeleteKey(const RequestContext& context, std::string_view access_key);

  // ChangeActions and ChangeResources open the check, if it is closed: then allowing
  // allows the list and nothing else, and denying allows all but the list. Later calls
  // add to what is allowed, or take from it. Keys and certificates are on one list; what
  // is listed is an id, which stays on the list when its bearer has gone.
  // Fail: kAccessPointNotFound; kBadParameter about "policyList" (an action that access
  // points do not offer), "cmkList" or "certList" (nothing that the principal can see);
  // kQuotaUsedUp (more than kMaxNames).
  Result<void> ChangeActions(const RequestContext& context, std::string_view id,
                             PolicyChange change,
                             std::span<const std::string_view> actions);
  Result<void> ChangeResources(const RequestContext& context, std::string_view id,
                               PolicyChange change, const PointResourceNames& names);

  // CloseChecks lets both checks allow everything again, and forgets their lists.
  // Fails: kAccessPointNotFound.
  Result<void> CloseChecks(const RequestContext& context, std::string_view id);

  // HasOpenCheck: whether one of the two is open. Fails: kAccessPointNotFound.
  Result<bool> HasOpenCheck(const RequestContext& context, std::string_view id);

  // Both tell for each of `actions` whether the URI policy allows it, under
  // the permission to list all, or to list those that are allowed.
  // Fails: kAccessPointNotFound.
  Result<std::vector<bool>> AllActions(const RequestContext& context, std::string_view id,
                                       std::span<const std::string_view> actions);
  Result<std::vector<bool>> AllowedActions(const RequestContext& context,
                                           std::string_view id,
                                           std::span<const std::string_view> actions);

  // AllResources returns all keys of the account in the region, then all certificates,
  // also those of USB keys, oldest first; AllowedResources those that the resource policy
  // allows.
  // Fail: kAccessPointNotFound.
  Result<std::vector<PointResource>> AllResources(const RequestContext& context,
                                                  std::string_view id);
  Result<std::vector<PointResource>> AllowedResources(const RequestContext& context,
                                                      std::string_view id);

  // SetWhitelist puts `whitelist` in place of the one before. `endpoint`, if it is not
  // empty, must be that of the access point.
  // Fails: kAccessPointNotFound; kBadParameter about "ips" or "endpointId";
  // kQuotaUsedUp (more than kMaxBlocks).
  Result<void> SetWhitelist(const RequestContext& context, std::string_view id,
                            std::string_view endpoint, const AddressWhitelist& whitelist);
  // Fails: kAccessPointNotFound.
  Result<AddressWhitelist> Whitelist(const RequestContext& context, std::string_view id);

  // Rules returns what a principal's access point allows as of now, for its request
  // context; they are cached by revision.
  // Fails: kAccessPointNotFound; kCorrupt; kUnavailable.
  Result<std::shared_ptr<const AccessPointRules>> Rules(const Principal& principal,
                                                        std::string_view region);

 private:
  Result<void> SwitchKey(const RequestContext& context, std::string_view access_key,
                         std::string_view action, bool on);

  std::shared_ptr<Domain> domain_;
  std::unique_ptr<AccessPointRulesCache> cache_;
};

}  // namespace kms

#endif  // KMS_ACCESS_POINT_SERVICE_H_
