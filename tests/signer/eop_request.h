// EopRequest: a request with EOP headers that a test may spoil, and its view.

#ifndef KMS_TESTS_SIGNER_EOP_REQUEST_H_
#define KMS_TESTS_SIGNER_EOP_REQUEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "kms/signer.h"

namespace kms::testing {

inline constexpr std::string_view kAccessKey = "AKEXAMPLE";
inline constexpr std::string_view kSecretKey = "SKEXAMPLE";
inline constexpr std::string_view kRequestId = "27cfe4dc-e640-45f6-92ca-492ca73e8680";
inline constexpr UnixMillis kNow = 1'705'420'800'000;  // 2024-01-16T16:00:00Z

inline SecretBytes Secret(std::string_view text = kSecretKey) {
  return SecretBytes::CopyOf(AsBytes(text));
}

struct EopRequest {
  std::string query;
  std::string body;
  std::vector<SignedHeader> headers;
  mutable std::vector<HeaderView> views;

  // Points into this request, until it changes.
  RequestView View() const {
    views.clear();
    for (const SignedHeader& header : headers)
      views.push_back({header.name, header.value});
    return {"POST", "/v1/keyCompute/encrypt", query, views, AsBytes(body)};
  }

  // The value of the header of that name, which is there.
  std::string& operator[](std::string_view name) {
    for (SignedHeader& header : headers)
      if (header.name == name) return header.value;
    headers.push_back({std::string(name), {}});
    return headers.back().value;
  }

  void Drop(std::string_view name) {
    std::erase_if(headers, [&](const SignedHeader& h) { return h.name == name; });
  }
};

// A request as the signer signs it.
inline EopRequest SignedRequest(const Signer& signer, std::string query = {},
                                std::string body = {},
                                std::vector<SignedHeader> more = {},
                                std::vector<std::string_view> also_sign = {}) {
  EopRequest request{std::move(query), std::move(body), std::move(more), {}};
  for (SignedHeader& header :
       signer.Sign(request.View(), kAccessKey, Secret(), kNow, kRequestId, also_sign))
    request.headers.push_back(std::move(header));
  return request;
}

// Parses and verifies.
inline Result<void> Check(const Signer& signer, const EopRequest& request,
                          const SecretBytes& secret = Secret()) {
  const RequestView view = request.View();
  KMS_TRY(const SignatureClaim claim, signer.Parse(view));
  return signer.Verify(claim, view, secret);
}

}  // namespace kms::testing

#endif  // KMS_TESTS_SIGNER_EOP_REQUEST_H_
