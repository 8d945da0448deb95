#include "signed_request.h"

#include <utility>

#include "kms/encoding.h"

namespace kms::bench {

SignedRequest::SignedRequest(const World& world, std::string_view to, std::string text,
                             std::uint64_t number)
    : path(to), body(std::move(text)) {
  const RequestView view{"POST", path, {}, {}, AsBytes(body)};
  signed_headers =
      world.signer->Sign(view, world.me.principal.access_key, world.secret,
                         world.clock->Now(), "bench-" + std::to_string(number), {});
  for (const SignedHeader& header : signed_headers)
    headers.push_back({header.name, header.value});
  headers.push_back({"regionId", "here"});
  headers.push_back({"Content-Type", "application/json"});
}

int Exchange(World& world, const SignedRequest& request, std::string* answer) {
  const server::HttpRequest http{.method = "POST",
                                 .target = request.path,
                                 .headers = request.headers,
                                 .body = AsBytes(request.body),
                                 .peer = "127.0.0.1"};
  int status = 0;
  world.dispatcher->Handle(http, [&](server::HttpResponse response) {
    status = response.status;
    if (answer) answer->assign(response.body.begin(), response.body.end());
  });
  return status;
}

std::string EncryptBody(const World& world, std::size_t size) {
  return R"({"cmkUuid":")" + world.key + R"(","plaintext":")" + ToBase64(Bytes(size, 7)) +
         R"("})";
}

}  // namespace kms::bench
