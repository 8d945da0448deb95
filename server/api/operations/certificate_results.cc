#include "api/operations/certificate_results.h"

#include <boost/json/array.hpp>
#include <string>

namespace kms::server {

SecretBytes PassPhraseOf(const Arguments& arguments) {
  return SecretBytes::CopyOf(AsBytes(arguments.Text("passPhrase")));
}

std::string_view CertificateIdOf(const Arguments& arguments) {
  return arguments.Text("certificateId");
}

boost::json::object NewCertificateResult(Call& call, const Arguments& arguments) {
  boost::json::object result(call.storage);
  Put(result, "certificateId", CertificateIdOf(arguments));
  return result;
}

std::string_view LevelText(ProtectionLevel level) {
  return level == ProtectionLevel::kHsm ? "0" : "1";
}

void PutTextOrNull(boost::json::object& result, std::string_view name,
                   std::string_view text) {
  if (text.empty()) {
    result[name] = nullptr;
  } else {
    Put(result, name, text);
  }
}

void PutDescription(boost::json::object& result,
                    const CertificateDescription& certificate) {
  const CertificateSummary& summary = certificate.summary;
  Put(result, "certificateId", summary.id);
  Put(result, "epId", summary.project);
  Put(result, "userId", summary.creator);
  if (certificate.contents) {
    Put(result, "notBefore", summary.not_before);
    Put(result, "notAfter", summary.not_after);
  } else {
    result["notBefore"] = result["notAfter"] = nullptr;
  }
  Put(result, "createdAt", summary.created);
  Put(result, "updatedAt", summary.updated);
  PutTextOrNull(result, "subject", summary.subject);
  const CertificateContents contents =
      certificate.contents.value_or(CertificateContents());
  PutTextOrNull(result, "issuer", contents.issuer);
  if (certificate.contents) {
    boost::json::array& names = result["subjectAlternativeNames"].emplace_array();
    for (const std::string& name : contents.alternative_names) names.emplace_back(name);
  } else {
    result["subjectAlternativeNames"] = nullptr;
  }
  PutTextOrNull(result, "serial", contents.serial);
  PutTextOrNull(result, "signatureAlgorithm", contents.signature_algorithm);
  Put(result, "keySpec", SpellingOf(summary.spec));
  PutTextOrNull(result, "subjectKeyIdentifier", contents.subject_key_identifier);
  PutTextOrNull(result, "subjectPublicKey", contents.public_key);
  if (certificate.contents) {
    Put(result, "keyUsage", contents.key_usage);
  } else {
    result["keyUsage"] = nullptr;
  }
  Put(result, "exportablePrivateKey", summary.exportable ? 1 : 0);
  Put(result, "status", NumberOf(summary.status));
  Put(result, "protectionLevel", LevelText(summary.level));
  PutTags(result, "labels", summary.tags);
}

void PutCertificatePage(boost::json::object& result, const AskedPage& page,
                        std::size_t total) {
  Put(result, "pageNumber", page.number);
  Put(result, "pageSize", page.size);
  Put(result, "totalCount", static_cast<std::int64_t>(total));
}

}  // namespace kms::server
