#include "bench/load/signing.h"

#include <botan/mac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>
#include <utility>

#include "kms/digest.h"
#include "kms/encoding.h"

namespace kms::load {
namespace {

constexpr std::size_t kCounterDigits = 12;
constexpr std::size_t kDayDigits = 8;
constexpr std::string_view kIdLine = "ctyun-eop-request-id:";
constexpr std::string_view kDateLine = "\neop-date:";
constexpr std::string_view kNoQuery = "\n\n\n";

std::string FreshUuid() {
  std::random_device random;
  std::array<std::uint8_t, 16> bytes{};
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return ToUuid(bytes);
}

std::string WriteDate(std::int64_t second) {
  const std::time_t time = second;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[kDateSize + 1];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

}  // namespace

EopStamp::EopStamp(std::string access_key, const SecretBytes& secret_key)
    : access_key_(std::move(access_key)),
      secret_key_(secret_key.Clone()),
      mac_(Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)")) {
  std::ranges::copy(FreshUuid(), request_id_);
}

EopStamp::~EopStamp() = default;

void EopStamp::Renew(std::int64_t second) {
  second_ = second;
  date_ = WriteDate(second);
  const auto derive = [](ByteView key, std::string_view data) {
    return Hmac(DigestAlgorithm::kSha256, key, AsBytes(data));
  };
  const Digest32 time = derive(secret_key_.Reveal(), date_);
  const Digest32 access = derive(time, access_key_);
  const Digest32 day = derive(access, std::string_view(date_).substr(0, kDayDigits));
  mac_->set_key(day.data(), day.size());
}

void EopStamp::Next(UnixMillis now, std::string_view body_hash) {
  if (now / 1000 != second_) Renew(now / 1000);
  std::uint64_t left = ++counter_;
  for (std::size_t i = 1; i <= kCounterDigits; ++i, left >>= 4)
    request_id_[kRequestIdSize - i] = "0123456789abcdef"[left & 15];

  text_.assign(kIdLine);
  text_.append(request_id_, kRequestIdSize).append(kDateLine).append(date_);
  text_.append(kNoQuery).append(body_hash);
  mac_->update(reinterpret_cast<const std::uint8_t*>(text_.data()), text_.size());
  Digest32 mac;
  mac_->final(mac.data());
  WriteBase64(mac, signature_);
}

}  // namespace kms::load
