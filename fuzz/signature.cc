// A request verifies as it was signed, in both schemes, and with a changed body, path of
// an access point, date or request id it does not.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "header_lines.h"
#include "kms/encoding.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

struct Case {
  std::string path, query, body, request_id;
};

const SecretBytes& Secret() {
  static const SecretBytes secret = SecretBytes::CopyOf(AsBytes("0123456789abcdef"));
  return secret;
}

using Headers = std::vector<SignedHeader>;

// What a request verifies as; nothing, if it does not. In the order of its headers.
std::optional<std::vector<std::string>> Verified(const Signer& signer,
                                                 RequestView request,
                                                 const Headers& headers) {
  std::vector<HeaderView> views;
  for (const SignedHeader& header : headers) views.push_back({header.name, header.value});
  request.headers = views;
  const auto claim = signer.Parse(request);
  if (!claim || !signer.Verify(*claim, request, Secret())) return std::nullopt;
  return std::vector<std::string>{std::string(claim->access_key),
                                  std::string(claim->request_id),
                                  std::string(claim->date), ToBase64(claim->signature)};
}

void Check(const Signer& signer, bool eop, const Case& what, Input input) {
  RequestView request{"POST", what.path, what.query, {}, AsBytes(what.body)};
  Headers headers = signer.Sign(request, "ak", Secret(), kStart, what.request_id, {});
  if (headers.empty() && !eop) return;  // a body that this scheme cannot sign
  const auto verified = Verified(signer, request, headers);
  Require(verified.has_value(), "what was signed verifies");

  Bytes body(what.body.begin(), what.body.end());
  Edit(input, body);
  request.body = body;
  // Blanks between tokens and escapes are no part of what access points sign.
  if (eop && AsText(body) != what.body)
    Require(!Verified(signer, request, headers), "another body does not");
  request.body = AsBytes(what.body);

  std::string& value = headers[input.Below(headers.size())].value;
  Bytes changed(value.begin(), value.end());
  Edit(input, changed);
  const std::string before = std::exchange(value, std::string(AsText(changed)));
  const auto other = Verified(signer, request, headers);
  Require(!other || other == verified, "no other claim does");
  value = before;
  request.path = "/another";
  if (!eop && what.path != request.path)
    Require(!Verified(signer, request, headers), "another path does not");
}

}  // namespace

// Path, query, request id and body, a line each; before them the edits.
void signature(ByteView bytes) {
  static const std::unique_ptr<Signer> eop = NewEopSigner();
  static const std::unique_ptr<Signer> access_point = NewAccessPointSigner();
  Input input(bytes);
  Input edits(input.Take(8));
  Case what;
  what.path = input.TextUpTo('\n');
  what.query = input.TextUpTo('\n');
  // The request id is a header: visible characters, at most 128 of them.
  for (const char c : input.TextUpTo('\n').substr(0, 128))
    what.request_id += c > ' ' && c < 0x7f ? c : 'x';
  if (what.request_id.empty()) what.request_id = "id";
  what.body = AsText(input.Rest());
  Check(*eop, true, what, edits);
  Check(*access_point, false, what, edits);
}

}  // namespace kms::fuzz::targets
