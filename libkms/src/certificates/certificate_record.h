// The records of certificates, and where they lie. Their key pairs are versions
// (keys/records.h) whose owner is the certificate.

#ifndef KMS_CERTIFICATES_CERTIFICATE_RECORD_H_
#define KMS_CERTIFICATES_CERTIFICATE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/index_entry.h"
#include "kms/certificate.h"
#include "kms/result.h"

namespace kms {

// The facts that every use asks for.
struct CertificateRecord {
  std::string id;
  std::string account;
  std::string region;
  std::string project;
  std::string creator;
  std::optional<std::string> usb_key;  // the name of its certificate; none: the KMS's own
  KeySpec spec = KeySpec::kRsa2048;
  ProtectionLevel level = ProtectionLevel::kSoftware;
  bool exportable = false;
  CertificateStatus status = CertificateStatus::kPending;
  UnixMillis created = 0;
  UnixMillis updated = 0;
  std::uint64_t position = 0;  // among those of its kind, account and region
  std::string version;         // of its key pair
  std::string subject;
  UnixMillis not_before = 0;
  UnixMillis not_after = 0;
};

// What is only handed out; PEM.
struct CertificateTextsRecord {
  std::string request;
  std::string certificate;
  std::string chain;
};

// What a request for a new certificate is answered with again.
struct CertificateOutcome {
  std::string id;
  std::string request;
};

// Defined for each of the structs above.
template <typename Record>
std::string WriteCertificate(const Record& record);
// Fails: kCorrupt.
template <typename Record>
Result<Record> ReadCertificateAs(std::string_view json);

// The index entries that follow from a certificate.
Index IndexOf(const CertificateRecord& certificate);

namespace place {
std::string Certificate(std::string_view account, std::string_view region,
                        std::string_view id);
std::string CertificateTexts(std::string_view account, std::string_view id);
// Two lists, each with a counter: of the KMS's own certificates, and of USB keys'.
std::string CertificateList(std::string_view account, std::string_view region,
                            bool usb_key);
std::string CertificateList(const CertificateRecord& certificate);
std::string CertificateCounter(std::string_view account, std::string_view region,
                               bool usb_key);
// Of the KMS's own that are active or inactive, by the end of their time.
std::string CertificateEnds();
std::string CertificateEnds(UnixMillis from);
std::string CertificateEnd(const CertificateRecord& certificate);
}  // namespace place

}  // namespace kms

#endif  // KMS_CERTIFICATES_CERTIFICATE_RECORD_H_
