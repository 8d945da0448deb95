// Access points, tags, certificates, and the lists of projects.

#include <tuple>

#include "check/kinds.h"
#include "keys/record_index.h"
#include "x509/certificate.h"

namespace kms::check {
namespace {

// That a tag is on a resource is two entries, which follow from each other.
Result<void> CheckBinding(CheckRun& run, const Entry& entry, std::string_view tag,
                          std::string_view resource) {
  if (!run.Parse<PointerRecord>(entry)) return {};
  const std::string_view account = entry.part(1);
  KMS_CHECK_OK(run.HasIndex(entry, IndexOfBinding(account, tag, resource)));
  KMS_TRY(const Owner* const owner, run.FindOwner(account, resource));
  if (owner->unreadable) return {};
  if (owner->is_absent()) {
    run.Report(entry, "is about a key or certificate that is missing");
    return {};
  }
  KMS_CHECK_OK(run.Needs(entry, place::Tag(account, owner->region(), tag)));
  return {};
}

bool SameFacts(const CertificateRecord& certificate, const x509::Certificate& leaf) {
  return std::tie(certificate.subject, certificate.not_before, certificate.not_after) ==
         std::tie(leaf.subject, leaf.not_before, leaf.not_after);
}

Index IndexOfCertificate(const CertificateRecord& certificate) {
  return IndexOf(certificate);
}

}  // namespace

Result<void> CheckAccessPoint(CheckRun& run, const Entry& entry) {
  const auto point = run.Parse<AccessPointRecord>(entry);
  if (!point) return {};
  run.StandsAt(entry, place::AccessPoint(point->account, point->region, point->id));
  run.NeedsAccount(entry, point->account);
  KMS_CHECK_OK(run.NeedsProject(entry, point->account, point->project));
  KMS_CHECK_OK(run.HasIndex(entry, IndexOf(*point)));
  run.Count(place::AccessPointCounter(point->account, point->region), point->position);
  if (!Compile(*point)) run.Report(entry, "has checks that are none");
  return {};
}

Result<void> CheckAccessPointList(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  return run.FollowsFrom<AccessPointRecord>(
      entry, place::AccessPoint(entry.part(1), entry.part(2), pointer->name),
      [](const AccessPointRecord& point) { return IndexOf(point); });
}

Result<void> CheckAccessKeysOfPoint(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  return run.FollowsFrom<AccessKeyRecord>(
      entry, AccessKeyPlace(pointer->name), [](const AccessKeyRecord& key) {
        return key.access_point ? IndexOfPointKey(key) : Index();
      });
}

Result<void> CheckTag(CheckRun& run, const Entry& entry) {
  const auto tag = run.Parse<TagRecord>(entry);
  if (!tag) return {};
  run.StandsAt(entry, place::Tag(tag->account, tag->region, tag->id));
  run.NeedsAccount(entry, tag->account);
  run.Count(place::TagCounter(tag->account, tag->region), tag->position);
  return run.HasIndex(entry, IndexOf(*tag));
}

Result<void> CheckTagName(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  return run.FollowsFrom<TagRecord>(
      entry, place::Tag(entry.part(1), entry.part(2), pointer->name),
      [](const TagRecord& tag) { return IndexOf(tag); });
}

Result<void> CheckTagsOfResource(CheckRun& run, const Entry& entry) {
  return CheckBinding(run, entry, entry.part(3), entry.part(2));
}

Result<void> CheckResourcesOfTag(CheckRun& run, const Entry& entry) {
  return CheckBinding(run, entry, entry.part(2), entry.part(3));
}

Result<void> CheckCertificate(CheckRun& run, const Entry& entry) {
  const auto certificate = run.Parse<CertificateRecord>(entry);
  if (!certificate) return {};
  const CertificateRecord& c = *certificate;
  run.StandsAt(entry, place::Certificate(c.account, c.region, c.id));
  run.NeedsAccount(entry, c.account);
  KMS_CHECK_OK(run.NeedsProject(entry, c.account, c.project));
  KMS_CHECK_OK(run.HasIndex(entry, IndexOf(c)));
  run.Count(place::CertificateCounter(c.account, c.region, c.usb_key.has_value()),
            c.position);
  KMS_CHECK_OK(run.Needs(entry, place::Version(c.account, c.id, c.version)));
  KMS_CHECK_OK(run.Needs(entry, place::CertificateTexts(c.account, c.id)));
  if (IsSymmetric(c.spec)) run.Report(entry, "has a symmetric key");
  if (c.status < CertificateStatus::kPending || c.status > CertificateStatus::kRevoked)
    run.Report(entry, "has an unknown status");
  if (c.status == CertificateStatus::kPending && c.usb_key)
    run.Report(entry, "is a USB key's, and pending");
  return {};
}

Result<void> CheckCertificateList(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  return run.FollowsFrom<CertificateRecord>(
      entry, place::Certificate(entry.part(1), entry.part(2), pointer->name),
      IndexOfCertificate);
}

Result<void> CheckCertificateEnd(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  KMS_TRY(const Owner* const owner, run.FindOwner(entry.part(2), pointer->name));
  if (owner->unreadable) return {};
  if (!owner->certificate) {
    run.Report(entry, "is of a certificate that is missing");
    return {};
  }
  const CertificateRecord& c = *owner->certificate;
  run.IsIn(entry, IndexOf(c), place::Certificate(c.account, c.region, c.id));
  return {};
}

Result<void> CheckCertificateTexts(CheckRun& run, const Entry& entry) {
  const auto texts = run.Parse<CertificateTextsRecord>(entry);
  if (!texts) return {};
  run.StandsAt(entry, place::CertificateTexts(entry.part(1), entry.part(2)));
  KMS_TRY(const Owner* const owner, run.FindOwner(entry.part(1), entry.part(2)));
  if (owner->unreadable) return {};
  if (!owner->certificate) {
    run.Report(entry, "is of a certificate that is missing");
    return {};
  }
  const CertificateRecord& certificate = *owner->certificate;
  if (certificate.status == CertificateStatus::kPending) {
    if (texts->request.empty() || !texts->certificate.empty())
      run.Report(entry, "is not as texts of pending certificates are");
    return {};
  }
  const auto leaf = x509::ReadCertificate(texts->certificate);
  if (!leaf || !x509::ReadChain(texts->chain)) {
    run.Report(entry, "has a certificate or a chain that is none");
    return {};
  }
  if (!SameFacts(certificate, *leaf))
    run.Report(entry, "has a certificate with other facts than " +
                          ShowPlace(place::Certificate(
                              certificate.account, certificate.region, certificate.id)));
  const std::string version =
      place::Version(certificate.account, certificate.id, certificate.version);
  KMS_TRY(const auto pair, run.ReadAt<VersionRecord>(version));
  if (pair && pair->public_key != leaf->public_key)
    run.Report(entry, "has a certificate for another key than " + ShowPlace(version));
  return {};
}

// Keys, certificates and access points are in one list.
Result<void> CheckKeysOfProject(CheckRun& run, const Entry& entry) {
  const auto pointer = run.Parse<PointerRecord>(entry);
  if (!pointer) return {};
  const std::string_view account = entry.part(1);
  const std::string_view region = entry.part(3);
  KMS_CHECK_OK(run.NeedsProject(entry, account, entry.part(2)));
  const std::string certificate = place::Certificate(account, region, pointer->name);
  KMS_TRY(const auto is_certificate, run.snapshot().Get(certificate));
  if (is_certificate)
    return run.FollowsFrom<CertificateRecord>(entry, certificate, IndexOfCertificate);
  const std::string point = place::AccessPoint(account, region, pointer->name);
  KMS_TRY(const auto is_point, run.snapshot().Get(point));
  if (is_point)
    return run.FollowsFrom<AccessPointRecord>(
        entry, point, [](const AccessPointRecord& record) { return IndexOf(record); });
  return run.FollowsFrom<KeyRecord>(entry, place::Key(account, region, pointer->name),
                                    [](const KeyRecord& key) { return IndexOf(key); });
}

}  // namespace kms::check
