// Signer: makes and checks the signature of a request under an AK/SK. Server,
// kmsctl and clients share it.
//
// Checking has three steps, because a server looks at other things between them:
// Parse reads the headers, CheckTime looks at the date, Verify computes. Replays are
// the caller's business.
//
// Threads: a signer may be used from many threads at once.

#ifndef KMS_SIGNER_H_
#define KMS_SIGNER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kms/bytes.h"
#include "kms/clock.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms {

struct HeaderView {
  std::string_view name;
  std::string_view value;
};

// A request as it stands on the wire.
struct RequestView {
  std::string_view method;
  std::string_view path;   // without the query
  std::string_view query;  // without '?', as sent
  std::span<const HeaderView> headers;
  ByteView body;
};

// What the headers claim. Views into the request that was parsed.
struct SignatureClaim {
  std::string_view access_key;
  std::string_view request_id;  // empty: the scheme has none
  std::string_view date;
  std::vector<std::string_view> signed_headers;  // as listed
  std::array<std::uint8_t, 32> signature{};
  UnixMillis date_as_utc = 0;  // the date, read as UTC if it names no zone
};

// Which clock a client's date was read by (design: both | utc | beijing).
enum class TimeReading : std::uint8_t { kBoth, kUtc, kBeijing };

// A date within the window, and until when the same request would be accepted
// again by either allowed reading.
struct TimeVerdict {
  TimeReading reading = TimeReading::kUtc;  // kUtc or kBeijing
  UnixMillis replayable_until = 0;
};

struct TimeRule {
  TimeReading reading = TimeReading::kBoth;
  std::int64_t window_millis = 15 * 60 * 1000;
};

struct SignedHeader {
  std::string name;
  std::string value;
};

class Signer {
 public:
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  virtual ~Signer();

  // Sign returns the headers to add to `request`; none if the scheme cannot sign such a
  // body. Headers of the request named in `also_sign` (lower case) are signed too, where
  // the scheme can.
  virtual std::vector<SignedHeader> Sign(
      const RequestView& request, std::string_view access_key,
      const SecretBytes& secret_key, UnixMillis now, std::string_view request_id,
      std::span<const std::string_view> also_sign) const = 0;

  // Parse reads what the headers claim. The claim points into `request`.
  // Fails: kAuthFailed with Reason::kBadSignature (absent, empty, repeated or
  // malformed header), or Reason::kBadTimeFormat.
  virtual Result<SignatureClaim> Parse(const RequestView& request) const = 0;

  // CheckTime fails with kAuthFailed and Reason::kOutOfTime.
  virtual Result<TimeVerdict> CheckTime(const SignatureClaim& claim, UnixMillis now,
                                        const TimeRule& rule) const = 0;

  // Verify recomputes the signature under `secret_key`, and compares in constant
  // time.
  // Fails: kAuthFailed with Reason::kBadSignature.
  virtual Result<void> Verify(const SignatureClaim& claim, const RequestView& request,
                              const SecretBytes& secret_key) const = 0;

 protected:
  Signer() = default;
};

// NewEopSigner returns the signature of the public endpoint (manual 5.2.3).
std::unique_ptr<Signer> NewEopSigner();

// NewAccessPointSigner returns the signature that clients of access points make: HMAC
// over the values of a JSON body, the date and the path. It has no request id, signs
// neither method, query nor other headers, and can sign nothing but objects (and an
// empty body). docs/threat_model.md names its weaknesses.
std::unique_ptr<Signer> NewAccessPointSigner();

// IsForAccessPoints: whether `headers` claim that scheme: one of its own is there, and
// none of EOP's.
bool IsForAccessPoints(std::span<const HeaderView> headers);

}  // namespace kms

#endif  // KMS_SIGNER_H_
