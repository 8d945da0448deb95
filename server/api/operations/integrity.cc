// Integrity: HMAC-SM3 under symmetric keys, and SM3 (manual 1.3, 1.6).

#include <algorithm>
#include <optional>

#include "api/operations/groups.h"
#include "api/operations/shared.h"
#include "kms/digest.h"
#include "kms/encoding.h"

namespace kms::server {
namespace {

using boost::json::object;

enum class Encoding : std::uint8_t { kPlain, kBase64, kHex };

constexpr Choice kInputChoices[] = {Spelled("plain", Encoding::kPlain),
                                    Spelled("base64", Encoding::kBase64),
                                    Spelled("hex", Encoding::kHex)};
constexpr Choice kOutputChoices[] = {Spelled("hex", Encoding::kHex),
                                     Spelled("base64", Encoding::kBase64)};

constexpr Parameter InputParameter() {
  return {.name = "input",
          .required = true,
          .kind = Kind::kText,
          .max = 2 * kMaxPlaintext,
          .secret = true,
          .note = "at most 6144 bytes, encoded as inputEncoding says"};
}

constexpr Parameter InputEncodingParameter() {
  return {.name = "inputEncoding",
          .kind = Kind::kChoice,
          .choices = kInputChoices,
          .note = "default `plain`: the text's own bytes in UTF-8"};
}

constexpr Parameter OptionalVersionParameter(std::string_view note) {
  Parameter version = VersionParameter();
  version.required = false;
  version.note = note;
  return version;
}

constexpr Parameter kCompute[] = {
    KeyParameter(),
    InputParameter(),
    InputEncodingParameter(),
    {.name = "outputEncoding",
     .kind = Kind::kChoice,
     .choices = kOutputChoices,
     .note = "default `hex`"},
    OptionalVersionParameter("default the primary version")};
constexpr Parameter kVerify[] = {
    KeyParameter(),
    InputParameter(),
    {.name = "hmac",
     .required = true,
     .kind = Kind::kText,
     .max = 64,
     .note = "32 bytes, in hexadecimal digits or base64"},
    InputEncodingParameter(),
    OptionalVersionParameter("default: any of the newest 100 versions")};
constexpr Parameter kDigest[] = {InputParameter(), InputEncodingParameter()};

constexpr std::string_view kResourceKey[] = {"cmkUuid"};
constexpr std::string_view kComputeResult[] = {"hmacoutput", "cmkUuid", "keyVersionId"};
constexpr std::string_view kVerifyResult[] = {"value", "cmkUuid", "keyVersionId"};
constexpr std::string_view kDigestResult[] = {"output"};

constexpr std::string_view kComputePaths[] = {"/v1/get/hmaccompute", "/get/hmaccompute"};
constexpr std::string_view kVerifyPaths[] = {"/v1/get/hmacverify", "/get/hmacverify"};
constexpr std::string_view kDigestPaths[] = {"/v1/get/messageDigest",
                                             "/get/messageDigest"};

std::optional<SecretBytes> Decode(std::string_view text, Encoding encoding) {
  switch (encoding) {
    case Encoding::kPlain:
      return SecretBytes::CopyOf(AsBytes(text));
    case Encoding::kBase64:
      return SecretFromBase64(text);
    case Encoding::kHex:
      return SecretFromHex(text);
  }
  return std::nullopt;
}

// EncodingOf is what a request says, or `otherwise`.
Encoding EncodingOf(const Arguments& arguments, std::string_view name,
                    Encoding otherwise) {
  return static_cast<Encoding>(arguments.Integer(name, NumberOf(otherwise)));
}

Result<SecretBytes> InputOf(const Arguments& arguments) {
  auto input = Decode(arguments.Text("input"),
                      EncodingOf(arguments, "inputEncoding", Encoding::kPlain));
  if (!input) return Error(Reason::kBadParameter).About("input");
  if (input->size() > static_cast<std::size_t>(kMaxPlaintext))
    return Error(Reason::kTooLong).About("input");
  return *std::move(input);
}

Result<Digest32> MacOf(const Arguments& arguments) {
  const std::string_view text = arguments.Text("hmac");
  Digest32 mac{};
  // No base64 of 32 bytes is as long as their digits.
  const bool hex = text.size() == 2 * mac.size();
  const auto bytes = Decode(text, hex ? Encoding::kHex : Encoding::kBase64);
  if (!bytes || bytes->size() != mac.size())
    return Error(Reason::kBadParameter).About("hmac");
  std::ranges::copy(bytes->Reveal(), mac.begin());
  return mac;
}

Result<object> HmacCompute(Call& call, const Arguments& arguments) {
  KMS_TRY(const SecretBytes input, InputOf(arguments));
  KMS_TRY(const auto made,
          call.kms.compute().ComputeMac(call.context, arguments.Text("cmkUuid"),
                                        arguments.Text("keyVersionId"), input.Reveal()));
  object result(call.storage);
  if (EncodingOf(arguments, "outputEncoding", Encoding::kHex) == Encoding::kBase64) {
    PutBase64(result, "hmacoutput", made.mac);
  } else {
    Put(result, "hmacoutput", ToHex(made.mac));
  }
  Put(result, "cmkUuid", made.key);
  Put(result, "keyVersionId", made.version);
  return result;
}

Result<object> HmacVerify(Call& call, const Arguments& arguments) {
  KMS_TRY(const SecretBytes input, InputOf(arguments));
  KMS_TRY(const Digest32 mac, MacOf(arguments));
  KMS_TRY(const auto verdict, call.kms.compute().VerifyMac(
                                  call.context, arguments.Text("cmkUuid"),
                                  arguments.Text("keyVersionId"), input.Reveal(), mac));
  object result(call.storage);
  Put(result, "value", verdict.valid ? "true" : "false");
  Put(result, "cmkUuid", verdict.key);
  Put(result, "keyVersionId", verdict.version);
  return result;
}

// One version takes microseconds, a hundred take longer.
Lane LaneOfVerify(const Arguments& arguments) {
  return arguments.Has("keyVersionId") ? Lane::kInline : Lane::kCommit;
}

Result<object> MessageDigest(Call& call, const Arguments& arguments) {
  KMS_TRY(const SecretBytes input, InputOf(arguments));
  object result(call.storage);
  PutBase64(result, "output", Digest(DigestAlgorithm::kSm3, input.Reveal()));
  return result;
}

constexpr Operation kOperations[] = {
    {.name = "hmacCompute",
     .group = "integrity",
     .paths = kComputePaths,
     .action = "kms:cmk:hmac",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .parameters = kCompute,
     .result = kComputeResult,
     .resources = kResourceKey,
     .section = "1.3, 1.6",
     .summary = "Computes HMAC-SM3 under a key that is derived from a version of a "
                "symmetric key.",
     .handler = HmacCompute},
    {.name = "hmacVerify",
     .group = "integrity",
     .paths = kVerifyPaths,
     .action = "kms:cmk:hmac",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .choose_lane = LaneOfVerify,
     .parameters = kVerify,
     .result = kVerifyResult,
     .resources = kResourceKey,
     .section = "1.3, 1.6",
     .summary = "Tells whether an HMAC is one of an input; a wrong one is an answer, not "
                "an error.",
     .handler = HmacVerify},
    {.name = "messageDigest",
     .group = "integrity",
     .paths = kDigestPaths,
     .action = "kms:cmk:hmac",
     .write = true,
     .operation_class = OperationClass::kSymmetric,
     .lane = Lane::kInline,
     .parameters = kDigest,
     .result = kDigestResult,
     .section = "1.3",
     .summary = "Computes SM3 of an input, without a key.",
     .handler = MessageDigest},
};

}  // namespace

std::span<const Operation> IntegrityOperations() { return kOperations; }

}  // namespace kms::server
