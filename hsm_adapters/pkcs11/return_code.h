// Return codes of Cryptoki: their names, and what to do about each.

#ifndef KMS_PKCS11_RETURN_CODE_H_
#define KMS_PKCS11_RETURN_CODE_H_

#include <string>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "kms/result.h"

namespace kms::pkcs11 {

enum class Remedy : std::uint8_t {
  kNone,        // it worked
  kNewSession,  // the session is gone, or in a state that nobody knows
  kLogin,       // the login is gone
  kReload,      // the token or the module is gone: initialise the module anew
  kNewObject,   // an object is gone: unwrap it again, or find it
  kRefuse,      // what was asked for is wrong: asking again changes nothing
  kReport,      // the token has failed, or cannot do it
};

Remedy RemedyOf(CK_RV code);

// NameOf returns "CKR_PIN_INCORRECT", or the number of a code that has no name here.
std::string NameOf(CK_RV code);

// Failed is the error of a call that the token is to blame for: kHsmUnavailable, with
// `what` and the code's name as the detail.
Error Failed(std::string_view what, CK_RV code);
Error Failed(std::string_view what);

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_RETURN_CODE_H_
