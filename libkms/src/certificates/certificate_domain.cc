#include "certificates/certificate_domain.h"

#include <algorithm>
#include <utility>

#include "identity/records.h"
#include "keys/paging.h"
#include "keys/projects.h"
#include "kms/sm2_identity.h"
#include "tags/tag_record.h"

namespace kms {
namespace {

constexpr std::size_t kCacheBytes = std::size_t{8} << 20;
constexpr std::size_t kRecordBytes = 1024;  // of a parsed one without its subject, about
constexpr std::size_t kSm2Coordinates = 64;

bool IsAt(const CertificateRecord& certificate, CertificateHome home) {
  return certificate.usb_key.has_value() == (home == CertificateHome::kUsbKey);
}

Result<void> CheckMay(const Domain& domain, const Reader& reader,
                      const RequestContext& context, std::string_view action,
                      const CertificateRecord& certificate) {
  auto may =
      domain.parts().policy.May(reader, context, action,
                                {certificate.account, certificate.region,
                                 certificate.project, certificate.id, kCertificateKind});
  // A store that cannot be read denies nothing.
  if (!may && may.error().error_class() == ErrorClass::kDenied)
    return Reason::kCertificateNotFound;
  return may;
}

std::string PlaceOf(const RequestContext& context, std::string_view id) {
  return place::Certificate(context.principal.account, context.region, id);
}

// Nothing, if there is none.
Result<std::optional<CertificateRecord>> Load(const Reader& reader,
                                              const RequestContext& context,
                                              std::string_view id) {
  KMS_TRY(const auto found, reader.Get(PlaceOf(context, id)));
  if (!found) return std::optional<CertificateRecord>();
  KMS_TRY(auto certificate, ReadCertificateAs<CertificateRecord>(found->value));
  return std::optional<CertificateRecord>(std::move(certificate));
}

Result<CertificateSummary> Summarise(const Reader& reader,
                                     const CertificateRecord& certificate) {
  CertificateSummary summary;
  summary.id = certificate.id;
  summary.name = certificate.usb_key.value_or("");
  summary.account = certificate.account;
  summary.project = certificate.project;
  summary.creator = certificate.creator;
  summary.spec = certificate.spec;
  summary.level = certificate.level;
  summary.exportable = certificate.exportable;
  summary.status = certificate.status;
  summary.created = certificate.created;
  summary.updated = certificate.updated;
  summary.subject = certificate.subject;
  summary.not_before = certificate.not_before;
  summary.not_after = certificate.not_after;
  KMS_TRY(summary.tags,
          DescribeTags(reader, certificate.account, certificate.region, certificate.id));
  return summary;
}

}  // namespace

CertificateDomain::CertificateDomain(std::shared_ptr<Domain> domain)
    : domain_(std::move(domain)), cache_(kCacheBytes) {}

Result<void> CertificateDomain::CheckNew(const Reader& reader,
                                         const RequestContext& context,
                                         std::string_view action,
                                         std::string_view project,
                                         CertificateHome home) const {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(parts().policy.May(
      reader, context, action, {account, context.region, project, {}, kCertificateKind}));
  if (!IsProjectId(project)) return Error(Reason::kBadParameter).About("epId");
  KMS_CHECK_OK(CheckProject(reader, account, project));
  KMS_TRY(const std::size_t live,
          LiveCount(reader, place::CertificateCounter(account, context.region,
                                                      home == CertificateHome::kUsbKey)));
  if (live >= static_cast<std::size_t>(parts().limits.certificates))
    return Reason::kQuotaUsedUp;
  return {};
}

Result<CertificateRecord> CertificateDomain::Read(const Reader& reader,
                                                  const RequestContext& context,
                                                  std::string_view id,
                                                  std::string_view action,
                                                  CertificateHome home) const {
  KMS_TRY(auto certificate, Load(reader, context, id));
  if (!certificate || !IsAt(*certificate, home)) return Reason::kCertificateNotFound;
  KMS_CHECK_OK(CheckMay(*domain_, reader, context, action, *certificate));
  return *std::move(certificate);
}

Result<std::shared_ptr<const CertificateRecord>> CertificateDomain::Find(
    const Snapshot& snapshot, const RequestContext& context, std::string_view id,
    std::string_view action, CertificateHome home) {
  std::string store_key = PlaceOf(context, id);
  KMS_TRY(const auto stored, snapshot.Get(store_key));
  if (!stored) {
    // Deleted, by whichever process: its key goes from memory, too.
    if (cache_.Erase(store_key)) domain_->Forget(id);
    return Reason::kCertificateNotFound;
  }
  std::shared_ptr<const CertificateRecord> certificate;
  if (const auto cached = cache_.Find(store_key);
      cached != nullptr && cached->revision == stored->revision) {
    certificate = cached->record;
  } else {
    KMS_TRY(auto parsed, ReadCertificateAs<CertificateRecord>(stored->value));
    certificate = std::make_shared<const CertificateRecord>(std::move(parsed));
    cache_.Put(std::move(store_key),
               std::make_shared<const Cached>(Cached{stored->revision, certificate}),
               kRecordBytes + certificate->subject.size());
  }
  if (!IsAt(*certificate, home)) return Reason::kCertificateNotFound;
  KMS_CHECK_OK(CheckMay(*domain_, snapshot, context, action, *certificate));
  return certificate;
}

Result<CertificateTextsRecord> CertificateDomain::ReadTexts(
    const Reader& reader, const CertificateRecord& certificate) {
  KMS_TRY(const auto found,
          reader.Get(place::CertificateTexts(certificate.account, certificate.id)));
  if (!found)
    return Error(ErrorClass::kCorrupt, Reason::kInternal,
                 "a certificate has lost its texts");
  return ReadCertificateAs<CertificateTextsRecord>(found->value);
}

Result<void> CertificateDomain::Change(const RequestContext& context, std::string_view id,
                                       std::string_view action, CertificateHome home,
                                       const Body& body) {
  const UnixMillis now = domain_->Now();
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const CertificateRecord before,
                Read(transaction, context, id, action, home));
        CertificateRecord certificate = before;
        KMS_CHECK_OK(body(transaction, certificate));
        certificate.updated = now;
        PutCertificate(transaction, &before, certificate);
        note.key = certificate.id;
        return {};
      }));
  return {};
}

