#include "kms/certificate_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "certificates/certificate_domain.h"
#include "x509/alternative_names.h"
#include "x509/certificate_chain.h"
#include "x509/certificate_request.h"
#include "x509/pkcs12.h"
#include "x509/private_key.h"
#include "x509/subject.h"

namespace kms {
namespace {

constexpr CertificateHome kHome = CertificateHome::kKms;
constexpr std::string_view kCreateAction = "kms:cert:create";
constexpr std::string_view kImportAction = "kms:cert:import";

CertificateRecord NewRecord(const RequestContext& context, KeySpec spec,
                            ProtectionLevel level, std::string_view project,
                            UnixMillis now) {
  CertificateRecord certificate;
  certificate.account = context.principal.account;
  certificate.region = context.region;
  certificate.project = project;
  certificate.creator = context.principal.user;
  certificate.spec = spec;
  certificate.level = level;
  certificate.created = certificate.updated = now;
  return certificate;
}

Result<void> CheckHsm(const Parts& parts, ProtectionLevel level) {
  if (level == ProtectionLevel::kHsm && parts.hsm == nullptr)
    return Error(Reason::kHsmKeyCreationFailed, "there is no HSM");
  return {};
}

Result<void> CheckImportable(const CertificateRecord& certificate) {
  return CheckStatus(certificate,
                     {CertificateStatus::kPending, CertificateStatus::kActive});
}

std::size_t CountCharacters(ByteView utf8) {
  // Those that do not continue another.
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](std::uint8_t byte) { return (byte & 0xc0) != 0x80; }));
}

// The request, signed by the key pair that was just made.
Result<std::string> SignRequest(const Domain& domain, const RequestContext& context,
                                const MaterialOwner& owner,
                                const Domain::MadeVersion& made, ByteView subject,
                                ByteView alternative_names) {
  KMS_TRY(CryptoBackend* const backend, domain.BackendOf(context, owner.level));
  KMS_TRY(const x509::UnsignedRequest request,
          x509::NewRequest({subject, alternative_names, made.material.key.public_key}));
  KMS_TRY(const auto key,
          backend->LoadPrivate(
              owner.spec,
              Domain::MaterialPlace(owner, made.record.id, made.material.instance),
              made.material.key.sealed));
  KMS_TRY(const Bytes signature, key->Sign(request.algorithm, request.digest));
  return x509::SignedRequest(request, signature);
}

}  // namespace

CertificateService::CertificateService(std::shared_ptr<CertificateDomain> domain)
    : domain_(std::move(domain)) {}

Result<NewCertificateRequest> CertificateService::Create(const RequestContext& context,
                                                         const NewCertificate& wanted) {
  Domain& domain = domain_->domain();
  const auto answer = [](const std::string& outcome) -> Result<NewCertificateRequest> {
    KMS_TRY(CertificateOutcome made, ReadCertificateAs<CertificateOutcome>(outcome));
    return NewCertificateRequest{std::move(made.id), std::move(made.request)};
  };
  if (IsSymmetric(wanted.spec)) return Error(Reason::kBadKeySpec).About("keySpec");
  KMS_TRY(const Bytes subject, x509::ReadSubject(wanted.subject));
  KMS_TRY(const Bytes names, x509::ReadAlternativeNames(wanted.alternative_names));
  if (wanted.exportable && wanted.level == ProtectionLevel::kHsm)
    return Error(Reason::kPrivateKeyNotExportable).About("exportablePrivateKey");
  KMS_TRY(const auto repeated, domain.RepeatedOutcome(context));
  if (repeated) return answer(*repeated);
  // Asked before the costly generation, and again when it counts.
  const auto check = [&](const Reader& reader) {
    return domain_->CheckNew(reader, context, kCreateAction, wanted.project, kHome);
  };
  {
    KMS_TRY(const auto snapshot, domain.parts().store.Read());
    KMS_CHECK_OK(check(*snapshot));
  }
  KMS_CHECK_OK(CheckHsm(domain.parts(), wanted.level));

  const UnixMillis now = domain.Now();
  CertificateRecord certificate =
      NewRecord(context, wanted.spec, wanted.level, wanted.project, now);
  KMS_TRY(certificate.id, domain.NewId());
  certificate.exportable = wanted.exportable;
  KMS_TRY(const Domain::MadeVersion made,
          domain.NewVersion(context, OwnerOf(certificate), now));
  CertificateTextsRecord texts;
  if (!context.dry_run) {
    auto request =
        SignRequest(domain, context, OwnerOf(certificate), made, subject, names);
    if (!request) {
      (void)domain.Abandon(certificate.id, made.material);
      return std::move(request).error();
    }
    texts.request = *std::move(request);
  }
  certificate.version = made.record.id;
  KMS_TRY(const std::string outcome,
          domain.Change(
              context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
                KMS_CHECK_OK(check(transaction));
                VersionRecord version = made.record;
                KMS_CHECK_OK(Domain::KeepMaterial(transaction, made.material, version));
                KMS_CHECK_OK(
                    CertificateDomain::Add(transaction, certificate, version, texts));
                note.key = certificate.id;
                note.outcome =
                    WriteCertificate(CertificateOutcome{certificate.id, texts.request});
                return {};
              }));
  return answer(outcome);
}

