#include "hsm_adapters/pkcs11/key_template.h"

namespace kms::pkcs11 {
namespace {

Template KeyOf(CK_OBJECT_CLASS kind, CK_KEY_TYPE type, bool token, bool extractable) {
  Template key;
  key.Number(CKA_CLASS, kind)
      .Number(CKA_KEY_TYPE, type)
      .Flag(CKA_TOKEN, token)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, extractable);
  return key;
}

}  // namespace

std::string ObjectId(std::string_view instance) {
  return "libkms/" + std::string(instance);
}

void AddName(const Place& place, Template* object) {
  object->Text(CKA_ID, ObjectId(place.instance))
      .Text(CKA_LABEL, "libkms key " + std::string(place.object));
}

Template SecretKey(CK_KEY_TYPE type, bool token, bool extractable) {
  return KeyOf(CKO_SECRET_KEY, type, token, extractable);
}

Template PrivateKeyOf(CK_KEY_TYPE type, bool token, bool extractable) {
  return KeyOf(CKO_PRIVATE_KEY, type, token, extractable);
}

void AddRsaUse(std::string_view purpose, Template* key) {
  const bool for_import = purpose == "import-key";
  key->Flag(CKA_DECRYPT, true).Flag(CKA_SIGN, true).Flag(CKA_UNWRAP, for_import);
}

}  // namespace kms::pkcs11
