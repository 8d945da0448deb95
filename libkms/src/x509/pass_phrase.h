// A pass phrase as OpenSSL takes it, and what is made of it.

#ifndef KMS_X509_PASS_PHRASE_H_
#define KMS_X509_PASS_PHRASE_H_

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::x509 {

inline constexpr int kIterations = 200'000;
inline constexpr int kSaltSize = 16;

class PassPhrase {
 public:
  // Fails: kInvalidArgument with Reason::kBadParameter about `passPhrase` for an empty
  // one, one of more than 1024 bytes, or one with a zero in it, where some readers stop.
  static Result<PassPhrase> Of(const SecretBytes& pass_phrase) {
    const ByteView bytes = pass_phrase.Reveal();
    if (bytes.empty() || bytes.size() > 1024 || std::ranges::count(bytes, 0) != 0)
      return Error(Reason::kBadParameter).About("passPhrase");
    // OpenSSL measures some of them itself.
    return PassPhrase(
        SecretBytes::Filled(bytes.size() + 1, [&](std::span<std::uint8_t> to) {
          std::ranges::copy(bytes, to.begin());
          to.back() = 0;
        }));
  }

  const char* text() const {
    return reinterpret_cast<const char*>(terminated_.Reveal().data());
  }
  int size() const { return static_cast<int>(terminated_.size()) - 1; }

 private:
  explicit PassPhrase(SecretBytes terminated) : terminated_(std::move(terminated)) {}

  SecretBytes terminated_;
};

}  // namespace kms::x509

#endif  // KMS_X509_PASS_PHRASE_H_
