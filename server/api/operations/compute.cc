// Encryption and data keys under symmetric keys (manual 5.7.1 to 5.7.7).

#include <string>

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

// What a spelling stands for is the size in bytes.
constexpr Choice kDataKeySpecChoices[] = {
    {"1", 32}, {"AES_256", 32}, {"2", 16}, {"AES_128", 16}};
constexpr std::int64_t kDefaultDataKeySize = 32;
constexpr std::string_view kDestinationContext = "destinationEncryptionContext";
constexpr std::string_view kNewContext =
    "beyond the manual: what the ciphertext is bound to; decryption needs the same";
constexpr std::string_view kGivenContext =
    "beyond the manual: as it was given when the ciphertext was made";

constexpr Choice kSourceAlgorithmChoices[] = {
    Spelled("RSAES_OAEP_SHA_256", EncryptionAlgorithm::kRsaOaepSha256),
    Spelled("RSAES_OAEP_SHA_1", EncryptionAlgorithm::kRsaOaepSha1),
    Spelled("SM2", EncryptionAlgorithm::kSm2),
    Spelled("SM2PKE", EncryptionAlgorithm::kSm2)};

// Whose key a data key is encrypted under: it is named, or it is the default key of a
// product.
constexpr std::string_view kKeyName = "cmkUuid";
constexpr std::string_view kProduct = "product";

constexpr Parameter DataKeyKeyParameter() {
  Parameter parameter = KeyParameter();
  parameter.may_be_empty = true;
  parameter.unless = kProduct;
  parameter.note =
      "the key; empty: the default key of `product`, or of `default`, which is made when "
      "it is first asked for";
  return parameter;
}

constexpr Parameter ProductParameter() {
  return {.name = kProduct,
          .kind = Kind::kText,
          .max = 32,
          .note =
              "beyond the manual: the code of a cloud product, of `a-z`, `0-9`, `_` "
              "and `-`; not beside a key"};
}

constexpr Parameter DataKeySpecParameter() {
  return {.name = "keySpec",
          .kind = Kind::kChoice,
          .choices = kDataKeySpecChoices,
          .missing = Reason::kKeySpecMissing,
          .bad = Reason::kBadKeySpec,
          .note = "size of the data key; default `AES_256`"};
}

constexpr Parameter DataKeySizeParameter() {
  return {.name = "numberOfBytes",
          .kind = Kind::kInteger,
          .min = 1,
          .max = 1024,
          .note = "size of the data key; goes before keySpec"};
}

constexpr Parameter PublicKeyParameter() {
  return {.name = "publicKeyBlob",
          .required = true,
          .kind = Kind::kPublicKey,
          .max = kMaxPublicKey,
          .bad = Reason::kBadRsaKeyLength,
          .note = "whom to encrypt the data key to"};
}

constexpr Parameter WrappingAlgorithm() {
  return WrappingAlgorithmParameter(Where::kBody, kOaepChoices,
                                    "how to encrypt the data key to the public key");
}

constexpr Parameter kEncrypt[] = {KeyParameter(), PlaintextParameter("what to encrypt"),
                                  ContextParameter(kNewContext)};
constexpr Parameter kDataKey[] = {
    DataKeyKeyParameter(),         DataKeySpecParameter(),
    DataKeySizeParameter(),        RegionParameter(Where::kBody, false),
    ContextParameter(kNewContext), ProductParameter()};
constexpr Parameter kExport[] = {CiphertextParameter("an encrypted data key"),
                                 PublicKeyParameter(), WrappingAlgorithm(),
                                 WrappingKeySpecParameter(Where::kBody),
                                 ContextParameter(kGivenContext)};
constexpr Parameter kGenerateAndExport[] = {
    DataKeyKeyParameter(),         PublicKeyParameter(),
    WrappingAlgorithm(),           WrappingKeySpecParameter(Where::kBody),
    DataKeySpecParameter(),        DataKeySizeParameter(),
    ContextParameter(kNewContext), ProductParameter()};
constexpr Parameter kDecrypt[] = {CiphertextParameter("names its own key and version"),
                                  ContextParameter(kGivenContext)};
