// The life of certificates whose private keys are in the KMS (manual 4.6).

#include <boost/json/array.hpp>
#include <string>
#include <utility>

#include "api/operations/certificate_results.h"
#include "api/operations/groups.h"
#include "kms/encoding.h"

namespace kms::server {
namespace {

using boost::json::array;
using boost::json::object;

constexpr std::int64_t kMaxSubject = 4096;          // characters, of all attributes
constexpr std::int64_t kMaxAlternativeName = 2048;  // a URI may be long

// The manual does not say at which level which key may be: for certificates it has
// RSA_2048 and SM2 alike (4.6.2), so that both levels have both.
constexpr Choice kSpecChoices[] = {Spelled("RSA_2048", KeySpec::kRsa2048),
                                   Spelled("SM2", KeySpec::kSm2),
                                   Spelled("Ctyun_SM2", KeySpec::kSm2)};
constexpr Choice kExportableChoices[] = {{"0", 0}, {"1", 1}, {"false", 0}, {"true", 1}};
constexpr Choice kStatusChoices[] = {Spelled("ACTIVE", CertificateStatus::kActive),
                                     Spelled("INACTIVE", CertificateStatus::kInactive),
                                     Spelled("REVOKED", CertificateStatus::kRevoked)};
constexpr Choice kFormatChoices[] = {{"PKCS12", 0}};

constexpr Parameter kCreate[] = {
    {.name = "keySpec",
     .required = true,
     .kind = Kind::kChoice,
     .choices = kSpecChoices,
     .missing = Reason::kKeySpecMissing,
     .bad = Reason::kBadKeySpec,
     .note = "at either level"},
    {.name = "subject",
     .required = true,
     .max = kMaxSubject,
     .note = "`CN=…,C=CN`, and ST, L, O, up to five OU, E; CN and C are needed"},
    {.name = "subjectAlternativeNames",
     .kind = Kind::kTexts,
     .max = kMaxAlternativeName,
     .note = "up to ten hosts, addresses, mail addresses or URIs"},
    {.name = "exportablePrivateKey",
     .required = true,
     .kind = Kind::kChoice,
     .choices = kExportableChoices,
     .note = "whether the private key may leave; never at HSM level"},
    CertificateLevelParameter(),
    CertificateProjectParameter()};
constexpr Parameter kImport[] = {
    CertificateParameter(),
    PemParameter("certificate", true, "PEM; of the key pair of the request"),
    PemParameter("certificateChain", false, "PEM; its issuer first, up to ten")};
constexpr Parameter kList[] = {
    CertificatePageNumber(Where::kHeader), CertificatePageSize(Where::kHeader),
    TagKeyFilterParameter(Where::kHeader), TagValueFilterParameter(Where::kHeader)};
constexpr Parameter kDescribe[] = {CertificateParameter(Where::kHeader)};
constexpr Parameter kStatus[] = {CertificateParameter(),
                                 {.name = "status",
                                  .required = true,
                                  .kind = Kind::kChoice,
                                  .choices = kStatusChoices,
                                  .note = "`REVOKED` is for good"}};
constexpr Parameter kCertificate[] = {CertificateParameter()};
constexpr Parameter kExport[] = {CertificateParameter(),
                                 {.name = "passPhrase",
                                  .required = true,
                                  .max = CertificateService::kMaxPassPhrase,
                                  .secret = true,
                                  .note = "8 to 64 characters"},
                                 {.name = "exportFormat",
                                  .required = true,
                                  .kind = Kind::kChoice,
                                  .choices = kFormatChoices,
                                  .note = "there is one"}};
constexpr std::string_view kCertificateResource[] = {"certificateId"};

constexpr std::string_view kImportResult[] = {"certificateId"};
constexpr std::string_view kCreateResult[] = {"certificateId", "csr"};
constexpr std::string_view kListResult[] = {
    "content[]: certificateId keySpec exportablePrivateKey subject createdTime status "
    "labels",
    "pageNumber", "pageSize", "totalCount"};
constexpr std::string_view kDescribeResult[] = {"certificateId",
                                                "epId",
                                                "userId",
                                                "notBefore",
                                                "notAfter",
                                                "createdAt",
                                                "updatedAt",
                                                "subject",
                                                "issuer",
                                                "subjectAlternativeNames",
                                                "serial",
                                                "signatureAlgorithm",
                                                "keySpec",
                                                "subjectKeyIdentifier",
                                                "subjectPublicKey",
                                                "keyUsage",
                                                "exportablePrivateKey",
                                                "status",
                                                "protectionLevel",
                                                "labels"};
constexpr std::string_view kGetResult[] = {"certificateId", "certificate",
                                           "certificateChain", "csr"};
constexpr std::string_view kExportResult[] = {"certificateId", "pkcs12Blob", "privateKey",
                                              "certificate", "certificateChain"};

constexpr std::string_view kCreatePaths[] = {"/v1/manageCertificate/createCertificate"};
constexpr std::string_view kImportPaths[] = {"/v1/manageCertificate/importCertificate"};
constexpr std::string_view kListPaths[] = {"/v1/manageCertificate/listCertificate",
                                           "/manageCertificate/listCertificate"};
constexpr std::string_view kDescribePaths[] = {
    "/v1/manageCertificate/describeCertificate"};
constexpr std::string_view kStatusPaths[] = {
    "/v1/manageCertificate/updateCertificateStatus"};
constexpr std::string_view kGetPaths[] = {"/v1/manageCertificate/getCertificate"};
constexpr std::string_view kExportPaths[] = {
    "/v1/manageCertificate/exportCertificatePrivateKey",
    "/v1/manageCertificate/exportCertifiicatePrivatkey",
    "/v1/manageCertificate/exportCertificatePrivatkey"};
constexpr std::string_view kDeletePaths[] = {"/v1/manageCertificate/deleteCertificate"};
Result<object> CreateCertificate(Call& call, const Arguments& arguments) {
  NewCertificate wanted;
  wanted.spec = ChoiceOf<KeySpec>(arguments, "keySpec");
  wanted.level = ChoiceOf<ProtectionLevel>(arguments, "protectionLevel");
  wanted.exportable = arguments.Integer("exportablePrivateKey") == 1;
  wanted.subject = arguments.Text("subject");
  for (const std::string_view name : arguments.Texts("subjectAlternativeNames"))
    wanted.alternative_names.emplace_back(name);
  if (arguments.Has("epId")) wanted.project = arguments.Text("epId");
  KMS_TRY(const NewCertificateRequest made,
          call.kms.certificates().Create(call.context, wanted));
  object result(call.storage);
  Put(result, "certificateId", made.id);
  Put(result, "csr", made.request);
  return result;
}

Result<object> ImportCertificate(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.certificates().Import(call.context, CertificateIdOf(arguments),
                                              arguments.Text("certificate"),
                                              arguments.Text("certificateChain")));
  return NewCertificateResult(call, arguments);
}

Result<object> ListCertificate(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments, 1);
  KMS_TRY(const auto listed, call.kms.certificates().List(
                                 call.context, {TagFilterOf(arguments)}, page.request));
  object result(call.storage);
  array& content = result["content"].emplace_array();
  for (const CertificateSummary& certificate : listed.items) {
    object& item = content.emplace_back(boost::json::object_kind).get_object();
    Put(item, "certificateId", certificate.id);
    Put(item, "keySpec", SpellingOf(certificate.spec));
    Put(item, "exportablePrivateKey", certificate.exportable ? 1 : 0);
    PutTextOrNull(item, "subject", certificate.subject);
    Put(item, "createdTime", call.dialect.Date(certificate.created));
    Put(item, "status", NumberOf(certificate.status));
    PutTags(item, "labels", certificate.tags);
  }
  PutCertificatePage(result, page, listed.total);
  return result;
}

