// CertificateDomain: what the services of certificates share. Finding them, under their
// permissions, and writing them with all that hangs on them.
//
// Threads: may be used from many threads at once.

#ifndef KMS_CERTIFICATES_CERTIFICATE_DOMAIN_H_
#define KMS_CERTIFICATES_CERTIFICATE_DOMAIN_H_

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "certificates/certificate_record.h"
#include "keys/domain.h"
#include "x509/certificate.h"

namespace kms {

// As policies name certificates.
inline constexpr std::string_view kCertificateKind = "cert";

// Whose private key is where.
enum class CertificateHome : std::uint8_t { kKms, kUsbKey };

class CertificateDomain {
 public:
  explicit CertificateDomain(std::shared_ptr<Domain> domain);

  Domain& domain() { return *domain_; }
  const Parts& parts() const { return domain_->parts(); }

  // CheckNew: whether the principal may make one more certificate in `project`.
  // Fails: kDenied; kBadParameter (epId); kQuotaUsedUp.
  Result<void> CheckNew(const Reader& reader, const RequestContext& context,
                        std::string_view action, std::string_view project,
                        CertificateHome home) const;

  // Read returns the certificate on which the principal may do `action`; Find is Read
  // through a cache, which the revision keeps true.
  // Fail: kCertificateNotFound; kCorrupt; kUnavailable.
  Result<CertificateRecord> Read(const Reader& reader, const RequestContext& context,
                                 std::string_view id, std::string_view action,
                                 CertificateHome home) const;
  Result<std::shared_ptr<const CertificateRecord>> Find(const Snapshot& snapshot,
                                                        const RequestContext& context,
                                                        std::string_view id,
                                                        std::string_view action,
                                                        CertificateHome home);

  // ReadTexts fails with kCorrupt if there are none.
  static Result<CertificateTextsRecord> ReadTexts(const Reader& reader,
                                                  const CertificateRecord& certificate);

  // Change changes one certificate.
  using Body = std::function<Result<void>(Transaction&, CertificateRecord&)>;
  Result<void> Change(const RequestContext& context, std::string_view id,
                      std::string_view action, CertificateHome home, const Body& body);

  // Add gives `certificate` its position, and writes it with its key pair and its texts.
  static Result<void> Add(Transaction& transaction, CertificateRecord certificate,
                          const VersionRecord& version,
                          const CertificateTextsRecord& texts);

  // SetStatus is that of both kinds of certificates.
  Result<void> SetStatus(const RequestContext& context, std::string_view id,
                         std::string_view action, CertificateHome home,
                         CertificateStatus status);

  // Delete destroys a certificate, with its key pair.
  Result<void> Delete(const RequestContext& context, std::string_view id,
                      std::string_view action, CertificateHome home);

  // List returns the certificates that the principal may see and `wanted` lets through.
  struct Filter {
    std::optional<TagFilter> tag;
    std::function<bool(const CertificateRecord&)> accepts;  // null: all
  };
  Result<Page<CertificateSummary>> List(const RequestContext& context,
                                        std::string_view action, CertificateHome home,
                                        const PageRequest& page,
                                        const Filter& wanted) const;

  Result<CertificateDescription> Describe(const RequestContext& context,
                                          std::string_view id, std::string_view action,
                                          CertificateHome home) const;

 private:
  struct Cached {
    Revision revision;
    std::shared_ptr<const CertificateRecord> record;
  };

  const std::shared_ptr<Domain> domain_;
  LruCache<Cached> cache_;
};

// OwnerOf: whose material the key pair of a certificate is.
inline MaterialOwner OwnerOf(const CertificateRecord& certificate) {
  return {certificate.account, certificate.id, certificate.spec, certificate.level};
}

// CheckStatus fails with kCertificateState, unless the status is one of `allowed`.
Result<void> CheckStatus(const CertificateRecord& certificate,
                         std::initializer_list<CertificateStatus> allowed);

// CheckTime fails with kCertificateState outside of the certificate's time.
Result<void> CheckTime(const CertificateRecord& certificate, UnixMillis now);

// Fill makes `certificate` and `texts` tell of `leaf`.
void Fill(const x509::Certificate& leaf, const std::vector<x509::Certificate>& chain,
          CertificateRecord& certificate, CertificateTextsRecord& texts);

// SignedDigest is what is signed of a message of any length under that public key.
Digest32 SignedDigest(KeySpec spec, ByteView subject_public_key, ByteView message);

// ReadCertificate, for services that only name certificates: one of either home, on which
// the principal may do the action that is for it.
// Fails: kCertificateNotFound; kCorrupt; kUnavailable.
struct CertificateActions {
  std::string_view own;
  std::string_view usb_key;
};
Result<CertificateRecord> ReadCertificate(const Domain& domain, const Reader& reader,
                                          const RequestContext& context,
                                          std::string_view id,
                                          const CertificateActions& actions);

// PutCertificate writes the facts of a certificate, and brings what follows from them in
// line. `before` is what is in the store, null for a new one.
void PutCertificate(Transaction& transaction, const CertificateRecord* before,
                    const CertificateRecord& certificate);

}  // namespace kms

#endif  // KMS_CERTIFICATES_CERTIFICATE_DOMAIN_H_
