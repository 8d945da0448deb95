// RequestContext: who asks, for which region, and under which request id. Made
// once for a request, and passed down.

#ifndef KMS_REQUEST_CONTEXT_H_
#define KMS_REQUEST_CONTEXT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "kms/clock.h"
#include "kms/digest.h"

namespace kms {

class AccessPointRules;  // kms/access_point_rules.h

// Which operations an access key of an access point is for: all that access points
// offer, those on keys, or those on certificates.
enum class AccessKeyScope : std::uint8_t { kFull, kKeys, kCertificates };

// Who asks.
struct Principal {
  std::string account;
  std::string user;
  std::string access_key;
  bool root = false;  // `user` is the one that the account began with
  // Under an access key of an access point: its id; `user` is who made the key.
  std::string access_point{};
  AccessKeyScope scope = AccessKeyScope::kFull;
};

struct RequestContext {
  Principal principal;
  // What the principal's access point allows, as of the beginning of the request. An
  // access point without rules may do nothing.
  std::shared_ptr<const AccessPointRules> access_point_rules{};
  std::string region;
  std::string project = "default";  // enterprise project (epId)
  std::string source;               // the caller's address
  bool tls = false;                 // the request came over TLS

  // Identifies the request among those of its access key. A change keeps it with
  // its outcome: the same id with the same fingerprint is answered with that outcome
  // again, any other use of it is refused with Reason::kReplayed. An empty id (a
  // process that embeds the library) turns this off.
  std::string request_id;
  // Of the operation and its decoded parameters.
  Digest32 fingerprint{};
  // How long the request could be sent again, and its id is kept.
  UnixMillis replayable_until = 0;
  // The caller knows that this id was used before: then a change is not made, and
  // answered from its stored outcome or refused with Reason::kReplayed.
  bool seen_before = false;

  std::string operation;  // as the audit log names it, such as "createKey"
  // The run of an audit log (kms/audit_log.h) that the caller tells of this request;
  // empty: the event of a change is the only one who tells.
  std::string told_by;

  // Everything is authorised and checked, and nothing is changed or computed: what would
  // have succeeded fails with ErrorClass::kDryRun.
  bool dry_run = false;

  // Whether the calling thread may wait for the HSM. Where it may not, what would have to
  // fails with ErrorClass::kMustWait before anything was changed, and is called again
  // from a thread that may.
  bool may_wait_for_token = true;
};

}  // namespace kms

#endif  // KMS_REQUEST_CONTEXT_H_
