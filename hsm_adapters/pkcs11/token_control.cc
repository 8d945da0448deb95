#include "hsm_adapters/pkcs11/token_control.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kms::pkcs11 {
namespace {

constexpr std::size_t kBlockSize = 16;

}  // namespace

Result<CK_OBJECT_HANDLE> ControlKey::Handle(Access& access) {
  const auto lock = access.Lock(mutex_);
  if (handle_ != CK_INVALID_HANDLE && epoch_ == access.epoch()) return handle_;
  Template key;
  key.Number(CKA_CLASS, CKO_SECRET_KEY)
      .Number(CKA_KEY_TYPE, CKK_AES)
      .Number(CKA_VALUE_LEN, kAesSize)
      .Flag(CKA_TOKEN, false)
      .Flag(CKA_PRIVATE, true)
      .Flag(CKA_SENSITIVE, true)
      .Flag(CKA_EXTRACTABLE, false)
      .Flag(CKA_ENCRYPT, true)
      .Flag(CKA_DECRYPT, true);
  KMS_TRY(handle_,
          access.Keep()->GenerateKey({CKM_AES_KEY_GEN, nullptr, 0}, std::move(key)));
  epoch_ = access.epoch();
  return handle_;
}

bool ControlKey::Computes(Access& access) {
  const auto key = Handle(access);
  if (!key) return false;
  GcmNonce nonce{};
  std::array<CK_BYTE, 1> associated{};
  CK_GCM_PARAMS parameters = GcmParameters(nonce, associated);
  const CK_MECHANISM gcm = {CKM_AES_GCM, &parameters, sizeof parameters};
  Access::Scratch session(access);
  if (!session.open()) return false;
  // What is encrypted is known, so that the nonce may repeat.
  const std::array<std::uint8_t, kBlockSize> block{};
  const auto sealed = session->Encrypt(gcm, *key, block, block.size() + kGcmTagSize);
  if (!sealed) return false;
  const auto opened = session->Decrypt(gcm, *key, *sealed, block.size());
  return opened && std::ranges::equal(opened->Reveal(), block);
}

}  // namespace kms::pkcs11
