// How certificates are written, the KMS's own and those of USB keys; and what their
// requests share.

#ifndef KMS_SERVER_API_OPERATIONS_CERTIFICATE_RESULTS_H_
#define KMS_SERVER_API_OPERATIONS_CERTIFICATE_RESULTS_H_

#include <boost/json/object.hpp>
#include <cstddef>
#include <string_view>

#include "api/call.h"
#include "api/operations/shared.h"
#include "kms/certificate.h"

namespace kms::server {

inline constexpr std::int64_t kMaxPemText = 65536;

constexpr Parameter PemParameter(std::string_view name, bool required,
                                 std::string_view note) {
  return {.name = name, .required = required, .max = kMaxPemText, .note = note};
}

constexpr Parameter CertificateLevelParameter() {
  return {.name = "protectionLevel",
          .required = true,
          .kind = Kind::kChoice,
          .choices = kProtectionLevelChoices,
          .missing = Reason::kProtectionLevelMissing,
          .bad = Reason::kBadProtectionLevel,
          .note = "`0` HSM, `1` software"};
}

constexpr Parameter CertificateProjectParameter() {
  return {.name = "epId", .max = 64, .note = "enterprise project, default `default`"};
}

// The first page is 1.
constexpr Parameter CertificatePageNumber(Where where) {
  return {.name = "pageNumber",
          .where = where,
          .kind = Kind::kInteger,
          .min = 1,
          .max = 2147483647,
          .note = "from 1, default 1"};
}

constexpr Parameter CertificatePageSize(Where where) {
  return {.name = "pageSize",
          .where = where,
          .kind = Kind::kInteger,
          .min = 1,
          .max = 100,
          .note = "default 10"};
}

// The parameter `message`, and those of the operations that sign and verify.
constexpr Parameter MessageParameter() {
  return {.name = "message",
          .required = true,
          .kind = Kind::kBase64,
          .max = 4096,
          .missing = Reason::kDigestMissing,
          .secret = true,
          .note = "what is signed"};
}

constexpr Parameter SignatureValueParameter() {
  return {.name = "signatureValue",
          .required = true,
          .kind = Kind::kBase64,
          .max = kMaxShortBytes,
          .missing = Reason::kSignatureMissing,
          .note = "the signature"};
}

// Of the parameter `passPhrase`.
SecretBytes PassPhraseOf(const Arguments& arguments);

// Requests name the certificate in `certificateId`, and most answers repeat it.
std::string_view CertificateIdOf(const Arguments& arguments);
boost::json::object NewCertificateResult(Call& call, const Arguments& arguments);

std::string_view LevelText(ProtectionLevel level);

// PutTextOrNull writes null for an empty text.
void PutTextOrNull(boost::json::object& result, std::string_view name,
                   std::string_view text);

// PutDescription writes what describeCertificate answers; what comes from the
// certificate is null while there is none.
void PutDescription(boost::json::object& result,
                    const CertificateDescription& certificate);

void PutCertificatePage(boost::json::object& result, const AskedPage& page,
                        std::size_t total);

}  // namespace kms::server

#endif  // KMS_SERVER_API_OPERATIONS_CERTIFICATE_RESULTS_H_