Result<void> CertificateService::Import(const RequestContext& context,
                                        std::string_view id, std::string_view certificate,
                                        std::string_view chain) {
  Domain& domain = domain_->domain();
  KMS_TRY(const auto repeated, domain.RepeatedOutcome(context));
  if (repeated) return {};
  {
    // Before the costly reading, and again when it counts.
    KMS_TRY(const auto snapshot, domain.parts().store.Read());
    KMS_TRY(const auto found,
            domain_->Read(*snapshot, context, id, kImportAction, kHome));
    KMS_CHECK_OK(CheckImportable(found));
  }
  KMS_TRY(const x509::Certificate leaf, x509::ReadCertificate(certificate));
  KMS_TRY(const auto issuers, x509::ReadChain(chain));
  KMS_CHECK_OK(x509::CheckChain(leaf, issuers, domain.Now()));
  return domain_->Change(
      context, id, kImportAction, kHome,
      [&](Transaction& transaction, CertificateRecord& changed) -> Result<void> {
        KMS_CHECK_OK(CheckImportable(changed));
        KMS_TRY(const VersionRecord version,
                domain.ReadVersion(transaction, OwnerOf(changed), changed.version));
        if (leaf.public_key != version.public_key)
          return Error(Reason::kCertificateMismatch).About("certificate");
        KMS_TRY(CertificateTextsRecord texts,
                CertificateDomain::ReadTexts(transaction, changed));
        Fill(leaf, issuers, changed, texts);
        changed.status = CertificateStatus::kActive;
        transaction.Put(place::CertificateTexts(changed.account, changed.id),
                        WriteCertificate(texts));
        return {};
      });
}

Result<std::string> CertificateService::ImportPkcs12(const RequestContext& context,
                                                     const NewPkcs12Certificate& wanted) {
  Domain& domain = domain_->domain();
  const auto answer = [](const std::string& outcome) -> Result<std::string> {
    KMS_TRY(CertificateOutcome made, ReadCertificateAs<CertificateOutcome>(outcome));
    return std::move(made.id);
  };
  KMS_TRY(const auto repeated, domain.RepeatedOutcome(context));
  if (repeated) return answer(*repeated);
  const auto check = [&](const Reader& reader) {
    return domain_->CheckNew(reader, context, kImportAction, wanted.project, kHome);
  };
  {
    KMS_TRY(const auto snapshot, domain.parts().store.Read());
    KMS_CHECK_OK(check(*snapshot));
  }
  KMS_CHECK_OK(CheckHsm(domain.parts(), wanted.level));
  // Not opened twice, only to find out that the HSM has to be waited for.
  KMS_CHECK_OK(domain.BackendOf(context, wanted.level));

  auto opened = x509::OpenPkcs12(wanted.file, wanted.pass_phrase);
  if (!opened && opened.error().reason() == Reason::kBadPkcs12)
    return std::move(opened).error().About("pkcs12Blob");
  if (!opened) return std::move(opened).error();
  const UnixMillis now = domain.Now();
  KMS_CHECK_OK(x509::CheckChain(opened->certificate, opened->chain, now));

  CertificateRecord certificate =
      NewRecord(context, opened->key.spec, wanted.level, wanted.project, now);
  KMS_TRY(certificate.id, domain.NewId());
  certificate.status = CertificateStatus::kActive;
  CertificateTextsRecord texts;
  Fill(opened->certificate, opened->chain, certificate, texts);
  KMS_TRY(const Domain::MadeVersion made,
          domain.NewVersion(context, OwnerOf(certificate), now,
                            [&](CryptoBackend& backend, const Place& place) {
                              return backend.ImportPair(opened->key.spec, place,
                                                        opened->key.secret,
                                                        opened->key.public_key);
                            }));
  certificate.version = made.record.id;
  KMS_TRY(const std::string outcome,
          domain.Change(
              context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
                KMS_CHECK_OK(check(transaction));
                VersionRecord version = made.record;
                KMS_CHECK_OK(Domain::KeepMaterial(transaction, made.material, version));
                KMS_CHECK_OK(
                    CertificateDomain::Add(transaction, certificate, version, texts));
                note.key = certificate.id;
                note.outcome = WriteCertificate(CertificateOutcome{certificate.id, {}});
                return {};
              }));
  return answer(outcome);
}

