// What a certificate is, seen from outside: the values that the services of certificates
// take and return (manual 4.6).

#ifndef KMS_CERTIFICATE_H_
#define KMS_CERTIFICATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/key.h"
#include "kms/tag.h"

namespace kms {

// The numbers are those of the interface.
enum class CertificateStatus : std::uint8_t {
  kPending = 1,  // its request was made; the certificate has not come back yet
  kActive = 2,
  kInactive = 3,
  kRevoked = 4  // for good
};

struct CertificateSummary {
  std::string id;    // UUID
  std::string name;  // of a USB key's certificate; others have none
  std::string account;
  std::string project;
  std::string creator;  // user id
  KeySpec spec = KeySpec::kRsa2048;
  ProtectionLevel level = ProtectionLevel::kSoftware;
  bool exportable = false;
  CertificateStatus status = CertificateStatus::kPending;
  UnixMillis created = 0;
  UnixMillis updated = 0;
  // Of the certificate; while pending, empty and 0.
  std::string subject;
  UnixMillis not_before = 0;
  UnixMillis not_after = 0;
  std::vector<Tag> tags{};  // oldest first
};

// What a certificate says besides. Names are comma-separated, the last attribute first.
struct CertificateContents {
  std::string issuer;
  std::string serial;               // lower-case hexadecimal
  std::string signature_algorithm;  // such as SHA256withRSA, SM3withSM2
  std::vector<std::string> alternative_names;
  std::string subject_key_identifier;  // lower-case hexadecimal
  std::string key_usage;               // such as "Digital Signature,Non Repudiation"
  std::string crl_distribution_point;
  std::string public_key;  // PEM
};

struct CertificateDescription {
  CertificateSummary summary;
  std::optional<CertificateContents> contents;  // none while pending
};

// PEM each; empty if there is none.
struct CertificateTexts {
  std::string request;
  std::string certificate;
  std::string chain;  // the issuer first
};

}  // namespace kms

#endif  // KMS_CERTIFICATE_H_
