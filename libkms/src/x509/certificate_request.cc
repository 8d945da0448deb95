#include "x509/certificate_request.h"

#include <algorithm>
#include <string_view>

#include "crypto/sm2_der.h"
#include "kms/sm2_identity.h"
#include "x509/der.h"
#include "x509/libcrypto.h"
#include "x509/pem.h"

namespace kms::x509 {
namespace {

using namespace std::string_view_literals;

// AlgorithmIdentifiers: sha256WithRSAEncryption with NULL (RFC 4055, 5), and
// 1.2.156.10197.1.501 alone (GM/T 0015).
constexpr std::string_view kRsaSha256 =
    "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"sv;
constexpr std::string_view kSm2Sm3 = "\x30\x0a\x06\x08\x2a\x81\x1c\xcf\x55\x01\x83\x75"sv;
// Object identifiers: extensionRequest (RFC 2985, 5.4.2), subjectAltName.
constexpr std::string_view kExtensionRequest =
    "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"sv;
constexpr std::string_view kSubjectAltName = "\x06\x03\x55\x1d\x11"sv;
constexpr std::uint8_t kVersion1[] = {der::kInteger, 1, 0};

Bytes Attributes(ByteView alternative_names) {
  constexpr std::uint8_t kTag = der::ConstructedContext(0);
  if (alternative_names.empty()) return der::Element(kTag, {});
  const Bytes extension = der::Element(
      der::kSequence,
      {AsBytes(kSubjectAltName), der::Element(der::kOctetString, {alternative_names})});
  const Bytes extensions = der::Element(der::kSequence, {extension});
  return der::Element(
      kTag, {der::Element(der::kSequence, {AsBytes(kExtensionRequest),
                                           der::Element(der::kSet, {extensions})})});
}

bool IsOurRsa(ByteView public_key) {
  EVP_PKEY* read = nullptr;
  const std::uint8_t* from = public_key.data();
  d2i_PUBKEY_ex(&read, &from, static_cast<long>(public_key.size()), Library(), nullptr);
  const Held<EVP_PKEY> key(read);
  if (key == nullptr) return false;
  const auto info = PublicKeyInfoOf(key.get());
  return info && info->spec == KeySpec::kRsa2048 &&
         std::ranges::equal(info->der, public_key);
}

bool Verifies(ByteView request) {
  const auto read =
      Decoded(d2i_X509_REQ, request, Held<X509_REQ>(X509_REQ_new_ex(Library(), nullptr)));
  if (read == nullptr) return false;
  if (X509_REQ_get_signature_nid(read.get()) == NID_SM2_with_SM3)
    X509_REQ_set0_distinguishing_id(read.get(), Sm2DefaultId().release());
  EVP_PKEY* key = X509_REQ_get0_pubkey(read.get());
  return key != nullptr && X509_REQ_verify_ex(read.get(), key, Library(), nullptr) == 1;
}

}  // namespace

Result<UnsignedRequest> NewRequest(const RequestFields& fields) {
  const QuietErrors quiet;
  UnsignedRequest request;
  request.info =
      der::Element(der::kSequence, {kVersion1, fields.subject, fields.public_key,
                                    Attributes(fields.alternative_names)});
  if (const auto point = internal::Sm2PointOf(fields.public_key)) {
    request.algorithm = SignatureAlgorithm::kSm2;
    request.digest = Sm2Digest(ByteView(*point).subspan(1), request.info);
  } else if (IsOurRsa(fields.public_key)) {
    request.digest = Digest(DigestAlgorithm::kSha256, request.info);
  } else {
    return Reason::kBadRsaKeyLength;
  }
  return request;
}

Result<std::string> SignedRequest(const UnsignedRequest& request, ByteView signature) {
  const QuietErrors quiet;
  const bool sm2 = request.algorithm == SignatureAlgorithm::kSm2;
  constexpr std::uint8_t kNoUnusedBits[] = {0};
  const Bytes made = der::Element(
      der::kSequence, {request.info, AsBytes(sm2 ? kSm2Sm3 : kRsaSha256),
                       der::Element(der::kBitString, {kNoUnusedBits, signature})});
  if (!Verifies(made))
    return Error(Reason::kInternal, "a certificate request does not verify");
  return WritePem("CERTIFICATE REQUEST", made);
}

}  // namespace kms::x509
