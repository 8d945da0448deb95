#include "x509/certificate.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kms/encoding.h"
#include "x509/alternative_names.h"
#include "x509/libcrypto.h"
#include "x509/pem.h"
#include "x509/subject.h"

namespace kms::x509 {
namespace {

constexpr std::string_view kLabel = "CERTIFICATE";

Error Malformed(std::string_view detail) {
  return Error(Reason::kBadParameter, std::string(detail)).About("certificate");
}

// In the order of the bits of KeyUsage (RFC 5280, 4.2.1.3), by OpenSSL's numbers.
constexpr std::pair<std::uint32_t, std::string_view> kUsages[] = {
    {KU_DIGITAL_SIGNATURE, "Digital Signature"},
    {KU_NON_REPUDIATION, "Non Repudiation"},
    {KU_KEY_ENCIPHERMENT, "Key Encipherment"},
    {KU_DATA_ENCIPHERMENT, "Data Encipherment"},
    {KU_KEY_AGREEMENT, "Key Agreement"},
    {KU_KEY_CERT_SIGN, "Certificate Sign"},
    {KU_CRL_SIGN, "CRL Sign"},
    {KU_ENCIPHER_ONLY, "Encipher Only"},
    {KU_DECIPHER_ONLY, "Decipher Only"},
};

std::string KeyUsage(X509* certificate) {
  if ((X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) == 0) return {};
  const std::uint32_t usage = X509_get_key_usage(certificate);
  std::string text;
  for (const auto& [bit, name] : kUsages) {
    if ((usage & bit) == 0) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

constexpr std::pair<int, std::string_view> kSignatures[] = {
    {NID_sha256WithRSAEncryption, "SHA256withRSA"},
    {NID_sha384WithRSAEncryption, "SHA384withRSA"},
    {NID_sha512WithRSAEncryption, "SHA512withRSA"},
    {NID_sha1WithRSAEncryption, "SHA1withRSA"},
    {NID_rsassaPss, "RSASSA-PSS"},
    {NID_ecdsa_with_SHA256, "SHA256withECDSA"},
    {NID_ecdsa_with_SHA384, "SHA384withECDSA"},
    {NID_ecdsa_with_SHA512, "SHA512withECDSA"},
    {NID_SM2_with_SM3, "SM3withSM2"},
};

std::string SignatureName(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  const int id = OBJ_obj2nid(object);
  for (const auto& [known, name] : kSignatures)
    if (id == known) return std::string(name);
  std::array<char, 128> number{};
  OBJ_obj2txt(number.data(), static_cast<int>(number.size()), object, 1);
  return number.data();
}

std::optional<UnixMillis> Millis(const ASN1_TIME* time) {
  struct tm parts{};
  // RFC 5280, 4.1.2.5: to the second, and in UTC.
  const std::string_view text = AsText(View(time));
  if (text.size() != (time->type == V_ASN1_UTCTIME ? 13U : 15U) || text.back() != 'Z' ||
      !std::ranges::all_of(text.substr(0, text.size() - 1),
                           [](char c) { return c >= '0' && c <= '9'; }) ||
      ASN1_TIME_to_tm(time, &parts) != 1)
    return std::nullopt;
  return UnixMillis{timegm(&parts)} * 1000;
}

std::string CrlDistributionPoint(const X509* certificate) {
  const Held<CRL_DIST_POINTS> points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
  for (int i = 0; points != nullptr && i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT_NAME* point = sk_DIST_POINT_value(points.get(), i)->distpoint;
    if (point == nullptr || point->type != 0) continue;  // relative to the issuer
    const GENERAL_NAMES* names = point->name.fullname;
    for (int j = 0; j < sk_GENERAL_NAME_num(names); ++j) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, j);
      if (name->type == GEN_URI) return Ia5Text(View(name->d.uniformResourceIdentifier));
    }
  }
  return {};
}

std::vector<std::string> AlternativeNames(const X509* certificate) {
  const int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
  if (at < 0) return {};
  return AlternativeNameTexts(
      View(X509_EXTENSION_get_data(X509_get_ext(certificate, at))));
}

// Explicit parameters could describe any curve, at any cost.
bool NamesItsCurve(X509_PUBKEY* key) {
  ASN1_OBJECT* type = nullptr;
  X509_ALGOR* algorithm = nullptr;
  if (X509_PUBKEY_get0_param(&type, nullptr, nullptr, &algorithm, key) != 1) return false;
  if (OBJ_obj2nid(type) != NID_X9_62_id_ecPublicKey) return true;
  int parameter = 0;
  X509_ALGOR_get0(nullptr, &parameter, nullptr, algorithm);
  return parameter == V_ASN1_OBJECT;
}

std::optional<PublicKeyInfo> PublicKeyOf(X509* certificate) {
  if (!NamesItsCurve(X509_get_X509_PUBKEY(certificate))) return std::nullopt;
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return std::nullopt;
  return PublicKeyInfoOf(key);
}

// What a signature covers names the same algorithm as what stands beside it
// (RFC 5280, 4.1.1.2), and BER that is not DER is not accepted around it.
bool IsSound(X509* certificate, ByteView der) {
  const X509_ALGOR* beside = nullptr;
  X509_get0_signature(nullptr, &beside, certificate);
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  return std::ranges::equal(Encoded<X509>(i2d_X509, certificate), der) &&
         X509_ALGOR_cmp(beside, X509_get0_tbs_sigalg(certificate)) == 0 &&
         (X509_get_extension_flags(certificate) & EXFLAG_INVALID) == 0 &&
         ASN1_STRING_type(serial) == V_ASN1_INTEGER;  // not V_ASN1_NEG_INTEGER
}

ByteView NameDer(const X509_NAME* name) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return {};
  return {der, size};
}

Result<std::vector<Certificate>> ReadAll(std::string_view pem, std::size_t most) {
  const auto blocks = ReadPem(pem, kLabel, most);
  if (!blocks) return Malformed("not PEM with certificates alone, or too much of it");
  std::vector<Certificate> certificates;
  for (const Bytes& block : *blocks) {
    KMS_TRY(Certificate certificate, ReadCertificateDer(block));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

}  // namespace

Result<Certificate> ReadCertificateDer(ByteView der) {
  const QuietErrors quiet;
  if (der.size() > kMaxPemSize) return Malformed("too long");
  const auto read = ToX509(der);
  if (read == nullptr || !IsSound(read.get(), der)) return Malformed("not a certificate");
  const auto not_before = Millis(X509_get0_notBefore(read.get()));
  const auto not_after = Millis(X509_get0_notAfter(read.get()));
  if (!not_before || !not_after) return Malformed("a malformed time");
  auto key = PublicKeyOf(read.get());
  if (!key) return Error(Reason::kCertificateMismatch, "a public key is not accepted");

  Certificate certificate;
  certificate.der.assign(der.begin(), der.end());
  certificate.subject = NameText(NameDer(X509_get_subject_name(read.get())));
  certificate.issuer = NameText(NameDer(X509_get_issuer_name(read.get())));
  certificate.serial = ToHex(View(X509_get0_serialNumber(read.get())));
  certificate.not_before = *not_before;
  certificate.not_after = *not_after;
  certificate.signature_algorithm = SignatureName(X509_get0_tbs_sigalg(read.get()));
  certificate.alternative_names = AlternativeNames(read.get());
  if (const auto* identifier = X509_get0_subject_key_id(read.get()))
    certificate.subject_key_identifier = ToHex(View(identifier));
  certificate.key_usage = KeyUsage(read.get());
  certificate.crl_distribution_point = CrlDistributionPoint(read.get());
  certificate.public_key = std::move(key->der);
  certificate.key_spec = key->spec;
  certificate.is_ca = X509_check_ca(read.get()) == 1;
  return certificate;
}

Result<Certificate> ReadCertificate(std::string_view pem) {
  KMS_TRY(std::vector<Certificate> certificates, ReadAll(pem, 1));
  if (certificates.empty()) return Malformed("no certificate");
  return std::move(certificates.front());
}

Result<std::vector<Certificate>> ReadChain(std::string_view pem) {
  auto certificates = ReadAll(pem, kMaxChain);
  if (!certificates) return std::move(certificates).error().About("certificateChain");
  return certificates;
}

std::string CertificatePem(const Certificate& certificate) {
  return WritePem(kLabel, certificate.der);
}

std::string PublicKeyPem(const Certificate& certificate) {
  return WritePem("PUBLIC KEY", certificate.public_key);
}

}  // namespace kms::x509