Result<Page<CertificateSummary>> CertificateService::List(const RequestContext& context,
                                                          const CertificateFilter& filter,
                                                          const PageRequest& page) {
  return domain_->List(context, "kms:cert:list", kHome, page, {filter.tag, nullptr});
}

Result<CertificateDescription> CertificateService::Describe(const RequestContext& context,
                                                            std::string_view id) {
  return domain_->Describe(context, id, "kms:cert:describe", kHome);
}

Result<CertificateTexts> CertificateService::Get(const RequestContext& context,
                                                 std::string_view id) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const auto certificate,
          domain_->Read(*snapshot, context, id, "kms:cert:get", kHome));
  KMS_TRY(CertificateTextsRecord texts,
          CertificateDomain::ReadTexts(*snapshot, certificate));
  return CertificateTexts{std::move(texts.request), std::move(texts.certificate),
                          std::move(texts.chain)};
}

Result<void> CertificateService::SetStatus(const RequestContext& context,
                                           std::string_view id,
                                           CertificateStatus status) {
  if (status == CertificateStatus::kPending)
    return Error(Reason::kBadParameter).About("status");
  return domain_->SetStatus(context, id, "kms:cert:update", kHome, status);
}

Result<void> CertificateService::Delete(const RequestContext& context,
                                        std::string_view id) {
  return domain_->Delete(context, id, "kms:cert:delete", kHome);
}

Result<ExportedCertificate> CertificateService::Export(const RequestContext& context,
                                                       std::string_view id,
                                                       const SecretBytes& pass_phrase) {
  Domain& domain = domain_->domain();
  const std::size_t characters = CountCharacters(pass_phrase.Reveal());
  if (characters < kMinPassPhrase || characters > kMaxPassPhrase)
    return Error(Reason::kBadParameter).About("passPhrase");
  KMS_TRY(auto snapshot, domain.parts().store.Read());
  KMS_TRY(const CertificateRecord certificate,
          domain_->Read(*snapshot, context, id, "kms:cert:exportPrivatkey", kHome));
  if (!certificate.exportable) return Reason::kPrivateKeyNotExportable;
  KMS_CHECK_OK(CheckStatus(certificate,
                           {CertificateStatus::kActive, CertificateStatus::kInactive}));
  KMS_CHECK_OK(EndDryRun(context));
  KMS_TRY(CertificateTextsRecord texts,
          CertificateDomain::ReadTexts(*snapshot, certificate));
  KMS_TRY(const VersionRecord version,
          domain.ReadVersion(*snapshot, OwnerOf(certificate), certificate.version));
  snapshot.reset();  // what follows takes long
  KMS_TRY(CryptoBackend* const backend, domain.BackendOf(context, certificate.level));
  KMS_TRY(const SecretBytes secret,
          backend->ExportPair(certificate.spec,
                              Domain::MaterialPlace(OwnerOf(certificate), version.id,
                                                    version.instance.value_or("")),
                              version.sealed));
  KMS_TRY(const x509::Certificate leaf, x509::ReadCertificate(texts.certificate));
  KMS_TRY(const auto chain, x509::ReadChain(texts.chain));
  ExportedCertificate exported;
  exported.id = certificate.id;
  KMS_TRY(exported.pkcs12,
          x509::SealPkcs12(certificate.spec, secret, leaf, chain, pass_phrase));
  KMS_TRY(exported.private_key,
          x509::EncryptedPkcs8(certificate.spec, secret, pass_phrase));
  exported.certificate = std::move(texts.certificate);
  exported.chain = std::move(texts.chain);
  return exported;
}

}  // namespace kms
