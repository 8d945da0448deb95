// What several groups of operations share: the spellings of the manual, parameters that
// many operations have, and how results are written.

#ifndef KMS_SERVER_API_OPERATIONS_SHARED_H_
#define KMS_SERVER_API_OPERATIONS_SHARED_H_

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "api/arguments.h"
#include "api/call.h"
#include "api/operation.h"
#include "kms/bytes.h"
#include "kms/encryption_context.h"
#include "kms/key.h"
#include "kms/result.h"
#include "kms/tag.h"
#include "kms/tag_service.h"

namespace kms::server {

// Spellings that requests may have, with the enumerator that each stands for.

template <typename Enum>
constexpr Choice Spelled(std::string_view spelling, Enum value) {
  return {spelling, static_cast<int>(value)};
}

inline constexpr Choice kKeySpecChoices[] = {
    Spelled("AES_256", KeySpec::kAes256), Spelled("RSA_2048", KeySpec::kRsa2048),
    Spelled("Ctyun_SM2", KeySpec::kSm2), Spelled("Ctyun_SM4", KeySpec::kSm4)};

inline constexpr Choice kKeyUsageChoices[] = {
    Spelled("1", KeyUsage::kEncryptDecrypt),
    Spelled("Encrypt/Decrypt", KeyUsage::kEncryptDecrypt),
    Spelled("2", KeyUsage::kSignVerify), Spelled("Sign/Verify", KeyUsage::kSignVerify)};

inline constexpr Choice kProtectionLevelChoices[] = {
    Spelled("0", ProtectionLevel::kHsm), Spelled("1", ProtectionLevel::kSoftware)};

inline constexpr Choice kOaepChoices[] = {
    Spelled("RSAES_OAEP_SHA_256", EncryptionAlgorithm::kRsaOaepSha256),
    Spelled("RSAES_OAEP_SHA_1", EncryptionAlgorithm::kRsaOaepSha1)};

// Both spell the algorithms of asymmetric keys, and of certificates.
inline constexpr Choice kSignatureAlgorithmChoices[] = {
    Spelled("RSA_PSS_SHA_256", SignatureAlgorithm::kRsaPssSha256),
    Spelled("RSA_PKCS1_SHA_256", SignatureAlgorithm::kRsaPkcs1Sha256),
    Spelled("SM2", SignatureAlgorithm::kSm2),
    Spelled("SM2DSA", SignatureAlgorithm::kSm2)};

inline constexpr Choice kEncryptionAlgorithmChoices[] = {
    Spelled("RSAES_OAEP_SHA_256", EncryptionAlgorithm::kRsaOaepSha256),
    Spelled("RSAES_OAEP_SHA_1", EncryptionAlgorithm::kRsaOaepSha1),
    Spelled("RSAES_PKCS1_V1_5", EncryptionAlgorithm::kRsaPkcs1),
    Spelled("SM2", EncryptionAlgorithm::kSm2),
    Spelled("SM2PKE", EncryptionAlgorithm::kSm2)};

// The type of a wrapping key: there is one.
inline constexpr Choice kWrappingKeySpecChoices[] = {
    Spelled("RSA_2048", KeySpec::kRsa2048)};

// ChoiceOf is the enumerator of a kChoice that is there.
template <typename Enum>
Enum ChoiceOf(const Arguments& arguments, std::string_view name) {
  return static_cast<Enum>(arguments.Integer(name));
}

// Bounds, in bytes.
inline constexpr std::int64_t kMaxPlaintext = 6144;
inline constexpr std::int64_t kMaxCiphertext =
    8192;                                            // of the longest plaintext, and room
inline constexpr std::int64_t kMaxPublicKey = 2048;  // an RSA key has about 300

// Longer than any digest or signature, so that a wrong length has its own answer.
inline constexpr std::int64_t kMaxShortBytes = 1024;

// Parameters.

constexpr Parameter KeyParameter(Where where = Where::kBody) {
  return {.name = "cmkUuid",
          .where = where,
          .required = true,
          .kind = Kind::kKey,
          .missing = Reason::kKeyIdMissing,
          .bad = Reason::kKeyNotFound,
          .note = "the key"};
}

constexpr Parameter AccessPointParameter() {
  return {.name = "applicationId",
          .required = true,
          .max = 64,
          .bad = Reason::kAccessPointNotFound,
          .note = "the access point"};
}

constexpr Parameter VersionParameter(Where where = Where::kBody) {
  return {.name = "keyVersionId",
          .where = where,
          .required = true,
          .kind = Kind::kVersion,
          .missing = Reason::kKeyVersionMissing,
          .bad = Reason::kVersionNotFound,
          .note = "a version of the key"};
}

constexpr Parameter RegionParameter(Where where, bool required) {
  return {.name = "regionId",
          .where = where,
          .required = required,
          .kind = Kind::kText,
          .missing = Reason::kRegionMissing,
          .bad = Reason::kBadParameter,
          .implied = true,
          .note = "must be the region of the header `regionId`"};
}

constexpr Parameter PageNumberParameter(std::string_view note = "default 0") {
  return {.name = "pageNumber",
          .where = Where::kHeader,
          .kind = Kind::kInteger,
          .min = 0,
          .max = 2147483647,
          .note = note};
}

constexpr Parameter PageSizeParameter() {
  return {.name = "pageSize",
          .where = Where::kHeader,
          .kind = Kind::kInteger,
          .min = 1,
          .max = 100,
          .note = "default 10"};
}

constexpr Parameter RotationSwitchParameter() {
  return {.name = "enableAutomaticRotation",
          .required = true,
          .kind = Kind::kBoolean,
          .missing = Reason::kRotationSwitchMissing,
          .bad = Reason::kBadBoolean,
          .note = "symmetric keys made by the KMS only"};
}

constexpr Parameter RotationIntervalParameter() {
  return {
      .name = "rotationInterval",
      .kind = Kind::kDays,
      .min = 7,
      .max = 730,
      .missing = Reason::kRotationIntervalMissing,
      .bad = Reason::kBadRotationInterval,
      .note = "required when rotation is switched on, checked but not used otherwise"};
}

constexpr Parameter CiphertextParameter(std::string_view note) {
  return {.name = "ciphertextBlob",
          .required = true,
          .kind = Kind::kBase64,
          .max = kMaxCiphertext,
          .missing = Reason::kCiphertextMissing,
          .bad = Reason::kBadCiphertext,
          .note = note};
}

constexpr Parameter PlaintextParameter(std::string_view note) {
  return {.name = "plaintext",
          .required = true,
          .kind = Kind::kBase64,
          .max = kMaxPlaintext,
          .missing = Reason::kPlaintextMissing,
          .bad = Reason::kBadParameter,
          .secret = true,
          .note = note};
}

inline constexpr std::string_view kContextName = "encryptionContext";

constexpr Parameter ContextParameter(std::string_view note,
                                     std::string_view name = kContextName) {
  return {.name = name, .kind = Kind::kTextMap, .note = note};
}

constexpr Parameter AlgorithmParameter(std::span<const Choice> choices, Reason missing) {
  return {.name = "algorithm",
          .required = true,
          .kind = Kind::kChoice,
          .choices = choices,
          .missing = missing,
          .bad = Reason::kBadAlgorithm,
          .note = "must fit the key"};
}

constexpr Parameter SignatureAlgorithmParameter() {
  return AlgorithmParameter(kSignatureAlgorithmChoices, Reason::kSignAlgorithmMissing);
}

constexpr Parameter EncryptionAlgorithmParameter() {
  return AlgorithmParameter(kEncryptionAlgorithmChoices, Reason::kAlgorithmMissing);
}

constexpr Parameter CertificateParameter(Where where = Where::kBody) {
  return {.name = "certificateId",
          .where = where,
          .required = true,
          .kind = Kind::kCertificate,
          .bad = Reason::kCertificateNotFound,
          .note = "the certificate"};
}

// By which lists are filtered; an extension of ours.
inline constexpr std::string_view kTagKeyFilter = "labelKey";
inline constexpr std::string_view kTagValueFilter = "labelValue";
constexpr Parameter TagKeyFilterParameter(Where where) {
  return {.name = kTagKeyFilter,
          .where = where,
          .max = TagService::kMaxCharacters,
          .note = "only those with a tag of that key"};
}
constexpr Parameter TagValueFilterParameter(Where where) {
  return {.name = kTagValueFilter,
          .where = where,
          .max = TagService::kMaxCharacters,
          .note = "only those with a tag of that value"};
}

constexpr Parameter WrappingAlgorithmParameter(Where where,
                                               std::span<const Choice> choices,
                                               std::string_view note) {
  return {.name = "wrappingAlgorithm",
          .where = where,
          .required = true,
          .kind = Kind::kChoice,
          .choices = choices,
          .missing = Reason::kWrappingAlgorithmMissing,
          .bad = Reason::kBadAlgorithm,
          .note = note};
}

constexpr Parameter WrappingKeySpecParameter(Where where) {
  return {.name = "wrappingKeySpec",
          .where = where,
          .required = true,
          .kind = Kind::kChoice,
          .choices = kWrappingKeySpecChoices,
          .missing = Reason::kWrappingKeySpecMissing,
          .bad = Reason::kBadRsaKeyLength,
          .note = "type of the wrapping key"};
}

// RotationDays is the interval of a request that switches rotation on; none if it
// switches rotation off.
// Fails: kRotationIntervalMissing.
Result<std::optional<int>> RotationDays(const Arguments& arguments);

// ContextOf is the encryption context of that parameter; of nothing, if it is absent.
// Fails: kBadParameter, kTooLong.
Result<EncryptionContext> ContextOf(const Arguments& arguments,
                                    std::string_view name = kContextName);

// TagFilterOf is what the parameters `key` and `value` ask for, each if it is there;
// that of lists, which filter by TagKeyFilterParameter and TagValueFilterParameter, is
// none if both are absent.
TagFilter TagFilterOf(const Arguments& arguments, std::string_view key,
                      std::string_view value);
std::optional<TagFilter> TagFilterOf(const Arguments& arguments);

// CheckUser: whether `userId` names the caller, as user or as account.
// Fails: kDenied.
Result<void> CheckUser(const Call& call, const Arguments& arguments);

// Results. What they hold is written straight into the result's own storage, which is
// wiped.

std::string_view SpellingOf(KeySpec spec);

void Put(boost::json::object& result, std::string_view name, std::string_view text);
void Put(boost::json::object& result, std::string_view name, std::int64_t number);
void PutBase64(boost::json::object& result, std::string_view name, ByteView bytes);

// PutTags writes a list of tags.
void PutTags(boost::json::object& result, std::string_view name,
             std::span<const Tag> tags);

// NumberOf is what the manual writes for an enumerator.
template <typename Enum>
constexpr std::int64_t NumberOf(Enum value) {
  return static_cast<std::int64_t>(value);
}

// The page that a request asks for, by the number and size that the answer repeats.
struct AskedPage {
  std::int64_t number = 0;
  std::int64_t size = 0;
  PageRequest request;
};

// `first` is what the operation counts pages from.
AskedPage PageOf(const Call& call, const Arguments& arguments, std::int64_t first = 0);

// PutPage writes the six members that lists of keys and versions have beside
// "content": the manual shows three of them and describes the others.
void PutPage(boost::json::object& result, const AskedPage& page, std::size_t total);

}  // namespace kms::server

#endif  // KMS_SERVER_API_OPERATIONS_SHARED_H_
