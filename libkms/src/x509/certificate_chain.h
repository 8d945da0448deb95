// Whether certificates vouch for each other (RFC 5280, 6.1).
//
// There are no trust anchors here: who imports a certificate also says who issued it.
// What is checked is that the chain holds together, so that it can be served to peers who
// trust its end. Revocation is not looked up.
// Threads: none of it has state.

#ifndef KMS_X509_CERTIFICATE_CHAIN_H_
#define KMS_X509_CERTIFICATE_CHAIN_H_

#include <cstdint>
#include <span>

#include "kms/clock.h"
#include "kms/result.h"
#include "x509/certificate.h"

namespace kms::x509 {

// Whether a leaf whose time has not begun passes.
enum class LeafTime : std::uint8_t { kMayBeAhead, kNow };

// CheckChain checks that `chain` leads from `leaf` upwards, the issuer of the leaf first:
// names and key identifiers match, each signature verifies (SM2 under its default
// identity) with a digest that is not broken, each issuer is a CA that may sign
// certificates, path lengths and name constraints are kept, no critical extension is
// unknown, and `now` is in the time of each certificate. No certificate is there twice.
// The last, which may be the leaf, need not be self-signed; if its issuer has its own
// name, its signature must verify by its own key.
// Fails: kInvalidArgument with Reason::kCertificateMismatch; the detail has the number of
// the certificate at fault, 0 for the leaf.
Result<void> CheckChain(const Certificate& leaf, std::span<const Certificate> chain,
                        UnixMillis now, LeafTime leaf_time = LeafTime::kMayBeAhead);

}  // namespace kms::x509

#endif  // KMS_X509_CERTIFICATE_CHAIN_H_