constexpr Parameter kReEncrypt[] = {
    CiphertextParameter("made under a symmetric key, or to a public key"),
    {.name = "destinationKeyId",
     .required = true,
     .kind = Kind::kKey,
     .missing = Reason::kDestinationKeyMissing,
     .bad = Reason::kDestinationKeyNotFound,
     .note = "the symmetric key to encrypt under"},
    {.name = "sourceKeyId",
     .kind = Kind::kKey,
     .missing = Reason::kSourceKeyMissing,
     .bad = Reason::kKeyNotFound,
     .note = "the asymmetric key that decrypts; required if another source parameter "
             "is there"},
    {.name = "sourceKeyVersionId",
     .kind = Kind::kVersion,
     .missing = Reason::kSourceVersionMissing,
     .bad = Reason::kVersionNotFound,
     .note = "its version; required if another source parameter is there"},
    {.name = "sourceEncryptionAlgorithm",
     .kind = Kind::kChoice,
     .choices = kSourceAlgorithmChoices,
     .bad = Reason::kBadAlgorithm,
     .note = "required if another source parameter is there"},
    ContextParameter(kGivenContext),
    ContextParameter("what to bind the new ciphertext to; encryptionContext, if absent",
                     kDestinationContext)};

constexpr std::string_view kResourceKey[] = {"cmkUuid"};
constexpr std::string_view kResourceBlob[] = {"ciphertextBlob"};
constexpr std::string_view kResourceReEncrypt[] = {"destinationKeyId", "sourceKeyId",
                                                   "ciphertextBlob"};

constexpr std::string_view kEncryptedResult[] = {"ciphertextBlob", "cmkUuid",
                                                 "keyVersionId"};
constexpr std::string_view kDataKeyResult[] = {"ciphertextBlob", "cmkUuid",
                                               "keyVersionId", "plaintext"};
constexpr std::string_view kExportResult[] = {"keyVersionId", "cmkUuid",
                                              "exportedDataKey"};
constexpr std::string_view kGenerateAndExportResult[] = {
    "ciphertextBlob", "cmkUuid", "exportedDataKey", "keyVersionId"};
constexpr std::string_view kDecryptResult[] = {"cmkUuid", "keyVersionId", "plaintext"};

constexpr std::string_view kEncryptPaths[] = {"/v1/keyCompute/encrypt",
                                              "/apiproxy/v3/account/keyCompute/encrypt",
                                              "/apiproxy/v3/product/encrypt"};
constexpr std::string_view kDataKeyPaths[] = {"/v1/keyCompute/generateDataKey",
                                              "/apiproxy/v3/product/generateDataKey"};
constexpr std::string_view kWithoutPlaintextPaths[] = {
    "/v1/keyCompute/generateDataKeyWithoutPlaintext",
    "/apiproxy/v3/product/generateDataKeyWithoutPlaintext"};
constexpr std::string_view kExportPaths[] = {"/v1/keyCompute/exportDataKey",
                                             "/apiproxy/v3/product/exportDataKey"};
constexpr std::string_view kGenerateAndExportPaths[] = {
    "/v1/keyCompute/generateAndExportDataKey",
    "/apiproxy/v3/product/generateAndExportDataKey"};
constexpr std::string_view kDecryptPaths[] = {"/v1/keyCompute/decrypt",
                                              "/apiproxy/v3/product/decrypt"};
constexpr std::string_view kReEncryptPaths[] = {"/v1/cmkManage/reEncrypt",
                                                "/apiproxy/v3/product/reEncrypt"};

// The key of a data key; a default key is made, if it is not there yet.
Result<std::string> DataKeyKey(const Call& call, const Arguments& arguments) {
  const std::string_view key = arguments.Text(kKeyName);
  const bool of_product = arguments.Has(kProduct);
  if (!key.empty() && of_product) return Error(Reason::kBadParameter).About(kProduct);
  if (!key.empty()) return std::string(key);
  return call.kms.default_keys().Of(
      call.context, of_product ? arguments.Text(kProduct) : DefaultKeyService::kNoProduct,
      call.operation.action);
}

// Making a key waits for the disk.
Lane LaneOfDataKey(const Arguments& arguments) {
  return arguments.Text(kKeyName).empty() ? Lane::kCommit : Lane::kInline;
}

