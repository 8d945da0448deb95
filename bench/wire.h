// Signed requests as bytes, and a connection that exchanges them with a server.

#ifndef KMS_BENCH_WIRE_H_
#define KMS_BENCH_WIRE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "kms/secret_bytes.h"
#include "kms/signer.h"

namespace kms::bench {

// Prints why, and ends the process.
[[noreturn]] void Die(const std::string& why);

struct Target {
  std::string access_key;
  SecretBytes secret;
  std::string region;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};

class Connection {
 public:
  explicit Connection(const Target& target);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Exchange sends a request, and returns the status and the body.
  std::pair<int, std::string> Exchange(const std::string& request);

 private:
  const int socket_;
};

std::string SignedPost(const Target& target, const Signer& signer, std::string_view path,
                       const std::string& body, const std::string& id);

// The body of an encrypt of 32 bytes.
std::string EncryptBody(std::string_view key);

}  // namespace kms::bench

#endif  // KMS_BENCH_WIRE_H_
