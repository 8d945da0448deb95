// What every backend does alike.

#include "kms/crypto_backend.h"

#include <utility>

namespace kms {

SymmetricKey::~SymmetricKey() = default;
PrivateKey::~PrivateKey() = default;
PublicKey::~PublicKey() = default;
CryptoBackend::~CryptoBackend() = default;

bool SymmetricKey::waits() const { return false; }
bool PrivateKey::waits() const { return false; }
bool CryptoBackend::keeps_objects() const { return false; }
Result<void> CryptoBackend::Destroy(std::string_view) { return {}; }
Result<void> CryptoBackend::Check() { return {}; }

bool Fits(SignatureAlgorithm algorithm, KeySpec spec) {
  return spec ==
         (algorithm == SignatureAlgorithm::kSm2 ? KeySpec::kSm2 : KeySpec::kRsa2048);
}

bool Fits(EncryptionAlgorithm algorithm, KeySpec spec) {
  return spec ==
         (algorithm == EncryptionAlgorithm::kSm2 ? KeySpec::kSm2 : KeySpec::kRsa2048);
}

Result<ImportedKey> CryptoBackend::ImportWrapped(KeySpec spec, const Place& place,
                                                 const WrappingPair& pair,
                                                 ByteView wrapped, ByteView label) {
  return ImportThrough(*this, *this, spec, place, pair, wrapped, label);
}

Result<WrappedKey> CryptoBackend::ImportPair(KeySpec, const Place&, const SecretBytes&,
                                             ByteView) {
  return Reason::kAlgorithmNotSupported;
}

Result<SecretBytes> CryptoBackend::ExportPair(KeySpec, const Place&, ByteView) {
  return Reason::kPrivateKeyNotExportable;
}

Result<ImportedKey> ImportThrough(CryptoBackend& of_pair, CryptoBackend& of_key,
                                  KeySpec spec, const Place& place,
                                  const WrappingPair& pair, ByteView wrapped,
                                  ByteView label) {
  if (!IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
  const std::size_t size = KeyBytes(spec);
  KMS_TRY(const auto private_key,
          of_pair.LoadPrivate(KeySpec::kRsa2048, pair.place, pair.sealed));
  auto opened = private_key->DecryptKey(pair.algorithm, wrapped, size);
  // After PKCS#1 v1.5 nobody may learn whether the padding, the length or the material
  // was wrong: the rest is done with stand-in bytes, and ends the same way.
  const bool silent = pair.algorithm == EncryptionAlgorithm::kRsaPkcs1 && !opened &&
                      opened.error().error_class() == ErrorClass::kAuthFailed;
  if (!opened && !silent) return std::move(opened).error();
  const SecretBytes material =
      opened ? std::move(opened).value() : SecretBytes::Filled(size, [](auto) {});
  const Digest32 print = Hmac(DigestAlgorithm::kSha256, material.Reveal(), label);
  KMS_TRY(WrappedKey key, of_key.Import(spec, place, material));
  if (silent) return Reason::kBadCiphertext;
  return ImportedKey{std::move(key), print};
}

}  // namespace kms
