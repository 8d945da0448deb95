// Certificates (RFC 5280; SM2: GM/T 0015): reading them, and the facts that the service
// tells of them. Whether one may be trusted: x509/certificate_chain.h.
//
// A Certificate is a value, with its DER and what was read of it; who has one has parsed
// it. Accepted are DER, public keys of RSA with 2048 to 4096 bits, and points on P-256,
// P-384 or the SM2 curve, by the curve's name.
// Threads: none of it has state.

#ifndef KMS_X509_CERTIFICATE_H_
#define KMS_X509_CERTIFICATE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/result.h"

namespace kms::x509 {

inline constexpr std::size_t kMaxChain = 10;

struct Certificate {
  Bytes der;
  std::string subject;  // NameText
  std::string issuer;
  std::string serial;  // lower-case hexadecimal, two digits for each byte of the number
  UnixMillis not_before = 0;
  UnixMillis not_after = 0;
  // `SHA256withRSA`, `SM3withSM2` and the like; an object identifier if there is no name.
  std::string signature_algorithm;
  std::vector<std::string> alternative_names;  // AlternativeNameTexts
  std::string subject_key_identifier;          // lower-case hexadecimal
  std::string key_usage;                       // `Digital Signature,Non Repudiation`
  std::string crl_distribution_point;          // the first URI
  // SubjectPublicKeyInfo. With a key spec, CryptoBackend::LoadPublic takes it, and it
  // equals that of the same key from CryptoBackend::Generate. Other keys are a CA's.
  Bytes public_key;
  std::optional<KeySpec> key_spec;
  // basicConstraints say so, and keyUsage lets it sign certificates, if there is one.
  bool is_ca = false;
};

// ReadCertificate reads PEM with one certificate, of at most 64 KiB, and blanks around
// it. Fails: kInvalidArgument, with Reason::kBadParameter about `certificate` for what is
// no certificate, and kCertificateMismatch for one whose public key is not accepted.
Result<Certificate> ReadCertificate(std::string_view pem);

// ReadChain reads PEM with up to `kMaxChain` certificates; blanks alone are none.
// Fails: as ReadCertificate, about `certificateChain`.
Result<std::vector<Certificate>> ReadChain(std::string_view pem);

// ReadCertificateDer reads exactly one certificate.
// Fails: as ReadCertificate.
Result<Certificate> ReadCertificateDer(ByteView der);

// CertificatePem and PublicKeyPem end with LF, as their lines do.
std::string CertificatePem(const Certificate& certificate);
std::string PublicKeyPem(const Certificate& certificate);

}  // namespace kms::x509

#endif  // KMS_X509_CERTIFICATE_H_
