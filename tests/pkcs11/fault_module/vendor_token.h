// VendorToken: what the rule `* vendor-sm` adds to the target: keys of SM2 and SM4
// (vendor_sm.h), computed in this process. A device for tests, not for secrets.
//
// All its keys are session objects with handles of their own: they go with the session
// that made them, or with the login. C_FindObjects does not list them. Wrapped keys have
// a form of their own, so that a wrapping key with any CKA_UNWRAP_TEMPLATE will do: the
// target wraps a random generic secret, and what follows is the key, sealed under a key
// that the target's HMAC derives from that secret when it is unwrapped. What the unwrap
// template says of CKA_SENSITIVE and CKA_EXTRACTABLE then holds for the vendor key.
//
// Functions that may be for the target return nothing if they are: then it is to be
// called. Threads: any, while the target is shared.

#ifndef KMS_TESTS_PKCS11_FAULT_MODULE_VENDOR_TOKEN_H_
#define KMS_TESTS_PKCS11_FAULT_MODULE_VENDOR_TOKEN_H_

#include <botan/secmem.h>
#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace kms::fault {

class VendorToken {
 public:
  enum class Use : std::uint8_t { kEncrypt, kDecrypt, kSign };

  static const std::vector<CK_MECHANISM_TYPE>& Mechanisms();
  static std::optional<CK_RV> Describe(CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info);

  std::optional<CK_RV> Generate(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session,
                                CK_MECHANISM* mechanism, CK_ATTRIBUTE* attributes,
                                CK_ULONG count, CK_OBJECT_HANDLE* key);
  std::optional<CK_RV> GeneratePair(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session,
                                    CK_MECHANISM* mechanism,
                                    CK_ATTRIBUTE* public_template, CK_ULONG public_count,
                                    CK_ATTRIBUTE* private_template,
                                    CK_ULONG private_count, CK_OBJECT_HANDLE* public_key,
                                    CK_OBJECT_HANDLE* private_key);
  std::optional<CK_RV> Init(CK_FUNCTION_LIST& target, Use use, CK_SESSION_HANDLE session,
                            CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key);
  std::optional<CK_RV> Run(Use use, CK_SESSION_HANDLE session, CK_BYTE* in,
                           CK_ULONG in_size, CK_BYTE* out, CK_ULONG* out_size);
  std::optional<CK_RV> Wrap(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session,
                            CK_MECHANISM* mechanism, CK_OBJECT_HANDLE wrapping,
                            CK_OBJECT_HANDLE key, CK_BYTE* out, CK_ULONG* out_size);
  std::optional<CK_RV> Unwrap(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session,
                              CK_MECHANISM* mechanism, CK_OBJECT_HANDLE unwrapping,
                              CK_BYTE* wrapped, CK_ULONG wrapped_size,
                              CK_ATTRIBUTE* attributes, CK_ULONG count,
                              CK_OBJECT_HANDLE* key);
  std::optional<CK_RV> Read(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session,
                            CK_OBJECT_HANDLE key, CK_ATTRIBUTE* attributes,
                            CK_ULONG count);
  std::optional<CK_RV> Destroy(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session,
                               CK_OBJECT_HANDLE key);

  // Forget drops what belongs to the session, Clear everything.
  void Forget(CK_SESSION_HANDLE session);
  void Clear();

 private:
  using Secret = Botan::secure_vector<std::uint8_t>;
  using Attributes = std::map<CK_ATTRIBUTE_TYPE, Secret>;

  struct Key {
    CK_SESSION_HANDLE session = 0;
    CK_KEY_TYPE type = 0;
    CK_OBJECT_CLASS object_class = 0;
    Secret value;  // of SM4 16 bytes, of SM2 the scalar or the point
    Attributes attributes;

    bool Flag(CK_ATTRIBUTE_TYPE type, bool otherwise) const;
  };
  struct Operation {
    std::shared_ptr<const Key> key;
    CK_MECHANISM_TYPE mechanism = 0;
    Secret nonce, aad;
  };

  static Attributes Copy(const CK_ATTRIBUTE* attributes, CK_ULONG count);
  static std::shared_ptr<Key> NewKey(CK_SESSION_HANDLE session, CK_KEY_TYPE type,
                                     CK_OBJECT_CLASS object_class, Attributes attributes);
  static CK_RV Compute(Use use, const Operation& operation, const CK_BYTE* in,
                       CK_ULONG in_size, Secret* out);

  CK_OBJECT_HANDLE Keep(std::shared_ptr<const Key> key);
  std::shared_ptr<const Key> Find(CK_OBJECT_HANDLE handle);

  std::mutex mutex_;
  CK_OBJECT_HANDLE last_ = 0;
  std::map<CK_OBJECT_HANDLE, std::shared_ptr<const Key>> keys_;
  std::map<std::pair<CK_SESSION_HANDLE, Use>, Operation> operations_;
};

}  // namespace kms::fault

#endif  // KMS_TESTS_PKCS11_FAULT_MODULE_VENDOR_TOKEN_H_