std::size_t DataKeySize(const Arguments& arguments) {
  const std::int64_t by_spec = arguments.Integer("keySpec", kDefaultDataKeySize);
  return static_cast<std::size_t>(arguments.Integer("numberOfBytes", by_spec));
}

void PutNames(object& result, std::string_view key, std::string_view version) {
  Put(result, "cmkUuid", key);
  Put(result, "keyVersionId", version);
}

void PutEncrypted(object& result, const Encrypted& encrypted) {
  PutBase64(result, "ciphertextBlob", encrypted.blob);
  PutNames(result, encrypted.key, encrypted.version);
}

object WriteEncrypted(const Call& call, const Encrypted& encrypted) {
  object result(call.storage);
  result.reserve(4);
  PutEncrypted(result, encrypted);
  return result;
}

Result<object> Encrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  KMS_TRY(const auto encrypted,
          call.kms.compute().Encrypt(call.context, arguments.Text("cmkUuid"),
                                     arguments.Bytes("plaintext"), bound));
  return WriteEncrypted(call, encrypted);
}

Result<object> Decrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  KMS_TRY(
      const auto decrypted,
      call.kms.compute().Decrypt(call.context, arguments.Bytes("ciphertextBlob"), bound));
  object result(call.storage);
  result.reserve(3);
  PutNames(result, decrypted.key, decrypted.version);
  PutBase64(result, "plaintext", decrypted.plaintext.Reveal());
  return result;
}

Result<object> GenerateDataKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  KMS_TRY(const std::string key, DataKeyKey(call, arguments));
  KMS_TRY(const auto made, call.kms.compute().GenerateDataKey(
                               call.context, key, DataKeySize(arguments), bound));
  object result = WriteEncrypted(call, made.encrypted);
  PutBase64(result, "plaintext", made.plaintext.Reveal());
  return result;
}

Result<object> GenerateDataKeyWithoutPlaintext(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  KMS_TRY(const std::string key, DataKeyKey(call, arguments));
  KMS_TRY(const auto encrypted, call.kms.compute().GenerateDataKeyWithoutPlaintext(
                                    call.context, key, DataKeySize(arguments), bound));
  return WriteEncrypted(call, encrypted);
}

Result<object> ExportDataKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  KMS_TRY(const auto made,
          call.kms.compute().ExportDataKey(
              call.context, arguments.Bytes("ciphertextBlob"),
              arguments.Bytes("publicKeyBlob"),
              ChoiceOf<EncryptionAlgorithm>(arguments, "wrappingAlgorithm"), bound));
  object result(call.storage);
  PutNames(result, made.encrypted.key, made.encrypted.version);
  PutBase64(result, "exportedDataKey", made.exported);
  return result;
}

Result<object> GenerateAndExportDataKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  KMS_TRY(const std::string key, DataKeyKey(call, arguments));
  KMS_TRY(const auto made,
          call.kms.compute().GenerateAndExportDataKey(
              call.context, key, DataKeySize(arguments), arguments.Bytes("publicKeyBlob"),
              ChoiceOf<EncryptionAlgorithm>(arguments, "wrappingAlgorithm"), bound));
  object result = WriteEncrypted(call, made.encrypted);
  PutBase64(result, "exportedDataKey", made.exported);
  return result;
}

bool HasSource(const Arguments& arguments) {
  return arguments.Has("sourceKeyId") || arguments.Has("sourceKeyVersionId") ||
         arguments.Has("sourceEncryptionAlgorithm");
}

Result<void> CheckSource(const Arguments& arguments) {
  for (const auto& [name, missing] :
       {std::pair("sourceKeyId", Reason::kSourceKeyMissing),
        std::pair("sourceKeyVersionId", Reason::kSourceVersionMissing),
        std::pair("sourceEncryptionAlgorithm", Reason::kParameterMissing)})
    if (!arguments.Has(name)) return Error(missing).About(name);
  return {};
}