Result<object> DescribeCertificate(Call& call, const Arguments& arguments) {
  KMS_TRY(const CertificateDescription described,
          call.kms.certificates().Describe(call.context, CertificateIdOf(arguments)));
  object result(call.storage);
  PutDescription(result, described);
  return result;
}

Result<object> UpdateCertificateStatus(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.certificates().SetStatus(
      call.context, CertificateIdOf(arguments),
      ChoiceOf<CertificateStatus>(arguments, "status")));
  return object(call.storage);
}

Result<object> GetCertificate(Call& call, const Arguments& arguments) {
  KMS_TRY(const CertificateTexts texts,
          call.kms.certificates().Get(call.context, CertificateIdOf(arguments)));
  object result = NewCertificateResult(call, arguments);
  PutTextOrNull(result, "certificate", texts.certificate);
  PutTextOrNull(result, "certificateChain", texts.chain);
  PutTextOrNull(result, "csr", texts.request);
  return result;
}

Result<object> ExportCertificatePrivateKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const ExportedCertificate exported,
          call.kms.certificates().Export(call.context, CertificateIdOf(arguments),
                                         PassPhraseOf(arguments)));
  object result = NewCertificateResult(call, arguments);
  PutBase64(result, "pkcs12Blob", exported.pkcs12);
  Put(result, "privateKey", exported.private_key);
  Put(result, "certificate", exported.certificate);
  PutTextOrNull(result, "certificateChain", exported.chain);
  return result;
}

