#include "kms/certificate_compute_service.h"

#include <string>
#include <utility>

#include "certificates/certificate_domain.h"

namespace kms {
namespace {

using enum CertificateStatus;

struct Found {
  std::shared_ptr<const CertificateRecord> certificate;
  std::shared_ptr<const LoadedVersion> key;
};

// Finds the certificate, checks that its status is one of `allowed` and that `algorithm`
// fits its key, and loads one half of its key pair. What follows computes, so a dry run
// ends here.
template <typename Algorithm, typename Load>
Result<Found> Find(CertificateDomain& certificates, const RequestContext& context,
                   std::string_view id, std::string_view action,
                   std::initializer_list<CertificateStatus> allowed, Algorithm algorithm,
                   Load load) {
  Domain& domain = certificates.domain();
  KMS_TRY(auto snapshot, domain.parts().store.Read());
  KMS_TRY(auto certificate,
          certificates.Find(*snapshot, context, id, action, CertificateHome::kKms));
  KMS_CHECK_OK(CheckStatus(*certificate, allowed));
  if (!Fits(algorithm, certificate->spec))
    return Error(Reason::kAlgorithmNotSupported).About("algorithm");
  KMS_TRY(auto key, (domain.*load)(context, std::move(snapshot), OwnerOf(*certificate),
                                   certificate->version));
  return Found{std::move(certificate), std::move(key)};
}

Result<void> CheckMessage(const SignedMessage& message) {
  if (message.type == MessageType::kDigest && message.message.size() != Digest32().size())
    return Error(Reason::kBadParameter).About("message");
  if (message.message.size() > CertificateComputeService::kMaxMessage)
    return Error(Reason::kTooLong).About("message");
  return {};
}

// What the key signs of the message.
Bytes DigestOf(const Found& found, const SignedMessage& message) {
  if (message.type == MessageType::kDigest)
    return {message.message.begin(), message.message.end()};
  const Digest32 digest = SignedDigest(found.certificate->spec,
                                       found.key->subject_public_key, message.message);
  return {digest.begin(), digest.end()};
}

}  // namespace

CertificateComputeService::CertificateComputeService(
    std::shared_ptr<CertificateDomain> domain)
    : domain_(std::move(domain)) {}

Result<Bytes> CertificateComputeService::Sign(const RequestContext& context,
                                              std::string_view id,
                                              const SignedMessage& message) {
  KMS_CHECK_OK(CheckMessage(message));
  KMS_TRY(const Found found, Find(*domain_, context, id, "kms:cert:privateKeySign",
                                  {kActive}, message.algorithm, &Domain::LoadPrivate));
  KMS_CHECK_OK(CheckTime(*found.certificate, domain_->domain().Now()));
  KMS_CHECK_OK(EndDryRun(context));
  return found.key->private_key->Sign(message.algorithm, DigestOf(found, message));
}

Result<bool> CertificateComputeService::Verify(const RequestContext& context,
                                               std::string_view id,
                                               const SignedMessage& message,
                                               ByteView signature) {
  KMS_CHECK_OK(CheckMessage(message));
  KMS_TRY(const Found found,
          Find(*domain_, context, id, "kms:cert:publicKeyVerity",
               {kActive, kInactive, kRevoked}, message.algorithm, &Domain::LoadPublic));
  KMS_CHECK_OK(EndDryRun(context));
  return found.key->public_key->Verify(message.algorithm, DigestOf(found, message),
                                       signature);
}

Result<Bytes> CertificateComputeService::Encrypt(const RequestContext& context,
                                                 std::string_view id,
                                                 EncryptionAlgorithm algorithm,
                                                 ByteView plaintext) {
  if (plaintext.empty()) return Error(Reason::kPlaintextMissing).About("plaintext");
  if (plaintext.size() > kMaxPlaintext) return Error(Reason::kTooLong).About("plaintext");
  KMS_TRY(const Found found, Find(*domain_, context, id, "kms:cert:publicKeyEncrypt",
                                  {kActive, kInactive}, algorithm, &Domain::LoadPublic));
  KMS_CHECK_OK(EndDryRun(context));
  auto ciphertext = found.key->public_key->Encrypt(algorithm, plaintext);
  if (!ciphertext) return std::move(ciphertext).error().About("plaintext");
  return ciphertext;
}

Result<SecretBytes> CertificateComputeService::Decrypt(const RequestContext& context,
                                                       std::string_view id,
                                                       EncryptionAlgorithm algorithm,
                                                       ByteView ciphertext) {
  KMS_TRY(const Found found, Find(*domain_, context, id, "kms:cert:privateKeyDecrypt",
                                  {kActive}, algorithm, &Domain::LoadPrivate));
  KMS_CHECK_OK(EndDryRun(context));
  auto plaintext = domain_->domain().DecryptWith(*found.key, algorithm, ciphertext);
  if (!plaintext) return std::move(plaintext).error().About("ciphertextBlob");
  return plaintext;
}

Result<SecretBytes> CertificateComputeService::Random(const RequestContext& context,
                                                      std::size_t size,
                                                      ProtectionLevel level) {
  if (size == 0 || size > kMaxRandom)
    return Error(Reason::kBadParameter).About("randomDataLength");
  KMS_CHECK_OK(domain_->parts().policy.MayAnywhere(context, "kms:cert:getRandom"));
  KMS_TRY(CryptoBackend* const backend, domain_->domain().BackendOf(context, level));
  KMS_CHECK_OK(EndDryRun(context));
  return backend->Random(size);
}

}  // namespace kms
