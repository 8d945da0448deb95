// ImportService: material that the user brings (BYOK; manual 4.2.3, 5.5).
//
// A token belongs to one key and one algorithm, has a wrapping key pair of its own,
// lives 24 hours and may be used again within them; ten failures void it. Material
// is bound to its key for ever: after a deletion or an expiry the same material can
// be imported again, and no other.
//
// Threads, durability: as kms/key_service.h.

#ifndef KMS_IMPORT_SERVICE_H_
#define KMS_IMPORT_SERVICE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"

namespace kms {

class Domain;

struct ImportParameters {
  std::string key;
  Bytes public_key;  // DER SubjectPublicKeyInfo, RSA of 2048 bits
  Bytes token;
  UnixMillis token_expires = 0;
};

class ImportService {
 public:
  explicit ImportService(std::shared_ptr<Domain> domain);

  // GetParameters fails with kKeyNotFound, kCannotImport (made by the KMS),
  // kKeyDisabled, kDeletionPending, kAlgorithmNotSupported, kQuotaUsedUp (too many
  // live tokens).
  Result<ImportParameters> GetParameters(const RequestContext& context,
                                         std::string_view key,
                                         EncryptionAlgorithm algorithm);

  // ImportMaterial gives the key its material, or the same material a new `expires`.
  // Fails: kKeyNotFound, kCannotImport, kKeyDisabled, kDeletionPending; kBadImportToken
  // (malformed, of another key, expired, void); kBadParameter (`expires` is past);
  // kBadCiphertext (does not unwrap; after PKCS#1 v1.5 also wrong length or other
  // material); kBadAesKeyLength; kOtherKeyMaterial.
  Result<void> ImportMaterial(const RequestContext& context, std::string_view key,
                              ByteView token, ByteView wrapped_material,
                              std::optional<UnixMillis> expires);

  // DeleteMaterial leaves the key pending import.
  // Fails: kKeyNotFound, kCannotImport, kDeletionPending.
  Result<void> DeleteMaterial(const RequestContext& context, std::string_view key);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_IMPORT_SERVICE_H_
