// A certificate that is read is written as PEM that is read as the same certificate,
// alone and in a chain, and holds exactly the DER that came in.

#include <algorithm>
#include <string>

#include "target.h"
#include "x509/certificate.h"
#include "x509/certificate_chain.h"

namespace kms::fuzz::targets {
namespace {

bool Same(const x509::Certificate& a, const x509::Certificate& b) {
  return a.der == b.der && a.subject == b.subject && a.issuer == b.issuer &&
         a.serial == b.serial && a.not_before == b.not_before &&
         a.not_after == b.not_after && a.alternative_names == b.alternative_names &&
         a.public_key == b.public_key && a.key_spec == b.key_spec && a.is_ca == b.is_ca;
}

}  // namespace

// The DER; or PEM, if it begins with a hyphen.
void certificates(ByteView bytes) {
  const bool pem = !bytes.empty() && bytes[0] == '-';
  const auto read =
      pem ? x509::ReadCertificate(AsText(bytes)) : x509::ReadCertificateDer(bytes);
  if (!read) return;
  if (!pem) Require(std::ranges::equal(read->der, bytes), "it is the DER that came in");
  const std::string text = x509::CertificatePem(*read);
  const auto again = x509::ReadCertificate(text);
  Require(again.has_value() && Same(*again, *read), "its PEM is the same certificate");
  const auto chain = x509::ReadChain(text + text);
  Require(chain.has_value() && chain->size() == 2 && Same(chain->back(), *read),
          "and so is that in a chain");
  Require(!x509::CheckChain(*read, *chain, read->not_before).has_value(),
          "no certificate stands in a chain twice");
}

}  // namespace kms::fuzz::targets
