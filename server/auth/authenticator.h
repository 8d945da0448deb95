// Authenticator: from the headers of a request to who asks.
//
// In two steps, because the server looks for the operation between them: ReadClaim
// reads what the headers claim, Authenticate checks the time, the signature and the
// request id, in this order.
//
// Threads: may be used from many threads at once.

#ifndef KMS_SERVER_AUTH_AUTHENTICATOR_H_
#define KMS_SERVER_AUTH_AUTHENTICATOR_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "auth/replay_guard.h"
#include "kms/access_point_rules.h"
#include "kms/clock.h"
#include "kms/identity.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/signer.h"

namespace kms::server {

class Authenticator {
 public:
  // As Identity::Find.
  using FindAccessKey =
      std::function<Result<std::shared_ptr<const AccessKey>>(std::string_view)>;

  // As AccessPointService::Rules.
  using FindRules = std::function<Result<std::shared_ptr<const AccessPointRules>>(
      const Principal&, std::string_view region)>;

  // What is referred to outlives the authenticator.
  struct Parts {
    const Signer& signer;
    FindAccessKey find;
    ReplayGuard& guard;
    const Clock& clock;
    TimeRule time;
    FindRules find_rules = {};       // none: access keys of access points may do nothing
    bool for_access_points = false;  // other access keys are as unknown ones
  };

  // Where a request came from.
  struct Arrival {
    std::string_view peer;          // the address of the other side
    std::string_view access_point;  // whose listener it came in on; empty: nobody's
  };

  explicit Authenticator(Parts parts);

  // ReadClaim fails as Signer::Parse. The claim points into `request`.
  Result<SignatureClaim> ReadClaim(const RequestView& request) const;

  // Authenticate returns the context of the request: principal, request id and until
  // when it could be sent again; under an access key of an access point also its region
  // and rules. If the operation `keeps_id`, an id that was used before sets
  // `seen_before`, and the domain decides. Where the scheme has no ids, the signature is
  // the id of operations that keep one, and the others may be repeated.
  // Fails: kOutOfTime; kBadSignature, also for an unknown access key, and one that this
  // listener or scheme is not for, at the same cost; kAccessKeyDisabled;
  // kAddressNotAllowed; kReplayed; kTooManyRequests if the access key has no room left
  // for ids; kUnavailable.
  Result<RequestContext> Authenticate(const SignatureClaim& claim,
                                      const RequestView& request, const Arrival& arrival,
                                      bool keeps_id) const;

  // TimeNote tells what a client needs to know when its date was refused.
  std::string TimeNote() const;

 private:
  // The rules of the key's access point, which allow the address.
  Result<std::shared_ptr<const AccessPointRules>> RulesFor(const AccessKey& access_key,
                                                           std::string_view peer) const;

  Parts parts_;
  SecretBytes dummy_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_AUTH_AUTHENTICATOR_H_
