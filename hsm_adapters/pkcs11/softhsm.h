// PrepareSoftHsm, with a look at each of its steps for tests.

#ifndef KMS_PKCS11_SOFTHSM_H_
#define KMS_PKCS11_SOFTHSM_H_

#include <functional>

#include "kms/pkcs11.h"
#include "kms/result.h"

namespace kms::pkcs11 {

// As kms::PrepareSoftHsm; `after_step` is called after each change to a file, a folder or
// the token.
Result<Pkcs11Config> PrepareSoftHsm(const SoftHsmFolder& folder, bool may_make,
                                    std::function<void()> after_step);

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_SOFTHSM_H_
