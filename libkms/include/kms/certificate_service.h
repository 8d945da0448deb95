// CertificateService: the life of certificates whose private keys are in the KMS (manual
// 4.6). Computing with them: kms/certificate_compute_service.h. Certificates of USB keys,
// whose private keys are elsewhere: kms/usb_key_certificate_service.h.
//
// A certificate belongs to an account, a region and an enterprise project. It begins as a
// key pair with a request, which somebody outside signs, or comes as a PKCS#12 file. Its
// key pair stays the same for its life; a renewed certificate takes the place of the old
// one under the same id.
//
// A certificate of another account or region, or one on which the principal may not do
// this, answers as an absent one: Reason::kCertificateNotFound.
//
// Threads: all methods may be called from many threads at once. Create takes up to a
// second, files under a pass phrase a few.
// Durability: a change that reported success survives a crash right after.

#ifndef KMS_CERTIFICATE_SERVICE_H_
#define KMS_CERTIFICATE_SERVICE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "kms/certificate.h"
#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"
#include "kms/tag.h"

namespace kms {

class CertificateDomain;

struct NewCertificate {
  KeySpec spec = KeySpec::kRsa2048;  // or kSm2
  ProtectionLevel level = ProtectionLevel::kSoftware;
  bool exportable = false;
  std::string subject{};                         // such as CN=www.example.com,C=CN
  std::vector<std::string> alternative_names{};  // up to ten
  std::string project = "default";               // 1 to 64 letters, digits, "-" and "_"
};

struct NewCertificateRequest {
  std::string id;
  std::string request;  // PKCS#10, PEM
};

// Absent members do not filter.
struct CertificateFilter {
  std::optional<TagFilter> tag{};  // bound to it
};

struct NewPkcs12Certificate {
  ByteView file;
  const SecretBytes& pass_phrase;
  ProtectionLevel level = ProtectionLevel::kSoftware;
  std::string project = "default";
};

struct ExportedCertificate {
  std::string id;
  Bytes pkcs12;
  std::string private_key;  // PKCS#8, PEM, under the pass phrase
  std::string certificate;  // PEM
  std::string chain;        // PEM
};

class CertificateService {
 public:
  // Characters of the pass phrase of an export.
  static constexpr std::size_t kMinPassPhrase = 8;
  static constexpr std::size_t kMaxPassPhrase = 64;

  explicit CertificateService(std::shared_ptr<CertificateDomain> domain);

  // Create makes a key pair and the request for a certificate of it, which is pending.
  // A key pair of HSM level never leaves the HSM, so it cannot be exportable.
  // Fails: kBadKeySpec; kBadParameter (subject, subjectAlternativeNames, epId);
  // kPrivateKeyNotExportable; kQuotaUsedUp (Limits::certificates);
  // kHsmKeyCreationFailed (no HSM); kHsmUnavailable.
  Result<NewCertificateRequest> Create(const RequestContext& context,
                                       const NewCertificate& wanted);

  // Import puts a certificate of the key pair in place, with the chain of its issuers,
  // and makes it active: the first one while pending, its successors while active. It may
  // begin to be valid in the future. Both are PEM; the chain may be empty.
  // Fails: kCertificateState; kBadParameter (certificate, certificateChain);
  // kCertificateMismatch (of another key, expired, or a broken chain).
  Result<void> Import(const RequestContext& context, std::string_view id,
                      std::string_view certificate, std::string_view chain);

  // ImportPkcs12 makes an active certificate of a file with its private key, which is not
  // exportable, and returns its id.
  // Fails: kBadPkcs12 (pkcs12Blob); kBadKeySpec; kBadParameter (epId);
  // kCertificateMismatch; kQuotaUsedUp; kHsmKeyCreationFailed (no HSM); kHsmUnavailable;
  // kAlgorithmNotSupported (the HSM takes no such key in).
  Result<std::string> ImportPkcs12(const RequestContext& context,
                                   const NewPkcs12Certificate& wanted);

  // List returns the certificates of the account in the region that `filter` lets
  // through, oldest first.
  Result<Page<CertificateSummary>> List(const RequestContext& context,
                                        const CertificateFilter& filter,
                                        const PageRequest& page);

  Result<CertificateDescription> Describe(const RequestContext& context,
                                          std::string_view id);

  Result<CertificateTexts> Get(const RequestContext& context, std::string_view id);

  // SetStatus switches between active and inactive, and revokes; it is idempotent.
  // Fails: kCertificateState if the certificate is pending, or was revoked;
  // kBadParameter (status) for pending.
  Result<void> SetStatus(const RequestContext& context, std::string_view id,
                         CertificateStatus status);

  // Delete destroys the certificate and its key pair at once, whatever its status.
  Result<void> Delete(const RequestContext& context, std::string_view id);

  // Export returns the private key of an exportable certificate, under a pass phrase of
  // kMinPassPhrase to kMaxPassPhrase characters.
  // Fails: kPrivateKeyNotExportable; kCertificateState (pending, or revoked);
  // kBadParameter (passPhrase).
  Result<ExportedCertificate> Export(const RequestContext& context, std::string_view id,
                                     const SecretBytes& pass_phrase);

 private:
  std::shared_ptr<CertificateDomain> domain_;
};

}  // namespace kms

#endif  // KMS_CERTIFICATE_SERVICE_H_
