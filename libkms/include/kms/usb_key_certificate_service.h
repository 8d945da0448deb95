// UsbKeyCertificateService: certificates of USB keys. Their private keys never were here:
// the KMS keeps what is public, and verifies what their holders sign.
//
// They belong to an account, a region and an enterprise project, answer a stranger as
// absent ones, and are changed and kept, as kms/certificate_service.h tells of others;
// neither service knows the other's.
//
// The manual has none of it; it is the interface that the service's clients speak.
//
// Threads: all methods may be called from many threads at once.

#ifndef KMS_USB_KEY_CERTIFICATE_SERVICE_H_
#define KMS_USB_KEY_CERTIFICATE_SERVICE_H_

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

namespace kms {

class CertificateDomain;

struct NewUsbKeyCertificate {
  KeySpec spec = KeySpec::kSm2;  // of its key
  std::string_view name;         // of the USB key
  std::string_view certificate;  // PEM
  std::string_view chain{};      // PEM, the issuer first; may be empty
  ByteView revocation_list{};    // DER; empty: none
};

// Absent members do not filter.
struct UsbKeyCertificateFilter {
  std::optional<KeySpec> spec{};
  std::optional<CertificateStatus> status{};
  std::vector<std::string_view> ids{};
  std::optional<TagFilter> tag{};  // bound to it
};

class UsbKeyCertificateService {
 public:
  explicit UsbKeyCertificateService(std::shared_ptr<CertificateDomain> domain);

  // Import takes a certificate in, active, and returns its id. One that its issuer's
  // list revokes comes in as revoked.
  // Fails: kBadParameter (cert, certificateChain, certCrl: no list, of another issuer,
  // or not signed by the issuer that the chain names); kCertificateMismatch (a broken
  // chain, expired, or not of `spec`); kQuotaUsedUp.
  Result<std::string> Import(const RequestContext& context,
                             const NewUsbKeyCertificate& wanted);

  // List returns the certificates that `filter` lets through, oldest first.
  Result<Page<CertificateSummary>> List(const RequestContext& context,
                                        const UsbKeyCertificateFilter& filter,
                                        const PageRequest& page);

  Result<CertificateDescription> Describe(const RequestContext& context,
                                          std::string_view id);

  // SetStatus switches between active and inactive. Fails: kCertificateState (revoked).
  Result<void> SetStatus(const RequestContext& context, std::string_view id, bool active);

  Result<void> Delete(const RequestContext& context, std::string_view id);

  // Verify tells whether `signature` is one of the message, by a certificate that is
  // active and in its time. SM2 signatures are DER, or r and s of 32 bytes each, or of 64
  // with zeros before them.
  // Fails: kCertificateState; kAlgorithmNotSupported; kTooLong (message).
  Result<bool> Verify(const RequestContext& context, std::string_view id,
                      SignatureAlgorithm algorithm, ByteView message, ByteView signature);

 private:
  std::shared_ptr<CertificateDomain> domain_;
};

}  // namespace kms

#endif  // KMS_USB_KEY_CERTIFICATE_SERVICE_H_
