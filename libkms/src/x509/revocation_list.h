// Certificate revocation lists (RFC 5280, 5), as far as one certificate is on them.
//
// Threads: none of it has state.

#ifndef KMS_X509_REVOCATION_LIST_H_
#define KMS_X509_REVOCATION_LIST_H_

#include "kms/bytes.h"
#include "kms/result.h"
#include "x509/certificate.h"

namespace kms::x509 {

// IsRevoked tells whether `list`, exactly one list in DER, revokes `leaf`. It is of the
// leaf's issuer by name, and if `issuer` is not null, signed by it with a digest that is
// not broken. How old it is does not count: who has a newer one would have given that.
// Lists of changes alone, and those with other critical extensions than an issuing
// distribution point, are refused.
// Fails: kInvalidArgument with Reason::kBadParameter about `certCrl`.
Result<bool> IsRevoked(ByteView list, const Certificate& leaf, const Certificate* issuer);

}  // namespace kms::x509

#endif  // KMS_X509_REVOCATION_LIST_H_
