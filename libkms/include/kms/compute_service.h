// ComputeService: encryption, data keys and HMACs under symmetric keys (manual 1.3, 4.3,
// 5.7.1 to 5.7.7).
//
// A ciphertext blob names its own key and version, and is authenticated together
// with them and the account (docs/record_format.md), and with the caller's own
// EncryptionContext, which Decrypt has to be given again: another one fails with
// kBadCiphertext.
//
// Under default keys (kms/default_key_service.h) there are Encrypt, Decrypt and the data
// keys alone.
//
// Threads: all methods may be called from many threads at once. Encrypt, Decrypt, the
// data keys, and HMACs under a version that is named take microseconds once the key is
// cached.

#ifndef KMS_COMPUTE_SERVICE_H_
#define KMS_COMPUTE_SERVICE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "kms/digest.h"
#include "kms/encryption_context.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class Domain;

struct Encrypted {
  std::string key;
  std::string version;
  Bytes blob;
};

struct Decrypted {
  std::string key;
  std::string version;
  SecretBytes plaintext;
};

struct DataKey {
  Encrypted encrypted;
  SecretBytes plaintext;
};

// A data key encrypted to somebody else's public key.
struct ExportedDataKey {
  Encrypted encrypted;
  Bytes exported;
};

// For ReEncrypt from a public-key ciphertext.
struct PublicKeySource {
  std::string_view key;
  std::string_view version;
  EncryptionAlgorithm algorithm = EncryptionAlgorithm::kRsaOaepSha256;
};

struct MadeMac {
  std::string key;
  std::string version;
  Digest32 mac;
};

struct MacVerdict {
  std::string key;
  std::string version;
  bool valid = false;
};

class ComputeService {
 public:
  explicit ComputeService(std::shared_ptr<Domain> domain);

  // Encrypt encrypts 1 to 6144 bytes under the primary version.
  // Fails: kPlaintextMissing (empty), kTooLong, kKeyNotFound, kNotSymmetric,
  // kKeyDisabled.
  Result<Encrypted> Encrypt(const RequestContext& context, std::string_view key,
                            ByteView plaintext, const EncryptionContext& bound = {});

  // Decrypt fails with kKeyNotFound if the blob's head names no key of this account and
  // region, kKeyDisabled, and kBadCiphertext for everything else that is wrong.
  Result<Decrypted> Decrypt(const RequestContext& context, ByteView blob,
                            const EncryptionContext& bound = {});

  // GenerateDataKey makes `size` random bytes (1 to 1024), encrypted as by Encrypt.
  // Fails: as Encrypt; kBadParameter (size).
  Result<DataKey> GenerateDataKey(const RequestContext& context, std::string_view key,
                                  std::size_t size, const EncryptionContext& bound = {});

  // GenerateDataKeyWithoutPlaintext is the same, and forgets the plaintext.
  Result<Encrypted> GenerateDataKeyWithoutPlaintext(const RequestContext& context,
                                                    std::string_view key,
                                                    std::size_t size,
                                                    const EncryptionContext& bound = {});

  // ExportDataKey decrypts a blob and encrypts the result to `public_key`.
  // Fails: as Decrypt; kBadRsaKeyLength, kTooLong.
  Result<ExportedDataKey> ExportDataKey(const RequestContext& context, ByteView blob,
                                        ByteView public_key,
                                        EncryptionAlgorithm algorithm,
                                        const EncryptionContext& bound = {});

  // GenerateAndExportDataKey fails as GenerateDataKey and ExportDataKey.
  Result<ExportedDataKey> GenerateAndExportDataKey(const RequestContext& context,
                                                   std::string_view key, std::size_t size,
                                                   ByteView public_key,
                                                   EncryptionAlgorithm algorithm,
                                                   const EncryptionContext& bound = {});

  // ReEncrypt decrypts `ciphertext`, a blob or, with `source`, a public-key ciphertext,
  // and encrypts the result under `destination`. Key and version of the answer are
  // those that decrypted (manual 5.7.7); the plaintext stays inside.
  // Fails: as Decrypt or AsymmetricService::Decrypt; kDestinationKeyNotFound; as
  // Encrypt. A public-key ciphertext is bound to nothing: `bound` must be empty
  // (kBadParameter).
  Result<Encrypted> ReEncrypt(const RequestContext& context, ByteView ciphertext,
                              std::string_view destination, const PublicKeySource* source,
                              const EncryptionContext& bound = {},
                              const EncryptionContext& destination_bound = {});

  // How many versions VerifyMac tries.
  static constexpr std::size_t kTriedVersions = 100;

  // ComputeMac makes HMAC-SM3 of up to 6144 bytes under a key that is derived from
  // `version` of `key`; from the primary version if `version` is empty.
  // Fails: kTooLong, kKeyNotFound, kNotSymmetric, kKeyDisabled, kVersionNotFound.
  Result<MadeMac> ComputeMac(const RequestContext& context, std::string_view key,
                             std::string_view version, ByteView data);

  // VerifyMac tells whether `mac` is that of `data` under `version`; if `version` is
  // empty, under one of the newest kTriedVersions, so that a rotation leaves what was
  // computed before it verifiable. The verdict names the version that made `mac`; if
  // none did, the one that was asked for, else the primary one.
  // Fails: as ComputeMac.
  Result<MacVerdict> VerifyMac(const RequestContext& context, std::string_view key,
                               std::string_view version, ByteView data,
                               const Digest32& mac);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_COMPUTE_SERVICE_H_
