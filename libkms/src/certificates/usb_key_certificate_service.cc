#include "kms/usb_key_certificate_service.h"

#include <algorithm>
#include <utility>

#include "certificates/certificate_domain.h"
#include "crypto/sm2_der.h"
#include "identity/records.h"
#include "kms/certificate_compute_service.h"
#include "x509/certificate_chain.h"
#include "x509/revocation_list.h"

namespace kms {
namespace {

constexpr CertificateHome kHome = CertificateHome::kUsbKey;
constexpr std::string_view kImportAction = "kms:cert:importCertificateForUK";
constexpr std::size_t kNumber = 32;  // bytes of r, and of s

// DER of what devices return: that already, or two numbers, each in its own size.
Bytes ToDer(ByteView signature) {
  constexpr std::size_t kPadded = 2 * kNumber;
  const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
  if (signature.size() == 2 * kNumber) return internal::Sm2DerSignature(signature);
  if (signature.size() == 2 * kPadded &&
      std::ranges::all_of(signature.first(kNumber), is_zero) &&
      std::ranges::all_of(signature.subspan(kPadded, kNumber), is_zero)) {
    Bytes plain;
    for (const std::size_t at : {kNumber, kPadded + kNumber})
      plain.insert(plain.end(), signature.begin() + static_cast<std::ptrdiff_t>(at),
                   signature.begin() + static_cast<std::ptrdiff_t>(at + kNumber));
    return internal::Sm2DerSignature(plain);
  }
  return {signature.begin(), signature.end()};
}

}  // namespace

UsbKeyCertificateService::UsbKeyCertificateService(
    std::shared_ptr<CertificateDomain> domain)
    : domain_(std::move(domain)) {}

Result<std::string> UsbKeyCertificateService::Import(const RequestContext& context,
                                                     const NewUsbKeyCertificate& wanted) {
  Domain& domain = domain_->domain();
  const auto answer = [](const std::string& outcome) -> Result<std::string> {
    KMS_TRY(CertificateOutcome made, ReadCertificateAs<CertificateOutcome>(outcome));
    return std::move(made.id);
  };
  KMS_TRY(const auto repeated, domain.RepeatedOutcome(context));
  if (repeated) return answer(*repeated);
  const auto check = [&](const Reader& reader) {
    return domain_->CheckNew(reader, context, kImportAction, kDefaultProject, kHome);
  };
  {
    KMS_TRY(const auto snapshot, domain.parts().store.Read());
    KMS_CHECK_OK(check(*snapshot));
  }
  const UnixMillis now = domain.Now();
  auto leaf = x509::ReadCertificate(wanted.certificate);
  if (!leaf) return std::move(leaf).error().About("cert");
  KMS_TRY(const auto chain, x509::ReadChain(wanted.chain));
  KMS_CHECK_OK(x509::CheckChain(*leaf, chain, now));
  if (leaf->key_spec != wanted.spec)
    return Error(Reason::kCertificateMismatch).About("algorithm");
  bool revoked = false;
  if (!wanted.revocation_list.empty()) {
    const x509::Certificate* issuer = chain.empty() ? nullptr : &chain.front();
    if (chain.empty() && leaf->issuer == leaf->subject) issuer = &*leaf;
    KMS_TRY(revoked, x509::IsRevoked(wanted.revocation_list, *leaf, issuer));
  }

  CertificateRecord certificate;
  KMS_TRY(certificate.id, domain.NewId());
  certificate.account = context.principal.account;
  certificate.region = context.region;
  certificate.project = kDefaultProject;
  certificate.creator = context.principal.user;
  certificate.usb_key = wanted.name;
  certificate.spec = wanted.spec;
  certificate.status = revoked ? CertificateStatus::kRevoked : CertificateStatus::kActive;
  certificate.created = certificate.updated = now;
  CertificateTextsRecord texts;
  Fill(*leaf, chain, certificate, texts);
  // A version without material: its public half is all there is.
  VersionRecord version;
  KMS_TRY(version.id, domain.NewId());
  version.key = certificate.id;
  version.account = certificate.account;
  version.created = now;
  version.public_key = leaf->public_key;
  certificate.version = version.id;
  KMS_TRY(const std::string outcome,
          domain.Change(
              context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
                KMS_CHECK_OK(check(transaction));
                KMS_CHECK_OK(
                    CertificateDomain::Add(transaction, certificate, version, texts));
                note.key = certificate.id;
                note.outcome = WriteCertificate(CertificateOutcome{certificate.id, {}});
                return {};
              }));
  return answer(outcome);
}

Result<Page<CertificateSummary>> UsbKeyCertificateService::List(
    const RequestContext& context, const UsbKeyCertificateFilter& filter,
    const PageRequest& page) {
  CertificateDomain::Filter wanted{filter.tag, nullptr};
  if (filter.spec || filter.status || !filter.ids.empty())
    wanted.accepts = [&](const CertificateRecord& certificate) {
      return (!filter.spec || certificate.spec == *filter.spec) &&
             (!filter.status || certificate.status == *filter.status) &&
             (filter.ids.empty() ||
              std::ranges::find(filter.ids, certificate.id) != filter.ids.end());
    };
  return domain_->List(context, "kms:cert:listCertificateForUk", kHome, page, wanted);
}

Result<CertificateDescription> UsbKeyCertificateService::Describe(
    const RequestContext& context, std::string_view id) {
  return domain_->Describe(context, id, "kms:cert:describeCertificateForUk", kHome);
}

Result<void> UsbKeyCertificateService::SetStatus(const RequestContext& context,
                                                 std::string_view id, bool active) {
  return domain_->SetStatus(
      context, id, "kms:cert:updateCertificateStatusForUk", kHome,
      active ? CertificateStatus::kActive : CertificateStatus::kInactive);
}

Result<void> UsbKeyCertificateService::Delete(const RequestContext& context,
                                              std::string_view id) {
  return domain_->Delete(context, id, "kms:cert:deleteCertificateForUk", kHome);
}

Result<bool> UsbKeyCertificateService::Verify(const RequestContext& context,
                                              std::string_view id,
                                              SignatureAlgorithm algorithm,
                                              ByteView message, ByteView signature) {
  if (message.size() > CertificateComputeService::kMaxMessage)
    return Error(Reason::kTooLong).About("message");
  Domain& domain = domain_->domain();
  KMS_TRY(auto snapshot, domain.parts().store.Read());
  KMS_TRY(const auto certificate,
          domain_->Find(*snapshot, context, id, "kms:cert:publicKeyVerity", kHome));
  KMS_CHECK_OK(CheckStatus(*certificate, {CertificateStatus::kActive}));
  KMS_CHECK_OK(CheckTime(*certificate, domain.Now()));
  if (!Fits(algorithm, certificate->spec))
    return Error(Reason::kAlgorithmNotSupported).About("algorithm");
  KMS_TRY(const auto key, domain.LoadPublic(context, std::move(snapshot),
                                            OwnerOf(*certificate), certificate->version));
  KMS_CHECK_OK(EndDryRun(context));
  const Digest32 digest =
      SignedDigest(certificate->spec, key->subject_public_key, message);
  return key->public_key->Verify(algorithm, digest,
                                 algorithm == SignatureAlgorithm::kSm2
                                     ? ToDer(signature)
                                     : Bytes(signature.begin(), signature.end()));
}

}  // namespace kms
