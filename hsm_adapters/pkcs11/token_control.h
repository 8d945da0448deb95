// Whose fault it was. Some tokens answer input that is wrong with the same code as a
// failure of their own (SoftHSM: a wrong GCM tag is CKR_GENERAL_ERROR). So after such a
// code the token is asked for something that is right: if it can do that, the input was
// to blame, and the token stays in service.

#ifndef KMS_PKCS11_TOKEN_CONTROL_H_
#define KMS_PKCS11_TOKEN_CONTROL_H_

#include <functional>
#include <utility>

#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/token.h"

namespace kms::pkcs11 {

// A key that protects nothing.
using ControlKey = std::function<Result<CK_OBJECT_HANDLE>(Access&)>;

// MakeControlKey makes it. TokenWorks encrypts with it.
Result<CK_OBJECT_HANDLE> MakeControlKey(Access& access);
bool TokenWorks(Access& access, const ControlKey& control);

// OrInput returns `answer`, or `wrong` if the input was to blame for its failure.
template <typename T>
Result<T> OrInput(Access& access, CK_OBJECT_HANDLE key, const ControlKey& control,
                  Result<T> answer, Error wrong) {
  if (answer) return answer;
  const Remedy remedy = RemedyOf(access.fault());
  if (remedy != Remedy::kRefuse) {
    if (remedy != Remedy::kReport) return answer;
    const bool there = access.Keep()->Attribute(key, CKA_CLASS).has_value();
    if (!there || !TokenWorks(access, control)) return answer;
  }
  access.Settle();
  return wrong;
}

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_TOKEN_CONTROL_H_
