// Signatures and encryption under key pairs (manual 5.7.8 to 5.7.12).

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Parameter DigestParameter() {
  return {.name = "digest",
          .required = true,
          .kind = Kind::kBase64,
          .max = kMaxShortBytes,
          .missing = Reason::kDigestMissing,
          .bad = Reason::kBadParameter,
          .note =
              "32 bytes: SHA-256 of the message for RSA, SM3 of Z and the message for "
              "SM2"};
}

constexpr Parameter kSign[] = {SignatureAlgorithmParameter(), DigestParameter(),
                               KeyParameter(), VersionParameter()};
constexpr Parameter kVerify[] = {SignatureAlgorithmParameter(),
                                 DigestParameter(),
                                 KeyParameter(),
                                 VersionParameter(),
                                 {.name = "value",
                                  .required = true,
                                  .kind = Kind::kBase64,
                                  .max = kMaxShortBytes,
                                  .missing = Reason::kSignatureMissing,
                                  .bad = Reason::kBadParameter,
                                  .note = "the signature"}};
constexpr Parameter kEncrypt[] = {
    EncryptionAlgorithmParameter(),
    PlaintextParameter("what to encrypt; with RSA 190, 214 or 245 bytes at most"),
    KeyParameter(), VersionParameter()};
constexpr Parameter kDecrypt[] = {EncryptionAlgorithmParameter(),
                                  CiphertextParameter("made to the public key"),
                                  KeyParameter(), VersionParameter()};
constexpr Parameter kKeyAndVersion[] = {KeyParameter(), VersionParameter()};

constexpr std::string_view kResourceKey[] = {"cmkUuid"};
constexpr std::string_view kResourceKeyAndBlob[] = {"cmkUuid", "ciphertextBlob"};

constexpr std::string_view kValueResult[] = {"cmkUuid", "keyVersionId", "value"};
constexpr std::string_view kEncryptResult[] = {"ciphertextBlob", "cmkUuid", "keyVersion",
                                               "keyVersionId"};
constexpr std::string_view kDecryptResult[] = {"cmkUuid", "keyVersionId", "plaintext"};
constexpr std::string_view kPublicKeyResult[] = {"cmkUuid", "keyVersion", "keyVersionId",
                                                 "publicKey"};

constexpr std::string_view kSignPaths[] = {
    "/v1/asymmetric/asymmetricSign", "/apiproxy/v3/account/asymmetric/asymmetricSign"};
constexpr std::string_view kVerifyPaths[] = {
    "/v1/asymmetric/asymmetricVerify",
    "/apiproxy/v3/account/asymmetric/asymmetricVerify"};
constexpr std::string_view kEncryptPaths[] = {
    "/v1/asymmetric/asymmetricEncrypt",
    "/apiproxy/v3/account/asymmetric/asymmetricEncrypt"};
constexpr std::string_view kDecryptPaths[] = {
    "/v1/asymmetric/asymmetricDecrypt",
    "/apiproxy/v3/account/asymmetric/asymmetricDecrypt"};
constexpr std::string_view kPublicKeyPaths[] = {
    "/v1/asymmetric/getPublicKey", "/apiproxy/v3/account/asymmetric/getPublicKey"};

VersionName NameOf(const Arguments& arguments) {
  return {arguments.Text("cmkUuid"), arguments.Text("keyVersionId")};
}

void PutNames(object& result, std::string_view key, std::string_view version) {
  Put(result, "cmkUuid", key);
  Put(result, "keyVersionId", version);
}

Result<object> AsymmetricSign(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto made,
          call.kms.asymmetric().Sign(call.context, NameOf(arguments),
                                     ChoiceOf<SignatureAlgorithm>(arguments, "algorithm"),
                                     arguments.Bytes("digest")));
  object result(call.storage);
  PutNames(result, made.key, made.version);
  PutBase64(result, "value", made.signature);
  return result;
}

