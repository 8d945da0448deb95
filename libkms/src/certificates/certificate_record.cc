#include "certificates/certificate_record.h"

#include "core/json_record.h"
#include "identity/records.h"
#include "keys/records.h"
#include "kms/encoding.h"

namespace kms {

template <typename Archive>
void Members(Archive& archive, CertificateRecord& r) {
  archive("id", r.id);
  archive("account", r.account);
  archive("region", r.region);
  archive("project", r.project);
  archive("creator", r.creator);
  archive("usbKey", r.usb_key);
  archive("spec", r.spec);
  archive("level", r.level);
  archive("exportable", r.exportable);
  archive("status", r.status);
  archive("created", r.created);
  archive("updated", r.updated);
  archive("position", r.position);
  archive("version", r.version);
  archive("subject", r.subject);
  archive("notBefore", r.not_before);
  archive("notAfter", r.not_after);
}

template <typename Archive>
void Members(Archive& archive, CertificateTextsRecord& r) {
  archive("request", r.request);
  archive("certificate", r.certificate);
  archive("chain", r.chain);
}

template <typename Archive>
void Members(Archive& archive, CertificateOutcome& r) {
  archive("id", r.id);
  archive("request", r.request);
}

constexpr std::int64_t Values(KeySpec) { return 4; }
constexpr std::int64_t Values(ProtectionLevel) { return 2; }
constexpr std::int64_t Values(CertificateStatus) { return 5; }

template <typename Record>
std::string WriteCertificate(const Record& record) {
  return WriteRecord(record);
}

template <typename Record>
Result<Record> ReadCertificateAs(std::string_view json) {
  return ReadRecord<Record>(json);
}

#define KMS_RECORD(type)                              \
  template std::string WriteCertificate(const type&); \
  template Result<type> ReadCertificateAs(std::string_view);
KMS_RECORD(CertificateRecord)
KMS_RECORD(CertificateTextsRecord)
KMS_RECORD(CertificateOutcome)
#undef KMS_RECORD

namespace {

// Whether its end is one that somebody should prepare for.
bool HasEnd(const CertificateRecord& certificate) {
  return !certificate.usb_key && (certificate.status == CertificateStatus::kActive ||
                                  certificate.status == CertificateStatus::kInactive);
}

}  // namespace

Index IndexOf(const CertificateRecord& certificate) {
  const std::string pointer = ToJson(PointerRecord{certificate.id});
  Index index = {{place::CertificateList(certificate), pointer}};
  if (certificate.project != kDefaultProject)
    index.push_back({place::KeyOfProject(certificate.account, certificate.project,
                                         certificate.region, certificate.id),
                     pointer});
  if (HasEnd(certificate)) index.push_back({place::CertificateEnd(certificate), pointer});
  return index;
}

namespace place {

using Text = std::string_view;

namespace {
Text ListName(bool usb_key) {
  return usb_key ? "usb-key-certificate-list" : "certificate-list";
}
}  // namespace

std::string Certificate(Text account, Text region, Text id) {
  return JoinKey({"certificate", account, region, id});
}
std::string CertificateTexts(Text account, Text id) {
  return JoinKey({"certificate-texts", account, id});
}
std::string CertificateList(Text account, Text region, bool usb_key) {
  return JoinKey({ListName(usb_key), account, region});
}
std::string CertificateList(const CertificateRecord& certificate) {
  return JoinKey({ListName(certificate.usb_key.has_value()), certificate.account,
                  certificate.region, KeyNumber(certificate.position)});
}
std::string CertificateCounter(Text account, Text region, bool usb_key) {
  return JoinKey(
      {"counter", account, region, usb_key ? "usb-key-certificates" : "certificates"});
}
std::string CertificateEnds() { return JoinKey({"certificate-end"}); }
std::string CertificateEnds(UnixMillis from) {
  return JoinKey({"certificate-end", KeyNumber(static_cast<std::uint64_t>(from))});
}
std::string CertificateEnd(const CertificateRecord& certificate) {
  return JoinKey({"certificate-end",
                  KeyNumber(static_cast<std::uint64_t>(certificate.not_after)),
                  certificate.account, certificate.id});
}

}  // namespace place
}  // namespace kms
