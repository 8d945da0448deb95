#include "hsm_adapters/pkcs11/key_template.h"

namespace kms::pkcs11 {

std::string ObjectId(std::string_view instance) {
  return "libkms/" + std::string(instance);
}

void AddName(const Place& place, Template* object) {
  object->Text(CKA_ID, ObjectId(place.instance))
      .Text(CKA_LABEL, "libkms key " + std::string(place.object));
}

Template SecretKey(CK_KEY_TYPE type, bool token, bool extractable) {
  Template key;
  key.Number(CKA_CLASS, CKO_SECRET_KEY)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, token)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, extractable);
  return key;
}

Template PrivateKeyOf(CK_KEY_TYPE type, bool token, bool extractable) {
  Template key;
  key.Number(CKA_CLASS, CKO_PRIVATE_KEY)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, token)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, extractable);
  return key;
}

void AddRsaUse(std::string_view purpose, Template* key) {
  const bool for_import = purpose == "import-key";
  key->Flag(CKA_DECRYPT, true).Flag(CKA_SIGN, true).Flag(CKA_UNWRAP, for_import);
}

}  // namespace kms::pkcs11