Result<void> CertificateDomain::Add(Transaction& transaction,
                                    CertificateRecord certificate,
                                    const VersionRecord& version,
                                    const CertificateTextsRecord& texts) {
  KMS_TRY(certificate.position,
          Domain::CountUp(transaction, place::CertificateCounter(
                                           certificate.account, certificate.region,
                                           certificate.usb_key.has_value())));
  transaction.Put(place::CertificateTexts(certificate.account, certificate.id),
                  WriteCertificate(texts));
  Domain::PutVersion(transaction, version);
  PutCertificate(transaction, nullptr, certificate);
  return {};
}

Result<void> CertificateDomain::SetStatus(const RequestContext& context,
                                          std::string_view id, std::string_view action,
                                          CertificateHome home,
                                          CertificateStatus status) {
  return Change(context, id, action, home,
                [&](Transaction&, CertificateRecord& certificate) -> Result<void> {
                  if (certificate.status == CertificateStatus::kRevoked &&
                      status == CertificateStatus::kRevoked)
                    return {};
                  KMS_CHECK_OK(CheckStatus(certificate, {CertificateStatus::kActive,
                                                         CertificateStatus::kInactive}));
                  certificate.status = status;
                  return {};
                });
}

Result<void> CertificateDomain::Delete(const RequestContext& context, std::string_view id,
                                       std::string_view action, CertificateHome home) {
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const CertificateRecord gone,
                Read(transaction, context, id, action, home));
        KMS_CHECK_OK(UnbindAll(transaction, gone.account, gone.id));
        KMS_CHECK_OK(Domain::EraseVersions(transaction, gone.account, gone.id));
        transaction.Erase(place::CertificateTexts(gone.account, gone.id));
        ChangeIndex(transaction, IndexOf(gone), {});
        transaction.Erase(place::Certificate(gone.account, gone.region, gone.id));
        note.key = gone.id;
        return Domain::CountDown(transaction,
                                 place::CertificateCounter(gone.account, gone.region,
                                                           gone.usb_key.has_value()),
                                 1);
      }));
  cache_.Erase(PlaceOf(context, id));
  domain_->Forget(id);
  return {};
}

