// Headers of a request to an access point that are accepted say one thing: written anew
// from what was read of them, they are read as the same claim.

#include <memory>
#include <string>

#include "header_lines.h"
#include "kms/encoding.h"
#include "signer/access_point_date.h"

namespace kms::fuzz::targets {

// Lines of "name: value".
void access_point_headers(ByteView bytes) {
  static const std::unique_ptr<Signer> signer = NewAccessPointSigner();
  RequestView request;
  const auto headers = HeaderLines(Input(bytes));
  request.headers = headers;
  const auto claim = signer->Parse(request);
  if (!claim) return;
  Require(IsForAccessPoints(headers) || headers.size() > 3, "the scheme is told");

  const std::string mac = ToBase64(claim->signature);
  const HeaderView written[] = {
      {"hmac", mac}, {"requestDate", claim->date}, {"accessKey", claim->access_key}};
  request.headers = written;
  const auto again = signer->Parse(request);
  Require(again.has_value() && SameClaim(*again, *claim), "the claim is read again");
  const std::string date = WriteAccessPointDate(claim->date_as_utc);
  Require(ReadAccessPointDate(date) == claim->date_as_utc, "the time is read again");
}

}  // namespace kms::fuzz::targets
