#include "hsm_adapters/pkcs11/session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hsm_adapters/pkcs11/return_code.h"

namespace kms::pkcs11 {
namespace {

// A wrapped RSA key of 2048 bits has some 1200 bytes.
constexpr std::size_t kMaxWrapped = 8192;
constexpr std::size_t kMaxAttribute = 8192;
// Tokens ask for more room than they need.
constexpr std::size_t kSpareRoom = 64;

// A null pointer of length 0 leaves an operation open in some modules.
CK_BYTE_PTR Pointer(ByteView bytes) {
  static CK_BYTE nothing = 0;
  return bytes.empty() ? &nothing : const_cast<CK_BYTE_PTR>(bytes.data());
}

}  // namespace

Result<void> Session::Check(std::string_view call, CK_RV code) {
  if (code == CKR_OK) return {};
  fault_ = code;
  return Failed(call, code);
}

Error Session::WrongLength(std::string_view call) {
  fault_ = CKR_FUNCTION_FAILED;
  return Failed(std::string(call) + " returned a wrong length");
}

Result<CK_OBJECT_HANDLE> Session::GenerateKey(CK_MECHANISM mechanism, Template key) {
  CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
  KMS_CHECK_OK(Check(
      "C_GenerateKey",
      functions_.C_GenerateKey(handle_, &mechanism, key.data(), key.size(), &made)));
  return made;
}

Result<KeyPairHandles> Session::GenerateKeyPair(CK_MECHANISM mechanism,
                                                Template public_key,
                                                Template private_key) {
  KeyPairHandles made;
  KMS_CHECK_OK(Check("C_GenerateKeyPair",
                     functions_.C_GenerateKeyPair(handle_, &mechanism, public_key.data(),
                                                  public_key.size(), private_key.data(),
                                                  private_key.size(), &made.public_key,
                                                  &made.private_key)));
  return made;
}

Result<CK_OBJECT_HANDLE> Session::Create(Template object) {
  CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
  KMS_CHECK_OK(Check("C_CreateObject", functions_.C_CreateObject(handle_, object.data(),
                                                                 object.size(), &made)));
  return made;
}

Result<CK_OBJECT_HANDLE> Session::Copy(CK_OBJECT_HANDLE object, Template changes) {
  CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
  KMS_CHECK_OK(Check(
      "C_CopyObject",
      functions_.C_CopyObject(handle_, object, changes.data(), changes.size(), &made)));
  return made;
}

Result<void> Session::Destroy(CK_OBJECT_HANDLE object) {
  return Check("C_DestroyObject", functions_.C_DestroyObject(handle_, object));
}

Result<std::vector<CK_OBJECT_HANDLE>> Session::Find(Template wanted) {
  KMS_CHECK_OK(Check("C_FindObjectsInit", functions_.C_FindObjectsInit(
                                              handle_, wanted.data(), wanted.size())));
  std::vector<CK_OBJECT_HANDLE> found;
  std::array<CK_OBJECT_HANDLE, 16> batch{};
  for (;;) {
    CK_ULONG count = 0;
    const CK_RV code =
        functions_.C_FindObjects(handle_, batch.data(), batch.size(), &count);
    if (code != CKR_OK || count == 0 || count > batch.size()) {
      const CK_RV ended = functions_.C_FindObjectsFinal(handle_);
      KMS_CHECK_OK(Check("C_FindObjects", code));
      if (count > batch.size()) return WrongLength("C_FindObjects");
      KMS_CHECK_OK(Check("C_FindObjectsFinal", ended));
      return found;
    }
    found.insert(found.end(), batch.begin(),
                 batch.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

Result<Bytes> Session::Wrap(CK_MECHANISM mechanism, CK_OBJECT_HANDLE wrapping,
                            CK_OBJECT_HANDLE key) {
  Bytes wrapped(kMaxWrapped);
  CK_ULONG size = wrapped.size();
  KMS_CHECK_OK(Check("C_WrapKey", functions_.C_WrapKey(handle_, &mechanism, wrapping, key,
                                                       wrapped.data(), &size)));
  // What RFC 5649 makes is a multiple of 8 and longer than any key worth wrapping.
  if (size > wrapped.size() || size < 24 || size % 8 != 0)
    return WrongLength("C_WrapKey");
  wrapped.resize(size);
  return wrapped;
}

Result<CK_OBJECT_HANDLE> Session::Unwrap(CK_MECHANISM mechanism,
                                         CK_OBJECT_HANDLE unwrapping, ByteView wrapped,
                                         Template key) {
  CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
  KMS_CHECK_OK(Check("C_UnwrapKey", functions_.C_UnwrapKey(
                                        handle_, &mechanism, unwrapping, Pointer(wrapped),
                                        wrapped.size(), key.data(), key.size(), &made)));
  return made;
}

Result<CK_OBJECT_HANDLE> Session::Derive(CK_MECHANISM mechanism, CK_OBJECT_HANDLE base,
                                         Template key) {
  CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
  KMS_CHECK_OK(Check(
      "C_DeriveKey",
      functions_.C_DeriveKey(handle_, &mechanism, base, key.data(), key.size(), &made)));
  return made;
}

Result<Bytes> Session::Encrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key,
                               ByteView data, std::size_t size) {
  KMS_CHECK_OK(
      Check("C_EncryptInit", functions_.C_EncryptInit(handle_, &mechanism, key)));
  Bytes encrypted(size + kSpareRoom);
  CK_ULONG written = encrypted.size();
  KMS_CHECK_OK(
      Check("C_Encrypt", functions_.C_Encrypt(handle_, Pointer(data), data.size(),
                                              encrypted.data(), &written)));
  if (written != size) return WrongLength("C_Encrypt");
  encrypted.resize(size);
  return encrypted;
}

Result<Bytes> Session::Sign(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView data,
                            std::size_t size) {
  KMS_CHECK_OK(Check("C_SignInit", functions_.C_SignInit(handle_, &mechanism, key)));
  Bytes signature(size + kSpareRoom);
  CK_ULONG written = signature.size();
  KMS_CHECK_OK(Check("C_Sign", functions_.C_Sign(handle_, Pointer(data), data.size(),
                                                 signature.data(), &written)));
  if (written != size) return WrongLength("C_Sign");
  signature.resize(size);
  return signature;
}

Result<SecretBytes> Session::Decrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key,
                                     ByteView data, std::size_t size) {
  KMS_CHECK_OK(
      Check("C_DecryptInit", functions_.C_DecryptInit(handle_, &mechanism, key)));
  CK_RV code = CKR_OK;
  CK_ULONG written = 0;
  const SecretBytes room =
      SecretBytes::Filled(data.size() + kSpareRoom, [&](std::span<std::uint8_t> out) {
        written = out.size();
        code = functions_.C_Decrypt(handle_, Pointer(data), data.size(), out.data(),
                                    &written);
      });
  KMS_CHECK_OK(Check("C_Decrypt", code));
  if (size != 0 ? written != size : written > data.size())
    return WrongLength("C_Decrypt");
  return SecretBytes::CopyOf(room.Reveal().first(written));
}

Result<SecretBytes> Session::Random(std::size_t size) {
  CK_RV code = CKR_OK;
  SecretBytes random = SecretBytes::Filled(size, [&](std::span<std::uint8_t> out) {
    code = functions_.C_GenerateRandom(handle_, out.data(), out.size());
  });
  KMS_CHECK_OK(Check("C_GenerateRandom", code));
  return random;
}

Result<Bytes> Session::Attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  Bytes value(kMaxAttribute);
  CK_ATTRIBUTE attribute{type, value.data(), value.size()};
  KMS_CHECK_OK(Check("C_GetAttributeValue",
                     functions_.C_GetAttributeValue(handle_, object, &attribute, 1)));
  if (attribute.ulValueLen > value.size()) return WrongLength("C_GetAttributeValue");
  value.resize(attribute.ulValueLen);
  return value;
}

Result<bool> Session::Flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  KMS_TRY(const Bytes value, Attribute(object, type));
  if (value.size() != sizeof(CK_BBOOL)) return WrongLength("C_GetAttributeValue");
  return value[0] != CK_FALSE;
}

}  // namespace kms::pkcs11
