// Certificates whose private keys are in the KMS (manual 4.6), and random bytes.

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
constexpr std::int64_t kMaxPkcs12 = 65536;
constexpr std::int64_t kMaxPkcs12PassPhrase = 1024;

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
constexpr Choice kMessageTypeChoices[] = {Spelled("RAW", MessageType::kRaw),
                                          Spelled("DIGEST", MessageType::kDigest)};

constexpr Parameter LevelParameter() {
  return {.name = "protectionLevel",
          .required = true,
          .kind = Kind::kChoice,
          .choices = kProtectionLevelChoices,
          .missing = Reason::kProtectionLevelMissing,
          .bad = Reason::kBadProtectionLevel,
          .note = "`0` HSM, `1` software"};
}

constexpr Parameter ProjectParameter() {
  return {.name = "epId", .max = 64, .note = "enterprise project, default `default`"};
}

constexpr Parameter MessageTypeParameter() {
  return {.name = "messageType",
          .kind = Kind::kChoice,
          .choices = kMessageTypeChoices,
          .note =
              "default `RAW`: the KMS makes the digest, SHA-256 with RSA, SM3 of Z and "
              "the message with SM2; `DIGEST`: the message is one, of 32 bytes"};
}

constexpr Parameter RandomLevelParameter(std::string_view name, std::string_view note) {
  return {.name = name,
          .kind = Kind::kChoice,
          .choices = kProtectionLevelChoices,
          .note = note};
}

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
    LevelParameter(),
    ProjectParameter()};
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
constexpr Parameter kSign[] = {CertificateParameter(), SignatureAlgorithmParameter(),
                               MessageParameter(), MessageTypeParameter()};
constexpr Parameter kVerify[] = {CertificateParameter(), SignatureAlgorithmParameter(),
                                 MessageParameter(), MessageTypeParameter(),
                                 SignatureValueParameter()};
constexpr Parameter kEncrypt[] = {
    CertificateParameter(), EncryptionAlgorithmParameter(),
    PlaintextParameter("what to encrypt; with RSA 190, 214 or 245 bytes at most")};
constexpr Parameter kDecrypt[] = {
    CertificateParameter(), EncryptionAlgorithmParameter(),
    CiphertextParameter("made to the certificate's public key")};
constexpr Parameter kRandom[] = {
    {.name = "randomDataLength",
     .required = true,
     .kind = Kind::kInteger,
     .min = 1,
     .max = CertificateComputeService::kMaxRandom,
     .note = "bytes"},
    RandomLevelParameter("protectLevel", "`0` from the HSM, `1` (default) from here"),
    RandomLevelParameter("protectionLevel", "another name of `protectLevel`")};
constexpr Parameter kPkcs12[] = {{.name = "passPhrase",
                                  .required = true,
                                  .max = kMaxPkcs12PassPhrase,
                                  .secret = true,
                                  .note = "that opens the file"},
                                 {.name = "pkcs12Blob",
                                  .required = true,
                                  .kind = Kind::kBase64,
                                  .max = kMaxPkcs12,
                                  .secret = true,
                                  .note = "the file"},
                                 LevelParameter(),
                                 ProjectParameter()};

constexpr std::string_view kCertificateResource[] = {"certificateId"};
constexpr std::string_view kDecryptResources[] = {"ciphertextBlob", "certificateId"};

constexpr std::string_view kIdResult[] = {"certificateId"};
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
constexpr std::string_view kSignResult[] = {"certificateId", "signatureValue"};
constexpr std::string_view kVerifyResult[] = {"certificateId", "signatureValid"};
constexpr std::string_view kEncryptResult[] = {"certificateId", "ciphertextBlob"};
constexpr std::string_view kDecryptResult[] = {"certificateId", "plaintext"};
constexpr std::string_view kRandomResult[] = {"randomData"};

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
constexpr std::string_view kSignPaths[] = {
    "/v1/certificateCompute/certificatePrivateKeySign"};
constexpr std::string_view kVerifyPaths[] = {
    "/v1/certificateCompute/certificatePublicKeyVerify"};
constexpr std::string_view kEncryptPaths[] = {
    "/v1/certificateCompute/certificatePublicKeyEncrypt"};
