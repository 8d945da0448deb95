#include "hsm_adapters/pkcs11/token_control.h"

#include <array>

namespace kms::pkcs11 {
namespace {

constexpr CK_ULONG kKeySize = 32;
constexpr std::size_t kBlockSize = 16;
constexpr std::size_t kTagSize = 16;

}  // namespace

Result<CK_OBJECT_HANDLE> MakeControlKey(Access& access) {
  Template key;
  key.Number(CKA_CLASS, CKO_SECRET_KEY)
      .Number(CKA_KEY_TYPE, CKK_AES)
      .Number(CKA_VALUE_LEN, kKeySize)
      .Flag(CKA_TOKEN, false)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, false)
      .Flag(CKA_ENCRYPT, true)
      .Flag(CKA_DECRYPT, false);
  return access.Keep()->GenerateKey({CKM_AES_KEY_GEN, nullptr, 0}, std::move(key));
}

bool TokenWorks(Access& access, const ControlKey& control) {
  const auto key = control(access);
  if (!key) return false;
  std::array<CK_BYTE, 12> nonce{};
  std::array<CK_BYTE, 1> associated{};
  CK_GCM_PARAMS parameters{};
  parameters.pIv = nonce.data();
  parameters.ulIvLen = nonce.size();
  parameters.ulIvBits = nonce.size() * 8;
  parameters.pAAD = associated.data();
  parameters.ulAADLen = associated.size();
  parameters.ulTagBits = kTagSize * 8;
  const std::array<std::uint8_t, kBlockSize> block{};
  // What is encrypted is known, so that the nonce may repeat.
  return access.Keep()
      ->Encrypt({CKM_AES_GCM, &parameters, sizeof parameters}, *key, block,
                block.size() + kTagSize)
      .has_value();
}

}  // namespace kms::pkcs11
