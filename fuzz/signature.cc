// A request verifies as it was signed, in both schemes, and with a changed body, path of
// an access point, date or request id it does not.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "header_lines.h"
#include "kms/encoding.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

struct Case {
  std::string path, query, body, request_id;
};

bool Verifies(const Signer& signer, RequestView request,
              const std::vector<SignedHeader>& headers, const SecretBytes& secret) {
  std::vector<HeaderView> views;
  for (const SignedHeader& header : headers) views.push_back({header.name, header.value});
  request.headers = views;
  const auto claim = signer.Parse(request);
  return claim && signer.Verify(*claim, request, secret).has_value();
}

void Check(const Signer& signer, bool eop, const Case& what, Input input) {
  static const SecretBytes secret = SecretBytes::CopyOf(AsBytes("0123456789abcdef"));
  RequestView request{"POST", what.path, what.query, {}, AsBytes(what.body)};
  auto headers = signer.Sign(request, "ak", secret, kStart, what.request_id, {});
  if (headers.empty() && !eop) return;  // a body that this scheme cannot sign
  Require(Verifies(signer, request, headers, secret), "what was signed verifies");

  Bytes body(what.body.begin(), what.body.end());
  Edit(input, body);
  request.body = body;
  // Blanks between tokens and escapes are no part of what access points sign.
  if (eop && AsText(body) != what.body)
    Require(!Verifies(signer, request, headers, secret), "another body does not");
  request.body = AsBytes(what.body);

  std::string& value = headers[input.Below(headers.size())].value;
  Bytes changed(value.begin(), value.end());
  Edit(input, changed);
  const std::string before = value;
  value = AsText(changed);
  std::string trimmed = value;
  std::erase_if(trimmed, [](char c) { return c == ' ' || c == '\t'; });
  std::string plain = before;
  std::erase_if(plain, [](char c) { return c == ' ' || c == '\t'; });
  if (trimmed != plain && ToBase64(AsBytes(value)) != ToBase64(AsBytes(before)))
    Require(!Verifies(signer, request, headers, secret), "other headers do not");
  value = before;
  request.path = "/another";
  if (!eop && what.path != request.path)
    Require(!Verifies(signer, request, headers, secret), "another path does not");
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
