// EopStamp: signs requests under one access key (manual 5.2.3) at the price of one HMAC
// each. What depends on the second alone is kept, and so is what depends on the body.
//
// The library's Signer does the same in general, and derives everything for each request.
//
// Threads: one at a time.

#ifndef KMS_BENCH_LOAD_SIGNING_H_
#define KMS_BENCH_LOAD_SIGNING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kms/clock.h"
#include "kms/secret_bytes.h"

namespace Botan {
class MessageAuthenticationCode;
}

namespace kms::load {

inline constexpr std::size_t kRequestIdSize = 36;
inline constexpr std::size_t kDateSize = 16;
inline constexpr std::size_t kSignatureSize = 44;

class EopStamp {
 public:
  // Request ids are UUIDs of a random part and a counter, so that no two are equal.
  EopStamp(std::string access_key, const SecretBytes& secret_key);
  ~EopStamp();
  EopStamp(const EopStamp&) = delete;
  EopStamp& operator=(const EopStamp&) = delete;

  // Next makes what the next request carries: `request_id`, `date` and `signature`.
  // `body_hash` is the SHA-256 of its body in hexadecimal digits.
  void Next(UnixMillis now, std::string_view body_hash);

  std::string_view request_id() const { return {request_id_, kRequestIdSize}; }
  std::string_view date() const { return date_; }
  std::string_view signature() const { return {signature_, kSignatureSize}; }

 private:
  void Renew(std::int64_t second);

  const std::string access_key_;
  const SecretBytes secret_key_;
  std::unique_ptr<Botan::MessageAuthenticationCode> mac_;  // keyed for date_
  std::int64_t second_ = -1;
  std::uint64_t counter_ = 0;
  std::string date_;
  char request_id_[kRequestIdSize];
  char signature_[kSignatureSize];
  std::string text_;  // to sign
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_SIGNING_H_
