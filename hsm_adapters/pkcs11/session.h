// Session: the calls of Cryptoki that the adapter makes, with what the token answers
// checked for its length. Failures are Reason::kHsmUnavailable; what the code was stays
// in `fault`, from which the token decides what to do about it.
//
// Threads: one thread at a time.

#ifndef KMS_PKCS11_SESSION_H_
#define KMS_PKCS11_SESSION_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::pkcs11 {

struct KeyPairHandles {
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
};

class Session {
 public:
  Session(CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE handle, CK_RV& fault)
      : functions_(functions), handle_(handle), fault_(fault) {}

  Result<CK_OBJECT_HANDLE> GenerateKey(CK_MECHANISM mechanism, Template key);
  Result<KeyPairHandles> GenerateKeyPair(CK_MECHANISM mechanism, Template public_key,
                                         Template private_key);
  Result<CK_OBJECT_HANDLE> Create(Template object);
  Result<CK_OBJECT_HANDLE> Copy(CK_OBJECT_HANDLE object, Template changes);
  Result<void> Destroy(CK_OBJECT_HANDLE object);
  Result<std::vector<CK_OBJECT_HANDLE>> Find(Template wanted);

  Result<Bytes> Wrap(CK_MECHANISM mechanism, CK_OBJECT_HANDLE wrapping,
                     CK_OBJECT_HANDLE key);
  Result<CK_OBJECT_HANDLE> Unwrap(CK_MECHANISM mechanism, CK_OBJECT_HANDLE unwrapping,
                                  ByteView wrapped, Template key);
  Result<CK_OBJECT_HANDLE> Derive(CK_MECHANISM mechanism, CK_OBJECT_HANDLE base,
                                  Template key);

  Result<SecretBytes> Random(std::size_t size);

  // The result has `size` bytes, or the token has failed.
  Result<Bytes> Encrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView data,
                        std::size_t size);
  Result<Bytes> Sign(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView data,
                     std::size_t size);
  // Likewise; of any size up to that of `data` if `size` is 0.
  Result<SecretBytes> Decrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView data,
                              std::size_t size);

  Result<Bytes> Attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Result<bool> Flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

 private:
  Result<void> Check(std::string_view call, CK_RV code);
  Error WrongLength(std::string_view call);

  CK_FUNCTION_LIST& functions_;
  const CK_SESSION_HANDLE handle_;
  CK_RV& fault_;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_SESSION_H_
