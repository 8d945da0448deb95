#include "kms/asymmetric_service.h"

#include <string>
#include <utility>

#include "keys/domain.h"
#include "kms/encoding.h"

namespace kms {
namespace {

struct Named {
  std::shared_ptr<const KeyRecord> key;
  std::shared_ptr<const LoadedVersion> version;
};

// A key pair that is enabled.
Result<std::shared_ptr<const KeyRecord>> KeyPairOf(Domain& domain,
                                                   const Snapshot& snapshot,
                                                   const RequestContext& context,
                                                   std::string_view name,
                                                   std::string_view action) {
  KMS_TRY(auto key, domain.FindKey(snapshot, context, name, action));
  KMS_CHECK_OK(CheckDefault(Action::kUse, *key));
  if (IsSymmetric(key->spec)) return Reason::kNotAsymmetric;
  KMS_CHECK_OK(CheckState(Action::kUse, *key, domain.Now()));
  return key;
}

// Finds the key, checks that it is an enabled key pair for `usage`, and that
// `algorithm` fits it; loads one half of the version. Nothing is held of the store
// afterwards. What follows computes, so a dry run ends here.
template <typename Algorithm, typename Load>
Result<Named> Find(Domain& domain, const RequestContext& context, const VersionName& name,
                   std::string_view action, KeyUsage usage, Algorithm algorithm,
                   Load load) {
  KMS_TRY(auto snapshot, domain.parts().store.Read());
  KMS_TRY(auto key, KeyPairOf(domain, *snapshot, context, name.key, action));
  if (key->usage != usage)
    return usage == KeyUsage::kSignVerify ? Reason::kNotForSigning
                                          : Reason::kNotForEncryption;
  if (!Fits(algorithm, key->spec))
    return Error(Reason::kAlgorithmNotSupported).About("algorithm");
  KMS_TRY(auto version, (domain.*load)(context, std::move(snapshot), *key, name.version));
  KMS_CHECK_OK(EndDryRun(context));
  return Named{std::move(key), std::move(version)};
}

std::string ToPem(ByteView der) {
  constexpr std::size_t kLine = 64;
  const std::string base64 = ToBase64(der);
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t at = 0; at < base64.size(); at += kLine)
    pem.append(base64, at, kLine).push_back('\n');
  return pem += "-----END PUBLIC KEY-----\n";
}

}  // namespace

AsymmetricService::AsymmetricService(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)) {}

Result<Signed> AsymmetricService::Sign(const RequestContext& context,
                                       const VersionName& name,
                                       SignatureAlgorithm algorithm, ByteView digest) {
  KMS_TRY(const Named named,
          Find(*domain_, context, name, "kms:cmk:asymmetricSign", KeyUsage::kSignVerify,
               algorithm, &Domain::LoadPrivate));
  auto signature = named.version->private_key->Sign(algorithm, digest);
  if (!signature) return std::move(signature).error().About("digest");
  return Signed{named.key->id, named.version->id, std::move(signature).value()};
}

Result<Verified> AsymmetricService::Verify(const RequestContext& context,
                                           const VersionName& name,
                                           SignatureAlgorithm algorithm, ByteView digest,
                                           ByteView signature) {
  KMS_TRY(const Named named, Find(*domain_, context, name, "kms:cmk:asymmetricVerify",
                                  KeyUsage::kSignVerify, algorithm, &Domain::LoadPublic));
  auto valid = named.version->public_key->Verify(algorithm, digest, signature);
  if (!valid) return std::move(valid).error().About("digest");
  return Verified{named.key->id, named.version->id, *valid};
}

Result<Encrypted> AsymmetricService::Encrypt(const RequestContext& context,
                                             const VersionName& name,
                                             EncryptionAlgorithm algorithm,
                                             ByteView plaintext) {
  if (plaintext.empty()) return Error(Reason::kPlaintextMissing).About("plaintext");
  if (plaintext.size() > kMaxPlaintext) return Error(Reason::kTooLong).About("plaintext");
  KMS_TRY(const Named named,
          Find(*domain_, context, name, "kms:cmk:asymmetricEncrypt",
               KeyUsage::kEncryptDecrypt, algorithm, &Domain::LoadPublic));
  auto ciphertext = named.version->public_key->Encrypt(algorithm, plaintext);
  if (!ciphertext) return std::move(ciphertext).error().About("plaintext");
  return Encrypted{named.key->id, named.version->id, std::move(ciphertext).value()};
}

Result<Decrypted> DecryptWithPrivateKey(Domain& domain, const RequestContext& context,
                                        const VersionName& name,
                                        EncryptionAlgorithm algorithm,
                                        ByteView ciphertext, std::string_view action) {
  KMS_TRY(const Named named,
          Find(domain, context, name, action, KeyUsage::kEncryptDecrypt, algorithm,
               &Domain::LoadPrivate));
  auto plaintext = domain.DecryptWith(*named.version, algorithm, ciphertext);
  if (!plaintext) return std::move(plaintext).error().About("ciphertextBlob");
  return Decrypted{named.key->id, named.version->id, std::move(plaintext).value()};
}

Result<Decrypted> AsymmetricService::Decrypt(const RequestContext& context,
                                             const VersionName& name,
                                             EncryptionAlgorithm algorithm,
                                             ByteView ciphertext) {
  return DecryptWithPrivateKey(*domain_, context, name, algorithm, ciphertext,
                               "kms:cmk:asymmetricDecrypt");
}

Result<PublicKeyDescription> AsymmetricService::GetPublicKey(
    const RequestContext& context, const VersionName& name) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto key,
          KeyPairOf(*domain_, *snapshot, context, name.key, "kms:cmk:getPublicKey"));
  KMS_TRY(const VersionRecord version,
          domain_->ReadVersion(*snapshot, *key, name.version));
  return PublicKeyDescription{key->id, version.id, ToPem(version.public_key)};
}

}  // namespace kms
