// A subject and names that are accepted make a request that OpenSSL reads, writes back
// byte by byte, and finds that subject in; and names are shown as they are read again.

#include "x509/certificate_request.h"

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "world.h"
#include "x509/alternative_names.h"
#include "x509/pem.h"
#include "x509/subject.h"

namespace kms::fuzz::targets {
namespace {

struct Pair {
  static constexpr Place kPlace{"account", "certificate", "1", "material"};
  const std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend = NewBotanBackend(*root);
  const WrappedKey wrapped = backend->Generate(KeySpec::kSm2, kPlace).value();
  const std::shared_ptr<PrivateKey> key =
      backend->LoadPrivate(KeySpec::kSm2, kPlace, wrapped.sealed).value();
};

template <typename T>
Bytes DerOf(T* object, int (*write)(const T*, unsigned char**)) {
  unsigned char* made = nullptr;
  const int size = write(object, &made);
  Require(size > 0, "OpenSSL writes it");
  Bytes der(made, made + size);
  OPENSSL_free(made);
  return der;
}

}  // namespace

// The subject, and the names, a line each.
void certificate_request(ByteView bytes) {
  static const Pair pair;
  Input input(bytes);
  const auto subject = x509::ReadSubject(input.TextUpTo('\n'));
  if (!subject) return;
  Require(!x509::NameText(*subject).empty(), "a subject is shown");
  std::vector<std::string> names;
  while (!input.empty()) names.emplace_back(input.TextUpTo('\n'));
  const auto alternative = x509::ReadAlternativeNames(names);
  if (!alternative) return;
  const auto again = x509::ReadAlternativeNames(x509::AlternativeNameTexts(*alternative));
  Require(again.has_value() && *again == *alternative, "names are read again");

  const auto request =
      x509::NewRequest({*subject, *alternative, pair.wrapped.public_key});
  Require(request.has_value(), "they make a request");
  const auto signature = pair.key->Sign(request->algorithm, request->digest).value();
  const auto pem = x509::SignedRequest(*request, signature);
  Require(pem.has_value(), "which is signed");
  const Bytes der = x509::ReadPem(*pem, "CERTIFICATE REQUEST", 1).value().front();
  const unsigned char* at = der.data();
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> read(
      d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())), X509_REQ_free);
  Require(read != nullptr && at == der.data() + der.size(), "OpenSSL reads all of it");
  Require(DerOf<X509_REQ>(read.get(), i2d_X509_REQ) == der, "and writes the same");
  Require(
      DerOf<X509_NAME>(X509_REQ_get_subject_name(read.get()), i2d_X509_NAME) == *subject,
      "with that subject");
}

}  // namespace kms::fuzz::targets
