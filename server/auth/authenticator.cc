#include "auth/authenticator.h"

#include <sys/random.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <span>
#include <utility>

#include "kms/encoding.h"

namespace kms::server {
namespace {

constexpr std::size_t kSecretSize = 32;

// What unknown access keys are checked with. Nobody may know it: a request that verifies
// costs less than one that does not, and would tell which access keys are unknown.
SecretBytes DummySecret() {
  return SecretBytes::Filled(kSecretSize, [](std::span<std::uint8_t> out) {
    if (getrandom(out.data(), out.size(), 0) != std::ssize(out)) std::abort();
  });
}

std::string UtcText(UnixMillis time) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::seconds> now = floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time)));
  const auto day = floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(now - day);
  char text[64];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return text;
}

std::string_view ReadingText(TimeReading reading) {
  switch (reading) {
    case TimeReading::kUtc:
      return "UTC";
    case TimeReading::kBeijing:
      return "Beijing time (UTC+8)";
    case TimeReading::kBoth:
      break;
  }
  return "UTC or Beijing time (UTC+8)";
}

}  // namespace

Authenticator::Authenticator(Parts parts)
    : parts_(std::move(parts)), dummy_(DummySecret()) {}

Result<SignatureClaim> Authenticator::ReadClaim(const RequestView& request) const {
  return parts_.signer.Parse(request);
}

Result<RequestContext> Authenticator::Authenticate(const SignatureClaim& claim,
                                                   const RequestView& request,
                                                   const Arrival& arrival,
                                                   bool keeps_id) const {
  const UnixMillis now = parts_.clock.Now();
  KMS_TRY(const TimeVerdict verdict, parts_.signer.CheckTime(claim, now, parts_.time));

  auto found = parts_.find(claim.access_key);
  if (!found && found.error().error_class() != ErrorClass::kNotFound)
    return std::move(found).error();
  const auto verified =
      parts_.signer.Verify(claim, request, found ? (*found)->secret : dummy_);
  if (!found || !verified) return Reason::kBadSignature;
  const AccessKey& access_key = **found;
  const std::string& access_point = access_key.principal.access_point;
  if ((parts_.for_access_points && access_point.empty()) ||
      (!arrival.access_point.empty() && arrival.access_point != access_point))
    return Reason::kBadSignature;
  if (!access_key.enabled) return Reason::kAccessKeyDisabled;

  RequestContext context;
  context.principal = access_key.principal;
  context.source = arrival.peer;
  if (!access_point.empty()) {
    context.region = access_key.region;
    KMS_TRY(context.access_point_rules, RulesFor(access_key, arrival.peer));
  }
  const bool has_id = !claim.request_id.empty();
  context.request_id = has_id ? std::string(claim.request_id) : ToHex(claim.signature);
  context.replayable_until = verdict.replayable_until;
  if (!has_id && !keeps_id) return context;
  switch (parts_.guard.Insert(claim.access_key, context.request_id, now,
                              verdict.replayable_until)) {
    case ReplayGuard::Answer::kNew:
      break;
    case ReplayGuard::Answer::kSeen:
      if (!keeps_id) return Reason::kReplayed;
      context.seen_before = true;
      break;
    case ReplayGuard::Answer::kFull:
      return Reason::kTooManyRequests;
  }
  return context;
}

Result<std::shared_ptr<const AccessPointRules>> Authenticator::RulesFor(
    const AccessKey& access_key, std::string_view peer) const {
  if (!parts_.find_rules) return Reason::kDenied;
  auto rules = parts_.find_rules(access_key.principal, access_key.region);
  if (!rules) {
    // Deleted a moment ago, and its access keys with it.
    if (rules.error().error_class() == ErrorClass::kNotFound)
      return Reason::kBadSignature;
    return rules;
  }
  if (!(*rules)->AllowsAddress(peer)) return Reason::kAddressNotAllowed;
  return rules;
}

std::string Authenticator::TimeNote() const {
  std::string note = "the server's time is ";
  note += UtcText(parts_.clock.Now());
  note += ", the date may differ by ";
  note += std::to_string(parts_.time.window_millis / 1000);
  note += " seconds and is read as ";
  note += parts_.for_access_points ? "the time of the zone that it names"
                                   : ReadingText(parts_.time.reading);
  return note;
}

}  // namespace kms::server
