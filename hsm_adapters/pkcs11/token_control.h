// Whose fault it was. Some tokens answer input that is wrong with the same code as a
// failure of their own (SoftHSM: a wrong GCM tag is CKR_GENERAL_ERROR). So after such a
// code the token is asked for something of the same kind that is right, and then for the
// first once more, in a new session: if it can do the one and again not the other, the
// input was to blame, and the token stays in service. A token that fails for a while,
// however short, is never taken for wrong input.

#ifndef KMS_PKCS11_TOKEN_CONTROL_H_
#define KMS_PKCS11_TOKEN_CONTROL_H_

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "hsm_adapters/pkcs11/return_code.h"
#include "hsm_adapters/pkcs11/token.h"

namespace kms::pkcs11 {

// Has the token do something that is right, and tells whether it did.
using Control = std::function<bool(Access&)>;

// ControlKey: a key that protects nothing, made in each epoch when it is first needed.
//
// Threads: may be used from many threads at once.
class ControlKey {
 public:
  // Computes encrypts and decrypts with it, in a session of its own.
  bool Computes(Access& access);

 private:
  Result<CK_OBJECT_HANDLE> Handle(Access& access);

  std::mutex mutex_;
  CK_OBJECT_HANDLE handle_ = CK_INVALID_HANDLE;
  std::uint64_t epoch_ = 0;
};

// OrInput returns `answer`, or `wrong` if the input was to blame for its failure. `key`
// is the object that was used.
template <typename T>
Result<T> OrInput(Access& access, CK_OBJECT_HANDLE key, const Control& control,
                  Result<T> answer, Error wrong) {
  if (answer) return answer;
  const CK_RV fault = access.fault();
  if (RemedyOf(fault) != Remedy::kRefuse) {
    if (RemedyOf(fault) != Remedy::kReport && fault != CKR_DEVICE_ERROR) return answer;
    const bool there = access.Keep()->Attribute(key, CKA_CLASS).has_value();
    if (!there || !control(access)) return answer;
    if (!access.doubted()) {
      access.Doubt();
      return answer;
    }
  }
  access.Settle();
  return wrong;
}

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_TOKEN_CONTROL_H_
