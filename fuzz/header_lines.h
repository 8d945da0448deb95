// A request of the headers in an input, one a line as "name: value".

#ifndef KMS_FUZZ_HEADER_LINES_H_
#define KMS_FUZZ_HEADER_LINES_H_

#include <string_view>
#include <vector>

#include "kms/signer.h"
#include "target.h"

namespace kms::fuzz {

inline std::vector<HeaderView> HeaderLines(Input input) {
  std::vector<HeaderView> headers;
  while (!input.empty()) {
    const std::string_view line = input.TextUpTo('\n');
    const std::size_t colon = line.find(':');
    if (colon != line.npos)
      headers.push_back({line.substr(0, colon), line.substr(colon + 1)});
  }
  return headers;
}

inline bool SameClaim(const SignatureClaim& a, const SignatureClaim& b) {
  return a.access_key == b.access_key && a.request_id == b.request_id &&
         a.date == b.date && a.signed_headers == b.signed_headers &&
         a.signature == b.signature && a.date_as_utc == b.date_as_utc;
}

}  // namespace kms::fuzz

#endif  // KMS_FUZZ_HEADER_LINES_H_