Result<object> ReEncrypt(Call& call, const Arguments& arguments) {
  std::optional<PublicKeySource> source;
  if (HasSource(arguments)) {
    KMS_CHECK_OK(CheckSource(arguments));
    source = {arguments.Text("sourceKeyId"), arguments.Text("sourceKeyVersionId"),
              ChoiceOf<EncryptionAlgorithm>(arguments, "sourceEncryptionAlgorithm")};
  }
  KMS_TRY(const EncryptionContext given, ContextOf(arguments));
  KMS_TRY(const EncryptionContext destination_bound,
          ContextOf(arguments, arguments.Has(kDestinationContext) ? kDestinationContext
                                                                  : kContextName));
  // A public-key ciphertext is bound to nothing.
  KMS_TRY(const auto encrypted,
          call.kms.compute().ReEncrypt(
              call.context, arguments.Bytes("ciphertextBlob"),
              arguments.Text("destinationKeyId"), source ? &*source : nullptr,
              source ? EncryptionContext() : given, destination_bound));
  return WriteEncrypted(call, encrypted);
}

Lane LaneOfReEncrypt(const Arguments& arguments) {
  return HasSource(arguments) ? Lane::kPrivateKey : Lane::kInline;
}

constexpr Operation kOperations[] = {
    {.name = "encrypt",
     .group = "compute",
     .paths = kEncryptPaths,
     .action = "kms:cmk:encrypt",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .parameters = kEncrypt,
     .result = kEncryptedResult,
     .resources = kResourceKey,
     .section = "5.7.1",
     .envelope = Envelope::kBare,
     .summary = "Encrypts up to 6144 bytes under the primary version of a symmetric key.",
     .handler = Encrypt},
    {.name = "generateDataKey",
     .group = "compute",
     .paths = kDataKeyPaths,
     .action = "kms:cmk:generateDataKey",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .choose_lane = LaneOfDataKey,
     .parameters = kDataKey,
     .result = kDataKeyResult,
     .resources = kResourceKey,
     .section = "5.7.2",
     .summary = "Makes a random data key, and returns it in clear and encrypted.",
     .handler = GenerateDataKey},
    {.name = "generateDataKeyWithoutPlaintext",
     .group = "compute",
     .paths = kWithoutPlaintextPaths,
     .action = "kms:cmk:generateDataKeyWithoutPlaintext",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .choose_lane = LaneOfDataKey,
     .parameters = kDataKey,
     .result = kEncryptedResult,
     .resources = kResourceKey,
     .section = "5.7.3",
     .summary = "Makes a random data key, and returns it encrypted only.",
     .handler = GenerateDataKeyWithoutPlaintext},
    {.name = "exportDataKey",
     .group = "compute",
     .paths = kExportPaths,
     .action = "kms:cmk:exportDataKey",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .parameters = kExport,
     .result = kExportResult,
     .resources = kResourceBlob,
     .section = "5.7.4",
     .summary = "Decrypts a data key, and encrypts it to somebody else's public key.",
     .handler = ExportDataKey},
    {.name = "generateAndExportDataKey",
     .group = "compute",
     .paths = kGenerateAndExportPaths,
     .action = "kms:cmk:generateAndExportDataKey",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .choose_lane = LaneOfDataKey,
     .parameters = kGenerateAndExport,
     .result = kGenerateAndExportResult,
     .resources = kResourceKey,
     .section = "5.7.5",
     .summary = "Makes a random data key, encrypted under a key and to a public key.",
     .handler = GenerateAndExportDataKey},
    {.name = "decrypt",
     .group = "compute",
     .paths = kDecryptPaths,
     .action = "kms:cmk:decrypt",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .parameters = kDecrypt,
     .result = kDecryptResult,
     .resources = kResourceBlob,
     .section = "5.7.6",
     .summary = "Decrypts a ciphertext under the key and version that it names.",
     .handler = Decrypt},
    {.name = "reEncrypt",
     .group = "compute",
     .paths = kReEncryptPaths,
     .action = "kms:cmk:reEncrypt",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .choose_lane = LaneOfReEncrypt,
     .parameters = kReEncrypt,
     .result = kEncryptedResult,
     .resources = kResourceReEncrypt,
     .section = "5.7.7",
     .summary = "Encrypts under another key what a ciphertext holds, without showing it; "
                "the key and version of the answer are those that decrypted.",
     .handler = ReEncrypt},
};

}  // namespace

std::span<const Operation> ComputeOperations() { return kOperations; }

}  // namespace kms::server
