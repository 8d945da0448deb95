// Certificates of USB keys: what is public of them.

#include <boost/json/array.hpp>
#include <string>

#include "api/operations/certificate_results.h"
#include "api/operations/groups.h"

namespace kms::server {
namespace {

using boost::json::array;
using boost::json::object;

constexpr std::string_view kSection = "beyond the seed";
constexpr std::int64_t kMaxName = 128;
constexpr std::int64_t kMaxRevocationList = 131072;

constexpr Choice kSpecChoices[] = {
    Spelled("SM2", KeySpec::kSm2), Spelled("Ctyun_SM2", KeySpec::kSm2),
    Spelled("RSA_2048", KeySpec::kRsa2048), Spelled("RSA 2048", KeySpec::kRsa2048)};
constexpr Choice kStatusChoices[] = {Spelled("ACTIVE", CertificateStatus::kActive),
                                     Spelled("INACTIVE", CertificateStatus::kInactive)};
constexpr Choice kFilterChoices[] = {Spelled("ACTIVE", CertificateStatus::kActive),
                                     Spelled("INACTIVE", CertificateStatus::kInactive),
                                     Spelled("REVOKED", CertificateStatus::kRevoked)};

constexpr Parameter SpecParameter(bool required, std::string_view note) {
  return {.name = "algorithm",
          .required = required,
          .kind = Kind::kChoice,
          .choices = kSpecChoices,
          .missing = Reason::kAlgorithmMissing,
          .bad = Reason::kBadAlgorithm,
          .note = note};
}

constexpr Parameter StatusParameter(bool required, std::span<const Choice> choices,
                                    std::string_view note) {
  return {.name = "status",
          .required = required,
          .kind = Kind::kChoice,
          .choices = choices,
          .note = note};
}

constexpr Parameter kImport[] = {
    SpecParameter(true, "of the certificate's key"),
    {.name = "ukName", .required = true, .max = kMaxName, .note = "any text"},
    PemParameter("cert", true, "PEM"),
    PemParameter("certificateChain", false, "PEM; its issuer first, up to ten"),
    {.name = "certCrl",
     .kind = Kind::kBase64,
     .max = kMaxRevocationList,
     .note = "DER of its issuer's revocation list; if the certificate is on it, it comes "
             "in as revoked"}};
constexpr Parameter kList[] = {
    CertificatePageNumber(Where::kBody),
    CertificatePageSize(Where::kBody),
    SpecParameter(false, "only those with such a key"),
    StatusParameter(false, kFilterChoices, "only those of that status"),
    {.name = "certificateIdList", .kind = Kind::kTexts, .max = 64, .note = "only these"},
    TagKeyFilterParameter(Where::kBody),
    TagValueFilterParameter(Where::kBody)};
constexpr Parameter kCertificate[] = {CertificateParameter()};
constexpr Parameter kStatus[] = {
    CertificateParameter(),
    StatusParameter(true, kStatusChoices, "one that is revoked stays so")};
constexpr Parameter kVerify[] = {SignatureAlgorithmParameter(), CertificateParameter(),
                                 MessageParameter(), SignatureValueParameter()};

constexpr std::string_view kCertificateResource[] = {"certificateId"};

constexpr std::string_view kImportResult[] = {"ukId", "ukName"};
constexpr std::string_view kListResult[] = {
    "list[]: certificateId certificateName subject createdTime epId keySpec status "
    "exportablePrivateKey protectionLevel labels",
    "pageNumber", "pageSize", "totalCount"};
constexpr std::string_view kDescribeResult[] = {
    "as describeCertificate, and certificateName crlDistributionPoint isValidityCheck"};
constexpr std::string_view kVerifyResult[] = {"signatureValid", "ukId"};

constexpr std::string_view kImportPaths[] = {
    "/v1/manageCertificate/importCertificateForUK"};
constexpr std::string_view kListPaths[] = {"/v1/manageCertificate/listCertificateForUk"};
constexpr std::string_view kDescribePaths[] = {
    "/v1/manageCertificate/describeCertificateForUk"};
constexpr std::string_view kStatusPaths[] = {
    "/v1/manageCertificate/updateCertificateStatusForUk"};
constexpr std::string_view kDeletePaths[] = {
    "/v1/manageCertificate/deleteCertificateForUk"};
constexpr std::string_view kVerifyPaths[] = {
    "/v1/certificateCompute/certificatePublicKeyVerifyForUsbKey"};

Result<object> ImportCertificateForUk(Call& call, const Arguments& arguments) {
  NewUsbKeyCertificate wanted;
  wanted.spec = ChoiceOf<KeySpec>(arguments, "algorithm");
  wanted.name = arguments.Text("ukName");
  wanted.certificate = arguments.Text("cert");
  wanted.chain = arguments.Text("certificateChain");
  wanted.revocation_list = arguments.Bytes("certCrl");
  KMS_TRY(const std::string id,
          call.kms.usb_key_certificates().Import(call.context, wanted));
  object result(call.storage);
  Put(result, "ukId", id);
  Put(result, "ukName", wanted.name);
  return result;
}

Result<object> ListCertificateForUk(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments, 1);
  UsbKeyCertificateFilter filter;
  if (arguments.Has("algorithm")) filter.spec = ChoiceOf<KeySpec>(arguments, "algorithm");
  if (arguments.Has("status"))
    filter.status = ChoiceOf<CertificateStatus>(arguments, "status");
  const auto ids = arguments.Texts("certificateIdList");
  filter.ids.assign(ids.begin(), ids.end());
  filter.tag = TagFilterOf(arguments);
  KMS_TRY(const auto listed,
          call.kms.usb_key_certificates().List(call.context, filter, page.request));
  object result(call.storage);
  array& list = result["list"].emplace_array();
  for (const CertificateSummary& certificate : listed.items) {
    object& item = list.emplace_back(boost::json::object_kind).get_object();
    Put(item, "certificateId", certificate.id);
    Put(item, "certificateName", certificate.name);
    Put(item, "subject", certificate.subject);
    Put(item, "createdTime", certificate.created);
    Put(item, "epId", certificate.project);
    Put(item, "keySpec", SpellingOf(certificate.spec));
    Put(item, "status", NumberOf(certificate.status));
    Put(item, "exportablePrivateKey", certificate.exportable ? 1 : 0);
    Put(item, "protectionLevel", LevelText(certificate.level));
    PutTags(item, "labels", certificate.tags);
  }
  PutCertificatePage(result, page, listed.total);
  return result;
}

Result<object> DescribeCertificateForUk(Call& call, const Arguments& arguments) {
  KMS_TRY(const CertificateDescription described,
          call.kms.usb_key_certificates().Describe(call.context,
                                                   arguments.Text("certificateId")));
  object result(call.storage);
  PutDescription(result, described);
  Put(result, "certificateName", described.summary.name);
  PutTextOrNull(result, "crlDistributionPoint",
                described.contents ? described.contents->crl_distribution_point : "");
  // Verification always looks at the certificate's time.
  Put(result, "isValidityCheck", 1);
  return result;
}

Result<object> UpdateCertificateStatusForUk(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.usb_key_certificates().SetStatus(
      call.context, arguments.Text("certificateId"),
      ChoiceOf<CertificateStatus>(arguments, "status") == CertificateStatus::kActive));
  return object(call.storage);
}

