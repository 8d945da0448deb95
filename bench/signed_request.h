// Signed requests to the dispatcher of a World, without sockets.

#ifndef KMS_BENCH_SIGNED_REQUEST_H_
#define KMS_BENCH_SIGNED_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kms/signer.h"
#include "world.h"

namespace kms::bench {

// A request of the world's caller, and the memory that its views point into. It can be
// exchanged once: `number` makes its id.
struct SignedRequest {
  SignedRequest(const World& world, std::string_view path, std::string text,
                std::uint64_t number);
  SignedRequest(const SignedRequest&) = delete;
  SignedRequest& operator=(const SignedRequest&) = delete;

  const std::string path;
  const std::string body;
  std::vector<SignedHeader> signed_headers;
  std::vector<HeaderView> headers;
};

// Exchange returns the status of the answer, and its body in `answer`, if there is one.
int Exchange(World& world, const SignedRequest& request, std::string* answer = nullptr);

// The body of an encrypt of `size` bytes under the world's key.
std::string EncryptBody(const World& world, std::size_t size);

}  // namespace kms::bench

#endif  // KMS_BENCH_SIGNED_REQUEST_H_