Result<object> DeleteCertificate(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.certificates().Delete(call.context, CertificateIdOf(arguments)));
  return object(call.storage);
}

constexpr Operation kOperations[] = {
    {.name = "createCertificate",
     .group = "certificates",
     .paths = kCreatePaths,
     .action = "kms:cert:create",
     .write = true,
     .mutates = true,
     .lane = Lane::kPrivateKey,
     .parameters = kCreate,
     .result = kCreateResult,
     .section = "4.8, 4.6",
     .summary = "Makes a key pair and the request for a certificate of it.",
     .handler = CreateCertificate},
    {.name = "importCertificate",
     .group = "certificates",
     .paths = kImportPaths,
     .action = "kms:cert:import",
     .write = true,
     .mutates = true,
     .parameters = kImport,
     .result = kImportResult,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary =
         "Puts a certificate from outside in place, or a renewed one, and makes it "
         "active.",
     .handler = ImportCertificate},
    {.name = "listCertificate",
     .group = "certificates",
     .get = true,
     .paths = kListPaths,
     .action = "kms:cert:list",
     .parameters = kList,
     .result = kListResult,
     .section = "4.8, 4.6",
     .summary = "Lists the certificates of the account in the region, oldest first.",
     .handler = ListCertificate},
    {.name = "describeCertificate",
     .group = "certificates",
     .get = true,
     .paths = kDescribePaths,
     .action = "kms:cert:describe",
     .parameters = kDescribe,
     .result = kDescribeResult,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary = "Tells what a certificate says; null, while it is pending.",
     .handler = DescribeCertificate},
    {.name = "updateCertificateStatus",
     .group = "certificates",
     .paths = kStatusPaths,
     .action = "kms:cert:update",
     .write = true,
     .mutates = true,
     .parameters = kStatus,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary = "Switches a certificate on or off, or revokes it.",
     .handler = UpdateCertificateStatus},
    {.name = "getCertificate",
     .group = "certificates",
     .paths = kGetPaths,
     .action = "kms:cert:get",
     .write = true,
     .parameters = kCertificate,
     .result = kGetResult,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary = "Returns a certificate with its chain and its request.",
     .handler = GetCertificate},
    {.name = "exportCertificatePrivateKey",
     .group = "certificates",
     .paths = kExportPaths,
     .action = "kms:cert:exportPrivatkey",
     .write = true,
     .lane = Lane::kPrivateKey,
     .parameters = kExport,
     .result = kExportResult,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary = "Returns an exportable private key under a pass phrase.",
     .handler = ExportCertificatePrivateKey},
    {.name = "deleteCertificate",
     .group = "certificates",
     .paths = kDeletePaths,
     .action = "kms:cert:delete",
     .write = true,
     .mutates = true,
     .parameters = kCertificate,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary = "Destroys a certificate and its key pair at once.",
     .handler = DeleteCertificate},
};

}  // namespace

std::span<const Operation> CertificateOperations() { return kOperations; }

}  // namespace kms::server