Result<object> DeleteCertificateForUk(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.usb_key_certificates().Delete(call.context,
                                                      arguments.Text("certificateId")));
  return object(call.storage);
}

Result<object> CertificatePublicKeyVerifyForUsbKey(Call& call,
                                                   const Arguments& arguments) {
  const std::string_view id = arguments.Text("certificateId");
  KMS_TRY(const bool valid,
          call.kms.usb_key_certificates().Verify(
              call.context, id, ChoiceOf<SignatureAlgorithm>(arguments, "algorithm"),
              arguments.Bytes("message"), arguments.Bytes("signatureValue")));
  object result(call.storage);
  result["signatureValid"] = valid;
  Put(result, "ukId", id);
  return result;
}

constexpr Operation kOperations[] = {
    {.name = "importCertificateForUK",
     .group = "usb-key certificates",
     .paths = kImportPaths,
     .action = "kms:cert:importCertificateForUK",
     .write = true,
     .mutates = true,
     .parameters = kImport,
     .result = kImportResult,
     .section = kSection,
     .summary = "Takes in the certificate of a USB key.",
     .handler = ImportCertificateForUk},
    {.name = "listCertificateForUk",
     .group = "usb-key certificates",
     .paths = kListPaths,
     .action = "kms:cert:listCertificateForUk",
     .parameters = kList,
     .result = kListResult,
     .section = kSection,
     .summary = "Lists the certificates of USB keys, oldest first.",
     .handler = ListCertificateForUk},
    {.name = "describeCertificateForUk",
     .group = "usb-key certificates",
     .paths = kDescribePaths,
     .action = "kms:cert:describeCertificateForUk",
     .parameters = kCertificate,
     .result = kDescribeResult,
     .resources = kCertificateResource,
     .section = kSection,
     .summary = "Tells what the certificate of a USB key says.",
     .handler = DescribeCertificateForUk},
    {.name = "updateCertificateStatusForUk",
     .group = "usb-key certificates",
     .paths = kStatusPaths,
     .action = "kms:cert:updateCertificateStatusForUk",
     .write = true,
     .mutates = true,
     .parameters = kStatus,
     .resources = kCertificateResource,
     .section = kSection,
     .summary = "Switches the certificate of a USB key on or off.",
     .handler = UpdateCertificateStatusForUk},
    {.name = "deleteCertificateForUk",
     .group = "usb-key certificates",
     .paths = kDeletePaths,
     .action = "kms:cert:deleteCertificateForUk",
     .write = true,
     .mutates = true,
     .parameters = kCertificate,
     .resources = kCertificateResource,
     .section = kSection,
     .summary = "Deletes the certificate of a USB key.",
     .handler = DeleteCertificateForUk},
    {.name = "certificatePublicKeyVerifyForUsbKey",
     .group = "usb-key certificates",
     .paths = kVerifyPaths,
     .action = "kms:cert:publicKeyVerity",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kInline,
     .parameters = kVerify,
     .result = kVerifyResult,
     .resources = kCertificateResource,
     .section = kSection,
     .summary = "Tells whether the holder of a USB key has signed a message, with a "
                "certificate that is active and in its time.",
     .handler = CertificatePublicKeyVerifyForUsbKey},
};

}  // namespace

std::span<const Operation> UsbKeyCertificateOperations() { return kOperations; }

}  // namespace kms::server
