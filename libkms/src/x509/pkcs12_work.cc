#include "x509/pkcs12_work.h"

#include <openssl/asn1t.h>

#include <array>
#include <optional>
#include <string_view>

namespace kms::x509 {
namespace {

constexpr std::uint64_t kMostAtATime = 1'000'000;
constexpr std::uint64_t kMostTogether = 2'000'000;
// The longest output of a hash that OpenSSL has.
constexpr std::uint64_t kMostKeyBytes = EVP_MAX_MD_SIZE;
// RFC 9579, 5. OpenSSL has a number for it from 3.4 on.
constexpr std::string_view kPbmac1 = "1.2.840.113549.1.5.14";

Error Refused(std::string_view why) {
  return Error(Reason::kBadPkcs12, std::string(why));
}

// No number where none is, or a negative one.
std::optional<std::uint64_t> Number(const ASN1_INTEGER* number) {
  std::uint64_t value = 0;
  if (number == nullptr || ASN1_INTEGER_get_uint64(&value, number) != 1)
    return std::nullopt;
  return value;
}

template <typename T>
Held<T> Parameters(const ASN1_ITEM* type, const X509_ALGOR* algorithm) {
  return Held<T>(static_cast<T*>(ASN1_TYPE_unpack_sequence(type, algorithm->parameter)));
}

bool IsPbmac1(const X509_ALGOR* algorithm) {
  std::array<char, 64> type{};
  OBJ_obj2txt(type.data(), static_cast<int>(type.size()), algorithm->algorithm, 1);
  return kPbmac1 == type.data();
}

}  // namespace

Result<void> WorkBudget::TakeIterations(std::uint64_t count) {
  if (count > kMostAtATime || taken_ + count > kMostTogether)
    return Refused("too many iterations");
  taken_ += count;
  return {};
}

Result<void> WorkBudget::TakeDerivation(const X509_ALGOR* function) {
  switch (OBJ_obj2nid(function->algorithm)) {
    case NID_id_pbkdf2: {
      const auto pbkdf2 = Parameters<PBKDF2PARAM>(ASN1_ITEM_rptr(PBKDF2PARAM), function);
      const auto count = pbkdf2 == nullptr ? std::nullopt : Number(pbkdf2->iter);
      if (!count) return Refused("malformed PBKDF2");
      // Some versions of OpenSSL trust length and salt of PBMAC1 (CVE-2025-11187).
      if (pbkdf2->keylength != nullptr &&
          Number(pbkdf2->keylength).value_or(kMostKeyBytes + 1) > kMostKeyBytes)
        return Refused("a derived key that is too long");
      if (ASN1_TYPE_get(pbkdf2->salt) != V_ASN1_OCTET_STRING)
        return Refused("PBKDF2 without salt");
      return TakeIterations(*count);
    }
    case NID_id_scrypt: {
      const auto scrypt =
          Parameters<SCRYPT_PARAMS>(ASN1_ITEM_rptr(SCRYPT_PARAMS), function);
      if (scrypt == nullptr) return Refused("malformed scrypt");
      std::uint64_t product = 1;
      for (const ASN1_INTEGER* factor :
           {scrypt->costParameter, scrypt->blockSize, scrypt->parallelizationParameter}) {
        const auto value = Number(factor);
        if (!value || *value > kMostAtATime) return Refused("scrypt asks for too much");
        product *= *value;
        if (product > kMostAtATime) return Refused("scrypt asks for too much");
      }
      return TakeIterations(product);
    }
    default:
      return Refused("an unknown way to derive keys");
  }
}

Result<void> WorkBudget::Take(const X509_ALGOR* algorithm) {
  if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
    const auto pbes2 = Parameters<PBE2PARAM>(ASN1_ITEM_rptr(PBE2PARAM), algorithm);
    if (pbes2 == nullptr) return Refused("malformed PBES2");
    return TakeDerivation(pbes2->keyfunc);
  }
  const auto pbe = Parameters<PBEPARAM>(ASN1_ITEM_rptr(PBEPARAM), algorithm);
  if (pbe == nullptr) return Refused("an unknown encryption");
  const auto count = Number(pbe->iter);
  if (!count) return Refused("malformed iterations");
  return TakeIterations(*count);
}

Result<void> WorkBudget::TakeMac(const PKCS12* file) {
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_INTEGER* iterations = nullptr;
  PKCS12_get0_mac(nullptr, &algorithm, nullptr, &iterations, file);
  if (algorithm == nullptr) return Refused("no MAC");
  if (IsPbmac1(algorithm)) {
    // PBMAC1-params has the shape of PBES2-params (RFC 8018, A.4 and A.5).
    const auto pbmac1 = Parameters<PBE2PARAM>(ASN1_ITEM_rptr(PBE2PARAM), algorithm);
    if (pbmac1 == nullptr || OBJ_obj2nid(pbmac1->keyfunc->algorithm) != NID_id_pbkdf2)
      return Refused("malformed PBMAC1");
    return TakeDerivation(pbmac1->keyfunc);
  }
  if (iterations == nullptr) return TakeIterations(1);  // the default of RFC 7292, 4
  const auto count = Number(iterations);
  if (!count) return Refused("malformed iterations");
  return TakeIterations(*count);
}

}  // namespace kms::x509
