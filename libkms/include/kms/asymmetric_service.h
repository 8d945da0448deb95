// AsymmetricService: signatures and encryption under key pairs (manual 4.4, 5.7.8 to
// 5.7.12). An asymmetric key has no primary version: every call names one.
//
// All methods fail with kKeyNotFound, kNotAsymmetric, kKeyDisabled, kVersionNotFound,
// and kAlgorithmNotSupported if the algorithm does not fit the key.
//
// Threads: all methods may be called from many threads at once. Sign and Decrypt
// take up to a few milliseconds.

#ifndef KMS_ASYMMETRIC_SERVICE_H_
#define KMS_ASYMMETRIC_SERVICE_H_

#include <memory>
#include <string>
#include <string_view>

#include "kms/compute_service.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class Domain;

struct VersionName {
  std::string_view key;  // id or alias
  std::string_view version;
};

struct Signed {
  std::string key;
  std::string version;
  Bytes signature;
};

struct Verified {
  std::string key;
  std::string version;
  bool valid = false;
};

struct PublicKeyDescription {
  std::string key;
  std::string version;
  std::string pem;  // SubjectPublicKeyInfo
};

class AsymmetricService {
 public:
  explicit AsymmetricService(std::shared_ptr<Domain> domain);

  // Sign signs a digest of 32 bytes. Also fails: kNotForSigning, kBadParameter.
  Result<Signed> Sign(const RequestContext& context, const VersionName& name,
                      SignatureAlgorithm algorithm, ByteView digest);

  // Verify: a wrong signature is an answer, not an error. Also fails: kNotForSigning,
  // kBadParameter (digest).
  Result<Verified> Verify(const RequestContext& context, const VersionName& name,
                          SignatureAlgorithm algorithm, ByteView digest,
                          ByteView signature);

  // Encrypt: also fails with kNotForEncryption, kPlaintextMissing, kTooLong.
  Result<Encrypted> Encrypt(const RequestContext& context, const VersionName& name,
                            EncryptionAlgorithm algorithm, ByteView plaintext);

  // Decrypt: also fails with kNotForEncryption, kBadCiphertext; and with
  // kTooManyRequests for PKCS#1 v1.5, when too many ciphertexts of the key were wrong.
  Result<Decrypted> Decrypt(const RequestContext& context, const VersionName& name,
                            EncryptionAlgorithm algorithm, ByteView ciphertext);

  Result<PublicKeyDescription> GetPublicKey(const RequestContext& context,
                                            const VersionName& name);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_ASYMMETRIC_SERVICE_H_
