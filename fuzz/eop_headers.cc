// Headers of an EOP request that are accepted say one thing: written anew from what was
// read of them, they are read as the same claim, and none of the three is there twice.

#include <memory>
#include <string>

#include "header_lines.h"
#include "kms/encoding.h"
#include "signer/eop_date.h"
#include "signer/headers.h"

namespace kms::fuzz::targets {
namespace {

std::string Authorization(const SignatureClaim& claim) {
  std::string text(claim.access_key);
  text += " Headers=";
  for (std::size_t i = 0; i < claim.signed_headers.size(); ++i) {
    if (i != 0) text += ';';
    text += claim.signed_headers[i];
  }
  return text + " Signature=" + ToBase64(claim.signature);
}

}  // namespace

// Lines of "name: value".
void eop_headers(ByteView bytes) {
  static const std::unique_ptr<Signer> signer = NewEopSigner();
  RequestView request;
  const auto headers = HeaderLines(Input(bytes));
  request.headers = headers;
  const auto claim = signer->Parse(request);
  if (!claim) return;

  const std::string authorization = Authorization(*claim);
  std::vector<HeaderView> written = {{"Eop-Authorization", authorization}};
  for (const HeaderView& header : headers) {
    if (SameName(header.name, "eop-authorization")) continue;
    for (const HeaderView& other : written)
      Require(!SameName(other.name, "eop-date") || !SameName(header.name, "eop-date"),
              "one date");
    written.push_back(header);
  }
  request.headers = written;
  const auto again = signer->Parse(request);
  Require(again.has_value() && SameClaim(*again, *claim), "the claim is read again");
  Require(WriteEopDate(claim->date_as_utc) == claim->date, "a date has one spelling");
}

}  // namespace kms::fuzz::targets
