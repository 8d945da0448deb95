// The templates of the customers' keys: how their objects are named in the token, and
// what they may do.

#ifndef KMS_PKCS11_KEY_TEMPLATE_H_
#define KMS_PKCS11_KEY_TEMPLATE_H_

#include <string>
#include <string_view>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "kms/root_key.h"

namespace kms::pkcs11 {

// An AES-256 key, as RFC 5649 wraps it.
inline constexpr std::size_t kWrappedAesSize = 40;

// The CKA_ID of the token object of an instance (Place).
std::string ObjectId(std::string_view instance);

// AddName adds the attributes that name a token object; a session object needs none.
void AddName(const Place& place, Template* object);

Template SecretKey(CK_KEY_TYPE type, bool token, bool extractable);
Template PrivateKeyOf(CK_KEY_TYPE type, bool token, bool extractable);

// AddRsaUse allows what a key of this purpose (Place) is for.
void AddRsaUse(std::string_view purpose, Template* key);

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_KEY_TEMPLATE_H_
