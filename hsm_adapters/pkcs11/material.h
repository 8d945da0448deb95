// Material: what a record holds of a key of the token, before it is sealed.

#ifndef KMS_PKCS11_MATERIAL_H_
#define KMS_PKCS11_MATERIAL_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "hsm_adapters/pkcs11/roots.h"
#include "hsm_adapters/pkcs11/token_cipher.h"
#include "kms/bytes.h"

namespace kms::pkcs11 {

// One byte that says which; then the root's index and the wrapped key, or the name of the
// object in the token.
struct Material {
  enum class Kind : std::uint8_t { kWrapped = 1, kObject = 2 };

  Kind kind = Kind::kWrapped;
  std::uint32_t root = 0;
  Bytes wrapped;
  std::string instance;
  Bytes public_key;               // not sealed, nor is this
  std::optional<CipherUse> only;  // what the object in the token was made for

  Bytes Encode() const {
    const bool object = kind == Kind::kObject;
    const ByteView rest = object ? AsBytes(instance) : ByteView(wrapped);
    const auto index = BigEndian(root);
    Bytes encoded(1 + (object ? 0 : index.size()) + rest.size());
    encoded[0] = static_cast<std::uint8_t>(kind);
    if (!object) std::ranges::copy(index, encoded.begin() + 1);
    std::ranges::copy_backward(rest, encoded.end());
    return encoded;
  }

  static std::optional<Material> Decode(ByteView encoded) {
    Material material;
    if (encoded.empty()) return std::nullopt;
    material.kind = static_cast<Kind>(encoded[0]);
    encoded = encoded.subspan(1);
    if (material.kind == Kind::kObject) {
      material.instance = AsText(encoded);
      return material;
    }
    if (material.kind != Kind::kWrapped || encoded.size() < 4) return std::nullopt;
    material.root = FromBigEndian(encoded.first(4));
    material.wrapped.assign(encoded.begin() + 4, encoded.end());
    return material;
  }
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_MATERIAL_H_
