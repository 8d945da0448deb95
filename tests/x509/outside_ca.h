// Whoever issues certificates to users of the KMS: keys and certificates, good and bad,
// made with OpenSSL.

#ifndef KMS_TESTS_X509_OUTSIDE_CA_H_
#define KMS_TESTS_X509_OUTSIDE_CA_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kms/bytes.h"
#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/secret_bytes.h"
#include "x509/certificate.h"

namespace kms::x509::testing {

// 2030-01-01T00:00:00Z, and what is around it.
inline constexpr UnixMillis kNow = 1'893'456'000'000;
inline constexpr UnixMillis kDay = 86'400'000;

using Key = std::shared_ptr<EVP_PKEY>;

// `kind` is RSA:<bits>, SM2, ED25519, or the name of a curve.
Key NewKey(const std::string& kind);
// The key by explicit parameters of its curve.
Key WithExplicitCurve(const Key& key);
SecretBytes Pkcs8Of(const Key& key);
Bytes PublicKeyOf(const Key& key);

// What a certificate says. The name is the CN; extensions are in OpenSSL's notation.
struct Contents {
  std::string name = "leaf";
  std::vector<std::pair<std::string, std::string>> extensions;
  UnixMillis not_before = kNow - 100 * kDay;
  UnixMillis not_after = kNow + 100 * kDay;
  std::string serial = "0a01";
  std::string digest;  // empty: SHA256, or SM3 for SM2
};

// Whom a certificate is from.
struct Issuer {
  std::string name;
  Key key;
};

Bytes Issue(const Contents& contents, const Key& subject_key, const Issuer& issuer);

// ReSigned replaces `from` by `to`, of the same length, wherever it stands in
// `certificate`, and signs it again.
Bytes ReSigned(Bytes certificate, const Key& issuer_key, std::string_view from,
               std::string_view to);

// A revocation list with these serials; extensions as those of certificates.
Bytes Revoke(const std::vector<std::string>& serials, const Issuer& issuer,
             const std::vector<std::pair<std::string, std::string>>& extensions = {},
             const std::string& digest = "");

// The extensions of a CA.
std::vector<std::pair<std::string, std::string>> OfCa(const std::string& more = "");

// A root, an intermediate and a leaf, of one kind of keys.
struct Hierarchy {
  explicit Hierarchy(const std::string& kind);
  Hierarchy(const std::string& kind, const Key& leaf_key);

  Key root_key, middle_key, leaf_key;
  Certificate root, middle, leaf;
  std::vector<Certificate> chain() const { return {middle, root}; }
};

// Read is ReadCertificateDer, for certificates that must be good.
Certificate Read(const Bytes& der);

}  // namespace kms::x509::testing

#endif  // KMS_TESTS_X509_OUTSIDE_CA_H_
