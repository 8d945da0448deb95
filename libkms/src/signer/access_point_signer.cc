#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "crypto/md5.h"
#include "kms/digest.h"
#include "kms/encoding.h"
#include "kms/signer.h"
#include "signer/access_point_date.h"
#include "signer/headers.h"
#include "signer/signed_members.h"

namespace kms {
namespace {

constexpr std::string_view kMac = "hmac";
constexpr std::string_view kDate = "requestDate";
constexpr std::string_view kAccessKey = "accessKey";
constexpr std::array<std::string_view, 3> kEopHeaders = {
    "eop-date", "ctyun-eop-request-id", "eop-authorization"};

// The digest of the values, in the order of their names: without the names, and joined
// by LF. It is MD5, and the scheme does rest on it: whoever may choose what a client
// signs could prepare two bodies of one digest (docs/threat_model.md).
// None if the body cannot be signed.
std::optional<std::string> ContentMd5(ByteView body, std::string_view access_key) {
  const auto read = SignedMembers::Read(body);
  if (!read) return std::nullopt;
  std::vector<SignedMember> members = read->members();
  // A member of that name would be one that is not signed.
  if (std::ranges::find(members, kAccessKey, &SignedMember::name) != members.end())
    return std::nullopt;
  members.push_back({kAccessKey, access_key});
  // Equal names, of which a parser refuses the body, have no order.
  std::ranges::sort(members, {}, &SignedMember::name);
  Md5 digest;
  for (const SignedMember& member : members) {
    if (&member != &members.front()) digest.Add("\n");
    digest.Add(member.value);
  }
  return ToBase64(digest.Finish());
}

std::optional<Digest32> Mac(const RequestView& request, std::string_view access_key,
                            std::string_view date, const SecretBytes& secret_key) {
  std::optional<std::string> text = ContentMd5(request.body, access_key);
  if (!text) return std::nullopt;
  text->append("\n").append(date).append("\n").append(request.path);
  return Hmac(DigestAlgorithm::kSha256, secret_key.Reveal(), AsBytes(*text));
}

class AccessPointSigner final : public Signer {
 public:
  std::vector<SignedHeader> Sign(
      const RequestView& request, std::string_view access_key,
      const SecretBytes& secret_key, UnixMillis now, std::string_view /*request_id*/,
      std::span<const std::string_view> /*also_sign*/) const override {
    std::string date = WriteAccessPointDate(now);
    const auto mac = Mac(request, access_key, date, secret_key);
    if (!mac) return {};
    return {{std::string(kMac), ToBase64(*mac)},
            {std::string(kDate), std::move(date)},
            {std::string(kAccessKey), std::string(access_key)}};
  }

  Result<SignatureClaim> Parse(const RequestView& request) const override {
    const auto mac = OnlyHeader(request, kMac);
    const auto date = OnlyHeader(request, kDate);
    const auto access_key = OnlyHeader(request, kAccessKey);
    SignatureClaim claim;
    if (!mac || !date || date->empty() || !access_key || access_key->empty() ||
        access_key->size() > kMaxAccessKey || !IsVisible(*access_key) ||
        mac->size() != Base64Size(claim.signature.size()))
      return Reason::kBadSignature;
    const auto bytes = FromBase64(*mac);
    if (!bytes || bytes->size() != claim.signature.size()) return Reason::kBadSignature;
    std::ranges::copy(*bytes, claim.signature.begin());
    claim.access_key = *access_key;
    claim.date = *date;
    const auto time = ReadAccessPointDate(*date);
    if (!time) return Reason::kBadTimeFormat;
    claim.date_as_utc = *time;
    return claim;
  }

  // The date names its zone: there is one reading.
  Result<TimeVerdict> CheckTime(const SignatureClaim& claim, UnixMillis now,
                                const TimeRule& rule) const override {
    const UnixMillis time = claim.date_as_utc;
    if (time < now - rule.window_millis || time > now + rule.window_millis)
      return Reason::kOutOfTime;
    return TimeVerdict{TimeReading::kUtc, time + rule.window_millis};
  }

  Result<void> Verify(const SignatureClaim& claim, const RequestView& request,
                      const SecretBytes& secret_key) const override {
    const auto mac = Mac(request, claim.access_key, claim.date, secret_key);
    if (!mac || !ConstantTimeEqual(*mac, claim.signature)) return Reason::kBadSignature;
    return {};
  }
};

}  // namespace

bool IsForAccessPoints(std::span<const HeaderView> headers) {
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(
        headers, [&](const HeaderView& header) { return SameName(header.name, name); });
  };
  return (has(kMac) || has(kDate) || has(kAccessKey)) &&
         std::ranges::none_of(kEopHeaders, has);
}

std::unique_ptr<Signer> NewAccessPointSigner() {
  return std::make_unique<AccessPointSigner>();
}

}  // namespace kms
