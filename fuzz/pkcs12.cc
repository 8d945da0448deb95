// A PKCS#12 file that opens holds a key and the certificate of that key, and sealed anew
// it opens as the same.

#include "x509/pkcs12.h"

#include <set>

#include "kms/digest.h"
#include "target.h"
#include "x509/pkcs12_files.h"

namespace kms::fuzz::targets {
namespace {

bool Same(const x509::Pkcs12& a, const x509::Pkcs12& b) {
  if (a.chain.size() != b.chain.size()) return false;
  for (std::size_t i = 0; i < a.chain.size(); ++i)
    if (a.chain[i].der != b.chain[i].der) return false;
  return a.key.spec == b.key.spec && a.key.secret == b.key.secret &&
         a.certificate.der == b.certificate.der;
}

}  // namespace

// A file; or, after an 'm', what is in a file whose MAC is right.
void pkcs12(ByteView bytes) {
  static const SecretBytes pass = SecretBytes::CopyOf(AsBytes(x509::testing::kPass));
  const bool with_mac = !bytes.empty() && bytes[0] == 'm';
  const Bytes file =
      with_mac ? x509::testing::FileWithMac({Bytes(bytes.begin() + 1, bytes.end())})
               : Bytes(bytes.begin(), bytes.end());
  const auto opened = x509::OpenPkcs12(file, pass);
  if (!opened) return;
  Require(opened->key.public_key == opened->certificate.public_key,
          "the certificate is that of the key");
  // Sealing takes a good part of a second: of each key and certificates once.
  static std::set<Digest32> seen;
  Bytes all(opened->certificate.der);
  for (const auto& issuer : opened->chain)
    all.insert(all.end(), issuer.der.begin(), issuer.der.end());
  if (!seen.insert(Digest(DigestAlgorithm::kSha256, all)).second) return;
  const auto sealed = x509::SealPkcs12(opened->key.spec, opened->key.secret,
                                       opened->certificate, opened->chain, pass);
  Require(sealed.has_value(), "what was opened is sealed");
  const auto again = x509::OpenPkcs12(*sealed, pass);
  Require(again.has_value() && Same(*again, *opened), "and opens as the same");
}

}  // namespace kms::fuzz::targets