constexpr std::string_view kDecryptPaths[] = {
    "/v1/certificateCompute/certificatePrivateKeyDecrypt"};
constexpr std::string_view kRandomPaths[] = {"/v1/certificatecompute/getRandom",
                                             "/v1/certificateCompute/getRandom"};
constexpr std::string_view kPkcs12Paths[] = {
    "/v1/manageCertificate/importCertificateByPKCS12"};

std::string_view IdOf(const Arguments& arguments) {
  return arguments.Text("certificateId");
}

SignedMessage MessageOf(const Arguments& arguments) {
  // An absent type is 0, which is kRaw.
  return {ChoiceOf<SignatureAlgorithm>(arguments, "algorithm"),
          ChoiceOf<MessageType>(arguments, "messageType"), arguments.Bytes("message")};
}

SecretBytes PassPhraseOf(const Arguments& arguments) {
  return SecretBytes::CopyOf(AsBytes(arguments.Text("passPhrase")));
}

object NewResult(Call& call, const Arguments& arguments) {
  object result(call.storage);
  Put(result, "certificateId", IdOf(arguments));
  return result;
}

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
  KMS_CHECK_OK(call.kms.certificates().Import(call.context, IdOf(arguments),
                                              arguments.Text("certificate"),
                                              arguments.Text("certificateChain")));
  return NewResult(call, arguments);
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
          call.kms.certificates().Describe(call.context, IdOf(arguments)));
  object result(call.storage);
  PutDescription(result, described);
  return result;
}

Result<object> UpdateCertificateStatus(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.certificates().SetStatus(
      call.context, IdOf(arguments), ChoiceOf<CertificateStatus>(arguments, "status")));
  return object(call.storage);
}

Result<object> GetCertificate(Call& call, const Arguments& arguments) {
  KMS_TRY(const CertificateTexts texts,
          call.kms.certificates().Get(call.context, IdOf(arguments)));
  object result = NewResult(call, arguments);
  PutTextOrNull(result, "certificate", texts.certificate);
  PutTextOrNull(result, "certificateChain", texts.chain);
  PutTextOrNull(result, "csr", texts.request);
  return result;
}

Result<object> ExportCertificatePrivateKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const ExportedCertificate exported,
          call.kms.certificates().Export(call.context, IdOf(arguments),
                                         PassPhraseOf(arguments)));
  object result = NewResult(call, arguments);
  PutBase64(result, "pkcs12Blob", exported.pkcs12);
  Put(result, "privateKey", exported.private_key);
  Put(result, "certificate", exported.certificate);
  PutTextOrNull(result, "certificateChain", exported.chain);
  return result;
}

Result<object> DeleteCertificate(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.certificates().Delete(call.context, IdOf(arguments)));
  return object(call.storage);
}

Result<object> CertificatePrivateKeySign(Call& call, const Arguments& arguments) {
  KMS_TRY(const Bytes signature,
          call.kms.certificate_compute().Sign(call.context, IdOf(arguments),
                                              MessageOf(arguments)));
  object result = NewResult(call, arguments);
  PutBase64(result, "signatureValue", signature);
  return result;
}

Result<object> CertificatePublicKeyVerify(Call& call, const Arguments& arguments) {
  KMS_TRY(const bool valid, call.kms.certificate_compute().Verify(
                                call.context, IdOf(arguments), MessageOf(arguments),
                                arguments.Bytes("signatureValue")));
  object result = NewResult(call, arguments);
  Put(result, "signatureValid", valid ? "true" : "false");
  return result;
}

Result<object> CertificatePublicKeyEncrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const Bytes ciphertext,
          call.kms.certificate_compute().Encrypt(
              call.context, IdOf(arguments),
              ChoiceOf<EncryptionAlgorithm>(arguments, "algorithm"),
              arguments.Bytes("plaintext")));
  object result = NewResult(call, arguments);
  PutBase64(result, "ciphertextBlob", ciphertext);
  return result;
}

Result<object> CertificatePrivateKeyDecrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const SecretBytes plaintext,
          call.kms.certificate_compute().Decrypt(
              call.context, IdOf(arguments),
              ChoiceOf<EncryptionAlgorithm>(arguments, "algorithm"),
              arguments.Bytes("ciphertextBlob")));
  object result = NewResult(call, arguments);
  result.reserve(2);
  PutBase64(result, "plaintext", plaintext.Reveal());
  return result;
}