Result<Page<CertificateSummary>> CertificateDomain::List(const RequestContext& context,
                                                         std::string_view action,
                                                         CertificateHome home,
                                                         const PageRequest& page,
                                                         const Filter& wanted) const {
  const Policy& policy = parts().policy;
  const bool usb_key = home == CertificateHome::kUsbKey;
  KMS_CHECK_OK(policy.MayAnywhere(context, action));
  KMS_TRY(const auto snapshot, parts().store.Read());
  const bool all =
      policy.MayEverywhere(*snapshot, context, action, kCertificateKind).has_value();
  const std::string index =
      place::CertificateList(context.principal.account, context.region, usb_key);
  Page<CertificateSummary> listed;

  if (all && !wanted.tag && !wanted.accepts) {
    KMS_TRY(listed.total,
            LiveCount(*snapshot, place::CertificateCounter(context.principal.account,
                                                           context.region, usb_key)));
    KMS_TRY(const auto ids, PageOf(*snapshot, index, page));
    for (const std::string& id : ids) {
      KMS_TRY(const auto certificate, Load(*snapshot, context, id));
      if (!certificate) continue;
      KMS_TRY(CertificateSummary summary, Summarise(*snapshot, *certificate));
      listed.items.push_back(std::move(summary));
    }
    return listed;
  }

  const std::size_t first = FirstOf(page);
  KMS_TRY(const auto ids, PageOf(*snapshot, index, {0, kAllRecords}));
  for (const std::string& id : ids) {
    KMS_TRY(const auto certificate, Load(*snapshot, context, id));
    if (!certificate || (wanted.accepts && !wanted.accepts(*certificate))) continue;
    if (!all) {
      const auto may = CheckMay(*domain_, *snapshot, context, action, *certificate);
      if (!may && may.error().reason() != Reason::kCertificateNotFound)
        return may.error();
      if (!may) continue;
    }
    if (wanted.tag) {
      KMS_TRY(const bool has, HasTag(*snapshot, certificate->account, certificate->region,
                                     id, *wanted.tag));
      if (!has) continue;
    }
    if (listed.total >= first && listed.items.size() < page.size) {
      KMS_TRY(CertificateSummary summary, Summarise(*snapshot, *certificate));
      listed.items.push_back(std::move(summary));
    }
    ++listed.total;
  }
  return listed;
}

Result<CertificateDescription> CertificateDomain::Describe(const RequestContext& context,
                                                           std::string_view id,
                                                           std::string_view action,
                                                           CertificateHome home) const {
  KMS_TRY(const auto snapshot, parts().store.Read());
  KMS_TRY(const CertificateRecord record, Read(*snapshot, context, id, action, home));
  CertificateDescription described;
  KMS_TRY(described.summary, Summarise(*snapshot, record));
  if (record.status == CertificateStatus::kPending) return described;
  KMS_TRY(const CertificateTextsRecord texts, ReadTexts(*snapshot, record));
  KMS_TRY(x509::Certificate leaf, x509::ReadCertificate(texts.certificate));
  CertificateContents contents;
  contents.public_key = x509::PublicKeyPem(leaf);
  contents.issuer = std::move(leaf.issuer);
  contents.serial = std::move(leaf.serial);
  contents.signature_algorithm = std::move(leaf.signature_algorithm);
  contents.alternative_names = std::move(leaf.alternative_names);
  contents.subject_key_identifier = std::move(leaf.subject_key_identifier);
  contents.key_usage = std::move(leaf.key_usage);
  contents.crl_distribution_point = std::move(leaf.crl_distribution_point);
  described.contents = std::move(contents);
  return described;
}

Result<void> CheckStatus(const CertificateRecord& certificate,
                         std::initializer_list<CertificateStatus> allowed) {
  if (std::ranges::find(allowed, certificate.status) == allowed.end())
    return Reason::kCertificateState;
  return {};
}

Result<void> CheckTime(const CertificateRecord& certificate, UnixMillis now) {
  if (now < certificate.not_before)
    return Error(Reason::kCertificateState, "the certificate is not valid yet");
  if (now > certificate.not_after)
    return Error(Reason::kCertificateState, "the certificate has expired");
  return {};
}

void Fill(const x509::Certificate& leaf, const std::vector<x509::Certificate>& chain,
          CertificateRecord& certificate, CertificateTextsRecord& texts) {
  certificate.subject = leaf.subject;
  certificate.not_before = leaf.not_before;
  certificate.not_after = leaf.not_after;
  texts.certificate = x509::CertificatePem(leaf);
  texts.chain.clear();
  for (const x509::Certificate& issuer : chain)
    texts.chain += x509::CertificatePem(issuer);
}

Digest32 SignedDigest(KeySpec spec, ByteView subject_public_key, ByteView message) {
  if (spec != KeySpec::kSm2) return Digest(DigestAlgorithm::kSha256, message);
  // The point is what the structure ends with.
  const std::size_t size = std::min(subject_public_key.size(), kSm2Coordinates);
  return Sm2Digest(subject_public_key.last(size), message);
}

Result<CertificateRecord> ReadCertificate(const Domain& domain, const Reader& reader,
                                          const RequestContext& context,
                                          std::string_view id,
                                          const CertificateActions& actions) {
  KMS_TRY(auto certificate, Load(reader, context, id));
  if (!certificate) return Reason::kCertificateNotFound;
  KMS_CHECK_OK(CheckMay(domain, reader, context,
                        certificate->usb_key ? actions.usb_key : actions.own,
                        *certificate));
  return *std::move(certificate);
}

void PutCertificate(Transaction& transaction, const CertificateRecord* before,
                    const CertificateRecord& certificate) {
  transaction.Put(
      place::Certificate(certificate.account, certificate.region, certificate.id),
      WriteCertificate(certificate));
  ChangeIndex(transaction, before != nullptr ? IndexOf(*before) : Index(),
              IndexOf(certificate));
}

}  // namespace kms
