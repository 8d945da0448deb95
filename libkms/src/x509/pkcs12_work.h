// How much work a PKCS#12 file asks for, read before any of it is done.
//
// For the sources of this folder alone.
// Threads: a budget belongs to one.

#ifndef KMS_X509_PKCS12_WORK_H_
#define KMS_X509_PKCS12_WORK_H_

#include <cstdint>

#include "kms/result.h"
#include "x509/libcrypto.h"

namespace kms::x509 {

// Counts what deriving keys costs, in iterations of PBKDF2.
class WorkBudget {
 public:
  // Take accounts for one derivation by `algorithm`: a scheme of PKCS#12, or PBES2 with
  // PBKDF2 or scrypt (RFC 8018, RFC 7914).
  // Fails: kInvalidArgument with Reason::kBadPkcs12 for another scheme, and for what is
  // too much at a time or together.
  Result<void> Take(const X509_ALGOR* algorithm);

  // TakeMac does the same for the MAC of `file`.
  Result<void> TakeMac(const PKCS12* file);

 private:
  Result<void> TakeIterations(std::uint64_t count);
  Result<void> TakeDerivation(const X509_ALGOR* function);

  std::uint64_t taken_ = 0;
};

}  // namespace kms::x509

#endif  // KMS_X509_PKCS12_WORK_H_
