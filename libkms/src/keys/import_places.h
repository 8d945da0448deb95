// Where the secrets of imports belong.

#ifndef KMS_KEYS_IMPORT_PLACES_H_
#define KMS_KEYS_IMPORT_PLACES_H_

#include <string_view>

#include "keys/records.h"
#include "kms/root_key.h"

namespace kms {

// The id of an import token, as its caller has it.
inline Place ImportTokenPlace(const KeyRecord& key) {
  return {key.account, key.id, {}, "import-token"};
}

// The private key that material comes encrypted to.
inline Place ImportKeyPlace(const KeyRecord& key, std::string_view token) {
  return {key.account, key.id, token, "import-key"};
}

// What tells the material of a key from other material.
inline Place FingerprintPlace(const KeyRecord& key) {
  return {key.account, key.id, {}, "material-fingerprint"};
}

}  // namespace kms

#endif  // KMS_KEYS_IMPORT_PLACES_H_