Result<object> AsymmetricVerify(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto verified, call.kms.asymmetric().Verify(
                                   call.context, NameOf(arguments),
                                   ChoiceOf<SignatureAlgorithm>(arguments, "algorithm"),
                                   arguments.Bytes("digest"), arguments.Bytes("value")));
  object result(call.storage);
  PutNames(result, verified.key, verified.version);
  Put(result, "value", verified.valid ? "true" : "false");
  return result;
}

Result<object> AsymmetricEncrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto encrypted, call.kms.asymmetric().Encrypt(
                                    call.context, NameOf(arguments),
                                    ChoiceOf<EncryptionAlgorithm>(arguments, "algorithm"),
                                    arguments.Bytes("plaintext")));
  object result(call.storage);
  PutBase64(result, "ciphertextBlob", encrypted.blob);
  PutNames(result, encrypted.key, encrypted.version);
  Put(result, "keyVersion", encrypted.version);
  return result;
}

Result<object> AsymmetricDecrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto decrypted, call.kms.asymmetric().Decrypt(
                                    call.context, NameOf(arguments),
                                    ChoiceOf<EncryptionAlgorithm>(arguments, "algorithm"),
                                    arguments.Bytes("ciphertextBlob")));
  object result(call.storage);
  result.reserve(3);
  PutNames(result, decrypted.key, decrypted.version);
  PutBase64(result, "plaintext", decrypted.plaintext.Reveal());
  return result;
}

Result<object> GetPublicKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto described,
          call.kms.asymmetric().GetPublicKey(call.context, NameOf(arguments)));
  object result(call.storage);
  PutNames(result, described.key, described.version);
  Put(result, "keyVersion", described.version);
  Put(result, "publicKey", described.pem);
  return result;
}

constexpr Operation kOperations[] = {
    {.name = "asymmetricSign",
     .group = "asymmetric",
     .paths = kSignPaths,
     .action = "kms:cmk:asymmetricSign",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kPrivateKey,
     .parameters = kSign,
     .result = kValueResult,
     .resources = kResourceKey,
     .section = "5.7.8",
     .summary = "Signs a digest under one version of a key pair.",
     .handler = AsymmetricSign},
    {.name = "asymmetricVerify",
     .group = "asymmetric",
     .paths = kVerifyPaths,
     .action = "kms:cmk:asymmetricVerify",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kInline,
     .parameters = kVerify,
     .result = kValueResult,
     .resources = kResourceKey,
     .section = "5.7.9",
     .summary = "Tells whether a signature is one of a digest; a wrong one is an answer, "
                "not an error.",
     .handler = AsymmetricVerify},
    {.name = "asymmetricEncrypt",
     .group = "asymmetric",
     .paths = kEncryptPaths,
     .action = "kms:cmk:asymmetricEncrypt",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kInline,
     .parameters = kEncrypt,
     .result = kEncryptResult,
     .resources = kResourceKey,
     .section = "5.7.10",
     .summary = "Encrypts to the public key of one version of a key pair.",
     .handler = AsymmetricEncrypt},
    {.name = "asymmetricDecrypt",
     .group = "asymmetric",
     .paths = kDecryptPaths,
     .action = "kms:cmk:asymmetricDecrypt",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kPrivateKey,
     .parameters = kDecrypt,
     .result = kDecryptResult,
     .resources = kResourceKeyAndBlob,
     .section = "5.7.11",
     .summary = "Decrypts under the private key of one version of a key pair.",
     .handler = AsymmetricDecrypt},
    {.name = "getPublicKey",
     .group = "asymmetric",
     .paths = kPublicKeyPaths,
     .action = "kms:cmk:getPublicKey",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kInline,
     .parameters = kKeyAndVersion,
     .result = kPublicKeyResult,
     .resources = kResourceKey,
     .section = "5.7.12",
     .summary = "Returns the public key of one version of a key pair as PEM.",
     .handler = GetPublicKey},
};

}  // namespace

std::span<const Operation> AsymmetricOperations() { return kOperations; }

}  // namespace kms::server
