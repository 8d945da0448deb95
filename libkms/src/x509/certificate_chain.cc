#include "x509/certificate_chain.h"

#include <string>
#include <utility>
#include <vector>

#include "x509/libcrypto.h"

namespace kms::x509 {
namespace {

// RSA with 2048 bits and digests of 224 bits, or more.
constexpr int kSecurityLevel = 2;

Error Broken(std::size_t number, std::string_view why) {
  return Error(Reason::kCertificateMismatch,
               "certificate " + std::to_string(number) + ": " + std::string(why));
}

// For X509_STORE_CTX_set_verify_cb: passes a leaf that is ahead of its time.
int LetLeafBeAhead(int ok, X509_STORE_CTX* context) {
  const bool ahead = X509_STORE_CTX_get_error(context) == X509_V_ERR_CERT_NOT_YET_VALID &&
                     X509_STORE_CTX_get_error_depth(context) == 0;
  if (ok == 1 || !ahead) return ok;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

// Looks for a way from the first to the last of `certificates`, as if the last were
// trusted. Which way it found, or why none, is in the result.
Held<X509_STORE_CTX> FindPath(const std::vector<Held<X509>>& certificates,
                              X509_STORE* trusted, STACK_OF(X509) * others,
                              UnixMillis now, LeafTime leaf_time) {
  for (std::size_t i = 1; i + 1 < certificates.size(); ++i)
    X509_add_cert(others, certificates[i].get(), X509_ADD_FLAG_UP_REF);
  X509_STORE_add_cert(trusted, certificates.back().get());
  Held<X509_STORE_CTX> path(X509_STORE_CTX_new_ex(Library(), nullptr));
  if (path == nullptr ||
      X509_STORE_CTX_init(path.get(), trusted, certificates.front().get(), others) != 1)
    return nullptr;
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(path.get());
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(now / 1000));
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  if (leaf_time == LeafTime::kMayBeAhead)
    X509_STORE_CTX_set_verify_cb(path.get(), LetLeafBeAhead);
  if (X509_verify_cert(path.get()) != 1 &&
      X509_STORE_CTX_get_error(path.get()) == X509_V_OK)
    return nullptr;
  return path;
}

// A certificate that names itself as its issuer is what it says. (OpenSSL looks at key
// identifiers, too, and lets it pass if those differ.)
bool VouchesForItself(X509* certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate),
                       X509_get_issuer_name(certificate)) != 0 ||
         X509_verify(certificate, X509_get0_pubkey(certificate)) == 1;
}

}  // namespace

Result<void> CheckChain(const Certificate& leaf, std::span<const Certificate> chain,
                        UnixMillis now, LeafTime leaf_time) {
  const QuietErrors quiet;
  if (chain.size() > kMaxChain) return Broken(kMaxChain + 1, "too many");
  std::vector<Held<X509>> certificates;
  certificates.push_back(ToX509(leaf.der));
  if (certificates.back() == nullptr) return Broken(0, "malformed");
  for (std::size_t i = 0; i < chain.size(); ++i) {
    // OpenSSL takes some certificates without basicConstraints for a CA's, too.
    if (!chain[i].is_ca) return Broken(i + 1, "not a CA");
    certificates.push_back(ToX509(chain[i].der));
    if (certificates.back() == nullptr) return Broken(i + 1, "malformed");
  }
  const Held<X509_STORE> trusted(X509_STORE_new());
  const Held<STACK_OF(X509)> others(sk_X509_new_null());
  const auto path = FindPath(certificates, trusted.get(), others.get(), now, leaf_time);
  if (path == nullptr) return Error(Reason::kInternal, "OpenSSL cannot verify");
  if (const int error = X509_STORE_CTX_get_error(path.get()); error != X509_V_OK) {
    return Broken(static_cast<std::size_t>(X509_STORE_CTX_get_error_depth(path.get())),
                  X509_verify_cert_error_string(error));
  }
  // OpenSSL looks for the next certificate anywhere; here it has its place.
  const STACK_OF(X509)* found = X509_STORE_CTX_get0_chain(path.get());
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const X509* next = sk_X509_value(found, static_cast<int>(i));
    if (next == nullptr || X509_cmp(next, certificates[i].get()) != 0)
      return Broken(i, "not the issuer of the one before");
  }
  if (!VouchesForItself(certificates.back().get()))
    return Broken(chain.size(), "issued by itself, but not signed by its key");
  return {};
}

}  // namespace kms::x509
