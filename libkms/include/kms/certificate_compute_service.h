// CertificateComputeService: signatures and encryption under the key pairs of
// certificates (manual 4.6.1), and random bytes.
//
// All methods that name a certificate fail with kCertificateNotFound, as
// kms/certificate_service.h tells; kCertificateState if its status forbids it;
// kAlgorithmNotSupported if the algorithm does not fit its key.
//
// Threads: all methods may be called from many threads at once. Sign and Decrypt take up
// to a few milliseconds.

#ifndef KMS_CERTIFICATE_COMPUTE_SERVICE_H_
#define KMS_CERTIFICATE_COMPUTE_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "kms/bytes.h"
#include "kms/certificate.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms {

class CertificateDomain;

// What is signed: a message, of which the digest is made here (SHA-256 with RSA; SM3 over
// Z and the message with SM2), or such a digest.
enum class MessageType : std::uint8_t { kRaw, kDigest };

struct SignedMessage {
  SignatureAlgorithm algorithm = SignatureAlgorithm::kRsaPssSha256;
  MessageType type = MessageType::kRaw;
  ByteView message;
};

class CertificateComputeService {
 public:
  static constexpr std::size_t kMaxMessage = 4096;  // bytes
  static constexpr std::size_t kMaxRandom = 1024;   // bytes

  explicit CertificateComputeService(std::shared_ptr<CertificateDomain> domain);

  // Sign signs with a certificate that is active and in its time.
  // Fails: kTooLong (message); kBadParameter (message: a digest has 32 bytes).
  Result<Bytes> Sign(const RequestContext& context, std::string_view id,
                     const SignedMessage& message);

  // Verify tells whether `signature` is one of the message, also for a certificate that
  // is inactive or revoked, or has expired: it may have been good when it was made.
  // Fails: as Sign.
  Result<bool> Verify(const RequestContext& context, std::string_view id,
                      const SignedMessage& message, ByteView signature);

  // Encrypt encrypts to a certificate that is active or inactive: a bare RSA block, or
  // the DER of SM2. Fails: kPlaintextMissing; kTooLong (plaintext).
  Result<Bytes> Encrypt(const RequestContext& context, std::string_view id,
                        EncryptionAlgorithm algorithm, ByteView plaintext);

  // Decrypt decrypts with a certificate that is active, also after its time.
  // Fails: kBadCiphertext; kTooManyRequests for PKCS#1 v1.5, when too many ciphertexts
  // were wrong.
  Result<SecretBytes> Decrypt(const RequestContext& context, std::string_view id,
                              EncryptionAlgorithm algorithm, ByteView ciphertext);

  // Random returns 1 to kMaxRandom random bytes; at HSM level they are the HSM's.
  // Fails: kBadParameter (randomDataLength); kDenied; kHsmUnavailable; kRandomFailed.
  Result<SecretBytes> Random(const RequestContext& context, std::size_t size,
                             ProtectionLevel level);

 private:
  std::shared_ptr<CertificateDomain> domain_;
};

}  // namespace kms

#endif  // KMS_CERTIFICATE_COMPUTE_SERVICE_H_
