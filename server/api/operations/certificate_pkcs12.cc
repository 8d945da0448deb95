// Certificates that come with their private keys (manual 4.6.3).

#include <string>
#include <utility>

#include "api/operations/certificate_results.h"
#include "api/operations/groups.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::int64_t kMaxPkcs12 = 65536;
constexpr std::int64_t kMaxPkcs12PassPhrase = 1024;

constexpr Parameter kParameters[] = {{.name = "passPhrase",
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
                                     CertificateLevelParameter(),
                                     CertificateProjectParameter()};

constexpr std::string_view kResult[] = {"certificateId"};
constexpr std::string_view kPaths[] = {"/v1/manageCertificate/importCertificateByPKCS12"};

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
    {.name = "importCertificateByPKCS12",
     .group = "certificates",
     .paths = kPaths,
     .action = "kms:cert:import",
     .write = true,
     .mutates = true,
     .lane = Lane::kPrivateKey,
     .parameters = kParameters,
     .result = kResult,
     .section = "4.6.3",
     .summary = "Makes an active certificate of a PKCS#12 file with its private key.",
     .handler = ImportCertificateByPkcs12},
};

}  // namespace

std::span<const Operation> CertificatePkcs12Operations() { return kOperations; }

}  // namespace kms::server
