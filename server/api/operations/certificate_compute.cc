// Computing with certificates whose private keys are in the KMS (manual 4.6), and random
// bytes.

#include <string>

#include "api/operations/certificate_results.h"
#include "api/operations/groups.h"
#include "kms/encoding.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Choice kMessageTypeChoices[] = {Spelled("RAW", MessageType::kRaw),
                                          Spelled("DIGEST", MessageType::kDigest)};

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

constexpr std::string_view kCertificateResource[] = {"certificateId"};
constexpr std::string_view kDecryptResources[] = {"ciphertextBlob", "certificateId"};

constexpr std::string_view kSignResult[] = {"certificateId", "signatureValue"};
constexpr std::string_view kVerifyResult[] = {"certificateId", "signatureValid"};
constexpr std::string_view kEncryptResult[] = {"certificateId", "ciphertextBlob"};
constexpr std::string_view kDecryptResult[] = {"certificateId", "plaintext"};
constexpr std::string_view kRandomResult[] = {"randomData"};

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

SignedMessage MessageOf(const Arguments& arguments) {
  // An absent type is 0, which is kRaw.
  return {ChoiceOf<SignatureAlgorithm>(arguments, "algorithm"),
          ChoiceOf<MessageType>(arguments, "messageType"), arguments.Bytes("message")};
}

Result<object> CertificatePrivateKeySign(Call& call, const Arguments& arguments) {
  KMS_TRY(const Bytes signature,
          call.kms.certificate_compute().Sign(call.context, CertificateIdOf(arguments),
                                              MessageOf(arguments)));
  object result = NewCertificateResult(call, arguments);
  PutBase64(result, "signatureValue", signature);
  return result;
}

Result<object> CertificatePublicKeyVerify(Call& call, const Arguments& arguments) {
  KMS_TRY(const bool valid, call.kms.certificate_compute().Verify(
                                call.context, CertificateIdOf(arguments),
                                MessageOf(arguments), arguments.Bytes("signatureValue")));
  object result = NewCertificateResult(call, arguments);
  Put(result, "signatureValid", valid ? "true" : "false");
  return result;
}

Result<object> CertificatePublicKeyEncrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const Bytes ciphertext,
          call.kms.certificate_compute().Encrypt(
              call.context, CertificateIdOf(arguments),
              ChoiceOf<EncryptionAlgorithm>(arguments, "algorithm"),
              arguments.Bytes("plaintext")));
  object result = NewCertificateResult(call, arguments);
  PutBase64(result, "ciphertextBlob", ciphertext);
  return result;
}

Result<object> CertificatePrivateKeyDecrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const SecretBytes plaintext,
          call.kms.certificate_compute().Decrypt(
              call.context, CertificateIdOf(arguments),
              ChoiceOf<EncryptionAlgorithm>(arguments, "algorithm"),
              arguments.Bytes("ciphertextBlob")));
  object result = NewCertificateResult(call, arguments);
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

constexpr Operation kOperations[] = {
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
};

}  // namespace

std::span<const Operation> CertificateComputeOperations() { return kOperations; }

}  // namespace kms::server