Result<object> GetRandom(Call& call, const Arguments& arguments) {
  const std::string_view name =
      arguments.Has("protectLevel") ? "protectLevel" : "protectionLevel";
  const auto level = arguments.Has(name) ? ChoiceOf<ProtectionLevel>(arguments, name)
                                         : ProtectionLevel::kSoftware;
  KMS_TRY(const SecretBytes random,
          call.kms.certificate_compute().Random(
              call.context,
              static_cast<std::size_t>(arguments.Integer("randomDataLength")), level));
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  object result(call.storage);
  // In place: a text of its own would leave a copy.
  boost::json::string& hex = result["randomData"].emplace_string();
  hex.reserve(2 * random.size());
  for (const std::uint8_t byte : random.Reveal()) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 0xf]);
  }
  return result;
}

Result<object> ImportCertificateByPkcs12(Call& call, const Arguments& arguments) {
  const SecretBytes pass_phrase = PassPhraseOf(arguments);
  NewPkcs12Certificate wanted = {.file = arguments.Bytes("pkcs12Blob"),
                                 .pass_phrase = pass_phrase};
  wanted.level = ChoiceOf<ProtectionLevel>(arguments, "protectionLevel");
  if (arguments.Has("epId")) wanted.project = arguments.Text("epId");
  KMS_TRY(const std::string id,
          call.kms.certificates().ImportPkcs12(call.context, wanted));
  object result(call.storage);
  Put(result, "certificateId", id);
  return result;
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
     .result = kIdResult,
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
    {.name = "certificatePrivateKeySign",
     .group = "certificates",
     .paths = kSignPaths,
     .action = "kms:cert:privateKeySign",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kPrivateKey,
     .parameters = kSign,
     .result = kSignResult,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary = "Signs a message with an active certificate that is in its time.",
     .handler = CertificatePrivateKeySign},
    {.name = "certificatePublicKeyVerify",
     .group = "certificates",
     .paths = kVerifyPaths,
     .action = "kms:cert:publicKeyVerity",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kInline,
     .parameters = kVerify,
     .result = kVerifyResult,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary =
         "Tells whether a signature is one of a message; a wrong one is an answer, "
         "not an error.",
     .handler = CertificatePublicKeyVerify},
    {.name = "certificatePublicKeyEncrypt",
     .group = "certificates",
     .paths = kEncryptPaths,
     .action = "kms:cert:publicKeyEncrypt",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kInline,
     .parameters = kEncrypt,
     .result = kEncryptResult,
     .resources = kCertificateResource,
     .section = "4.8, 4.6",
     .summary = "Encrypts to the public key of a certificate.",
     .handler = CertificatePublicKeyEncrypt},
    {.name = "certificatePrivateKeyDecrypt",
     .group = "certificates",
     .paths = kDecryptPaths,
     .action = "kms:cert:privateKeyDecrypt",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kPrivateKey,
     .parameters = kDecrypt,
     .result = kDecryptResult,
     .resources = kDecryptResources,
     .section = "4.8, 4.6",
     .summary = "Decrypts with an active certificate.",
     .handler = CertificatePrivateKeyDecrypt},
    {.name = "getRandom",
     .group = "certificates",
     .paths = kRandomPaths,
     .action = "kms:cert:getRandom",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .parameters = kRandom,
     .result = kRandomResult,
     .section = "4.8, 4.6",
     .summary = "Returns random bytes as hexadecimal digits.",
     .handler = GetRandom},
    {.name = "importCertificateByPKCS12",
     .group = "certificates",
     .paths = kPkcs12Paths,
     .action = "kms:cert:import",
     .write = true,
     .mutates = true,
     .lane = Lane::kPrivateKey,
     .parameters = kPkcs12,
     .result = kIdResult,
     .section = "4.6.3",
     .summary = "Makes an active certificate of a PKCS#12 file with its private key.",
     .handler = ImportCertificateByPkcs12},
};

}  // namespace

std::span<const Operation> CertificateOperations() { return kOperations; }

}  // namespace kms::server
