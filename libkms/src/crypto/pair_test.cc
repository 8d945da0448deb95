#include "crypto/pair_test.h"

namespace kms::internal {
namespace {

// A device that does not answer is no verdict on the pair.
Error Unfit(const Error& error) {
  if (error.error_class() == ErrorClass::kUnavailable) return error;
  return Error(Reason::kKeyCreationFailed, "the pairwise test failed");
}

}  // namespace

Result<void> TestPair(KeySpec spec, PrivateKey& private_key, PublicKey& public_key) {
  const bool sm2 = spec == KeySpec::kSm2;
  const auto signing =
      sm2 ? SignatureAlgorithm::kSm2 : SignatureAlgorithm::kRsaPkcs1Sha256;
  const auto encryption =
      sm2 ? EncryptionAlgorithm::kSm2 : EncryptionAlgorithm::kRsaOaepSha256;
  const Bytes probe(32, 0x5A);
  const auto signature = private_key.Sign(signing, probe);
  if (!signature) return Unfit(signature.error());
  const auto verified = public_key.Verify(signing, probe, *signature);
  auto encrypted = public_key.Encrypt(encryption, probe);
  if (!verified || !*verified || !encrypted)
    return Error(Reason::kKeyCreationFailed, "the pairwise test failed");
  auto decrypted = private_key.Decrypt(encryption, *encrypted);
  if (!sm2 && !decrypted &&
      decrypted.error().reason() == Reason::kAlgorithmNotSupported) {
    // A token that knows OAEP with SHA-1 alone.
    constexpr auto kSha1 = EncryptionAlgorithm::kRsaOaepSha1;
    encrypted = public_key.Encrypt(kSha1, probe);
    if (!encrypted) return Unfit(encrypted.error());
    decrypted = private_key.Decrypt(kSha1, *encrypted);
  }
  if (!decrypted) return Unfit(decrypted.error());
  if (!ConstantTimeEqual(decrypted->Reveal(), probe))
    return Error(Reason::kKeyCreationFailed, "the pairwise test failed");
  return {};
}

}  // namespace kms::internal
