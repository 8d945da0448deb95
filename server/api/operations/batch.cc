// Batch forms of encrypt, decrypt and asymmetricSign: one request for many texts under
// one permission, with an answer for each. Of our own.

#include <boost/json/array.hpp>

#include "api/answer_text.h"
#include "api/operations/groups.h"
#include "api/operations/shared.h"
#include "kms/encoding.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Parameter ItemsParameter(std::string_view name, Reason missing, bool secret,
                                   std::string_view note) {
  return {.name = name,
          .required = true,
          .kind = Kind::kTexts,
          .max = 4 * (kMaxCiphertext + 2) / 3,
          .missing = missing,
          .secret = secret,
          .may_be_empty = true,
          .note = note};
}

constexpr Parameter kEncrypt[] = {
    KeyParameter(),
    ItemsParameter(
        "plaintexts", Reason::kPlaintextMissing, true,
        "up to 1000, each as `plaintext` of encrypt; the body has its limit, too "
        "(`--max-body-bytes`)"),
    ContextParameter("as of encrypt, for all of them")};
constexpr Parameter kDecrypt[] = {
    ItemsParameter("ciphertextBlobs", Reason::kCiphertextMissing, false,
                   "up to 1000, each as `ciphertextBlob` of decrypt; likewise"),
    ContextParameter("as of decrypt, for all of them")};
constexpr Parameter kSign[] = {
    SignatureAlgorithmParameter(), KeyParameter(), VersionParameter(),
    ItemsParameter("digests", Reason::kDigestMissing, false,
                   "up to 1000, each as `digest` of asymmetricSign; "
                   "likewise")};

constexpr std::string_view kResourceKey[] = {"cmkUuid"};
constexpr std::string_view kEncryptResult[] = {
    "items[]: ciphertextBlob cmkUuid keyVersionId errorCode message"};
constexpr std::string_view kDecryptResult[] = {
    "items[]: cmkUuid keyVersionId plaintext errorCode message"};
constexpr std::string_view kSignResult[] = {
    "items[]: cmkUuid keyVersionId value errorCode message"};

constexpr std::string_view kEncryptPaths[] = {"/v1/keyCompute/batchEncrypt"};
constexpr std::string_view kDecryptPaths[] = {"/v1/keyCompute/batchDecrypt"};
constexpr std::string_view kSignPaths[] = {"/v1/asymmetric/batchSign"};

// Whether an error is about the one item that it came from. What is wrong with the key,
// the caller or the server is the answer of the whole request.
bool IsOfOnePlaintext(const Error& error) {
  return error.error_class() == ErrorClass::kInvalidArgument;
}
// A blob names its own key.
bool IsOfOneCiphertext(const Error& error) {
  switch (error.error_class()) {
    case ErrorClass::kInvalidArgument:
    case ErrorClass::kNotFound:
    case ErrorClass::kWrongState:
    case ErrorClass::kAuthFailed:
      return true;
    default:
      return false;
  }
}

// Asks `each` about every item of `list`, decoded. It answers into the object that it is
// given.
template <typename Each>
Result<object> ForEach(const Call& call, const Arguments& arguments,
                       std::string_view list, Reason bad, bool (*is_of_one)(const Error&),
                       Each each) {
  object result(call.storage);
  boost::json::array& items = result["items"].emplace_array();
  const auto texts = arguments.Texts(list);
  items.reserve(texts.size());
  for (const std::string_view text : texts) {
    object& item = items.emplace_back(object(call.storage)).as_object();
    const auto decoded = SecretFromBase64(text);
    const Result<void> done = decoded ? each(item, decoded->Reveal()) : Result<void>(bad);
    if (!done && done.error().error_class() != ErrorClass::kDryRun) {
      if (!is_of_one(done.error())) return done.error();
      const Reason reason = done.error().reason();
      Put(item, "errorCode", CodeOf(reason));
      Put(item, "message", MessageOf(reason, list));
    }
    if (!call.GoesOn()) return Error(Reason::kHsmUnavailable);
  }
  return result;
}

void PutNames(object& item, std::string_view key, std::string_view version) {
  Put(item, "cmkUuid", key);
  Put(item, "keyVersionId", version);
}

Result<object> BatchEncrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  return ForEach(call, arguments, "plaintexts", Reason::kBadParameter, IsOfOnePlaintext,
                 [&](object& item, ByteView plaintext) -> Result<void> {
                   KMS_TRY(
                       const auto encrypted,
                       call.kms.compute().Encrypt(call.context, arguments.Text("cmkUuid"),
                                                  plaintext, bound));
                   PutNames(item, encrypted.key, encrypted.version);
                   PutBase64(item, "ciphertextBlob", encrypted.blob);
                   return {};
                 });
}

Result<object> BatchDecrypt(Call& call, const Arguments& arguments) {
  KMS_TRY(const EncryptionContext bound, ContextOf(arguments));
  return ForEach(call, arguments, "ciphertextBlobs", Reason::kBadCiphertext,
                 IsOfOneCiphertext,
                 [&](object& item, ByteView ciphertext) -> Result<void> {
                   KMS_TRY(const auto decrypted,
                           call.kms.compute().Decrypt(call.context, ciphertext, bound));
                   PutNames(item, decrypted.key, decrypted.version);
                   PutBase64(item, "plaintext", decrypted.plaintext.Reveal());
                   return {};
                 });
}

Result<object> BatchSign(Call& call, const Arguments& arguments) {
  const VersionName name{arguments.Text("cmkUuid"), arguments.Text("keyVersionId")};
  const auto algorithm = ChoiceOf<SignatureAlgorithm>(arguments, "algorithm");
  return ForEach(call, arguments, "digests", Reason::kBadParameter, IsOfOnePlaintext,
                 [&](object& item, ByteView digest) -> Result<void> {
                   KMS_TRY(const auto made, call.kms.asymmetric().Sign(
                                                call.context, name, algorithm, digest));
                   PutNames(item, made.key, made.version);
                   PutBase64(item, "value", made.signature);
                   return {};
                 });
}

constexpr Operation kOperations[] = {
    {.name = "batchEncrypt",
     .group = "batch",
     .paths = kEncryptPaths,
     .action = "kms:cmk:encrypt",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kBatch,
     .parameters = kEncrypt,
     .result = kEncryptResult,
     .resources = kResourceKey,
     .section = "5.7",
     .summary = "Encrypts each of the texts as encrypt does.",
     .handler = BatchEncrypt},
    {.name = "batchDecrypt",
     .group = "batch",
     .paths = kDecryptPaths,
     .action = "kms:cmk:decrypt",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kBatch,
     .parameters = kDecrypt,
     .result = kDecryptResult,
     .section = "5.7",
     .summary = "Decrypts each of the ciphertexts as decrypt does.",
     .handler = BatchDecrypt},
    {.name = "batchSign",
     .group = "batch",
     .paths = kSignPaths,
     .action = "kms:cmk:asymmetricSign",
     .write = true,
     .operation_class = OperationClass::kAsymmetric,
     .lane = Lane::kBatch,
     .parameters = kSign,
     .result = kSignResult,
     .resources = kResourceKey,
     .section = "5.7",
     .summary = "Signs each of the digests as asymmetricSign does.",
     .handler = BatchSign},
};

}  // namespace

std::span<const Operation> BatchOperations() { return kOperations; }

}  // namespace kms::server
