// Material that the user brings (manual 5.5).

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::int64_t kMaxToken = 4096;
constexpr std::int64_t kMaxWrappedMaterial = 1024;
constexpr std::int64_t kEndOf9999 = 253'402'300'799;  // the last date of four digits

constexpr Choice kWrappingAlgorithmChoices[] = {
    Spelled("RSAES_PKCS1_V1_5", EncryptionAlgorithm::kRsaPkcs1),
    Spelled("RSAES_OAEP_SHA_1", EncryptionAlgorithm::kRsaOaepSha1),
    Spelled("RSAES_OAEP_SHA_256", EncryptionAlgorithm::kRsaOaepSha256)};

constexpr Parameter kGetParameters[] = {
    KeyParameter(Where::kHeader),
    WrappingAlgorithmParameter(Where::kHeader, kWrappingAlgorithmChoices,
                               "how the material will be encrypted"),
    WrappingKeySpecParameter(Where::kHeader)};

constexpr Parameter kImport[] = {
    KeyParameter(),
    {.name = "keyMaterialExpireUnix",
     .required = true,
     .kind = Kind::kUnixTime,
     .min = 1,
     .max = kEndOf9999,
     .note = "when the material expires; a date that is past is refused"},
    {.name = "importToken",
     .required = true,
     .kind = Kind::kBase64,
     .max = kMaxToken,
     .missing = Reason::kImportTokenMissing,
     .bad = Reason::kBadImportToken,
     .note = "as getParametersForImport gave it, for this key"},
    {.name = "encryptedKeyMaterial",
     .required = true,
     .kind = Kind::kBase64,
     .max = kMaxWrappedMaterial,
     .missing = Reason::kKeyMaterialMissing,
     .bad = Reason::kBadParameter,
     .note =
         "32 bytes of material, encrypted to the public key that came with the token"}};

constexpr Parameter kKey[] = {KeyParameter()};

constexpr std::string_view kResourceKey[] = {"cmkUuid"};
constexpr std::string_view kGetParametersResult[] = {"cmkUuid", "importToken",
                                                     "publicKey", "tokenExpireTime"};

constexpr std::string_view kGetParametersPaths[] = {
    "/v1/importKey/getParametersForImport",
    "/apiproxy/v3/account/queryTrialBalance/getParametersForImport"};
constexpr std::string_view kImportPaths[] = {
    "/v1/importKey/importKeyMaterial",
    "/apiproxy/v3/account/queryTrialBalance/importKeyMaterial"};
constexpr std::string_view kDeletePaths[] = {
    "/v1/importKey/deleteKeyMaterial",
    "/apiproxy/v3/account/queryTrialBalance/deleteKeyMaterial"};

Result<object> GetParametersForImport(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto parameters,
          call.kms.imports().GetParameters(
              call.context, arguments.Text("cmkUuid"),
              ChoiceOf<EncryptionAlgorithm>(arguments, "wrappingAlgorithm")));
  object result(call.storage);
  Put(result, "cmkUuid", parameters.key);
  PutBase64(result, "importToken", parameters.token);
  PutBase64(result, "publicKey", parameters.public_key);
  Put(result, "tokenExpireTime", call.dialect.Date(parameters.token_expires));
  return result;
}

Result<object> ImportKeyMaterial(Call& call, const Arguments& arguments) {
  std::optional<UnixMillis> expires;
  if (const std::int64_t seconds = arguments.Integer("keyMaterialExpireUnix"))
    expires = seconds * 1000;
  KMS_CHECK_OK(call.kms.imports().ImportMaterial(
      call.context, arguments.Text("cmkUuid"), arguments.Bytes("importToken"),
      arguments.Bytes("encryptedKeyMaterial"), expires));
  return object(call.storage);
}

Result<object> DeleteKeyMaterial(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(
      call.kms.imports().DeleteMaterial(call.context, arguments.Text("cmkUuid")));
  return object(call.storage);
}

constexpr Operation kOperations[] = {
    {.name = "getParametersForImport",
     .group = "import",
     .get = true,
     .paths = kGetParametersPaths,
     .action = "kms:cmk:getParameters",
     .write = true,
     .lane = Lane::kPrivateKey,
     .parameters = kGetParameters,
     .result = kGetParametersResult,
     .resources = kResourceKey,
     .section = "5.5.1",
     .summary = "Makes a key pair to encrypt material to, and a token to import it with.",
     .handler = GetParametersForImport},
    {.name = "importKeyMaterial",
     .group = "import",
     .paths = kImportPaths,
     .action = "kms:cmk:importMaterial",
     .write = true,
     .mutates = true,
     .lane = Lane::kPrivateKey,
     .parameters = kImport,
     .resources = kResourceKey,
     .section = "5.5.2",
     .summary = "Gives an external key its material, or the same material a new end.",
     .handler = ImportKeyMaterial},
    {.name = "deleteKeyMaterial",
     .group = "import",
     .paths = kDeletePaths,
     .action = "kms:cmk:deleteMaterial",
     .write = true,
     .mutates = true,
     .parameters = kKey,
     .resources = kResourceKey,
     .section = "5.5.3",
     .summary = "Takes the material of an external key away until it is imported again.",
     .handler = DeleteKeyMaterial},
};

}  // namespace

std::span<const Operation> ImportOperations() { return kOperations; }

}  // namespace kms::server
