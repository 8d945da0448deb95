// Socket: one connection to the server, in clear or over TLS. Opening it waits;
// afterwards nothing does.
//
// Threads: one at a time. A Dialler may be used from many.

#ifndef KMS_BENCH_LOAD_SOCKET_H_
#define KMS_BENCH_LOAD_SOCKET_H_

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kms/result.h"
#include "kmsctl/client.h"

namespace kms::load {

// How a transfer ended. `bytes` is 0 unless it is kDone.
struct Transfer {
  enum class State { kDone, kLater, kEnded };
  State state = State::kEnded;
  std::size_t bytes = 0;
};

struct FreeTls {
  void operator()(SSL* tls) const;
  void operator()(SSL_CTX* context) const;
};

class Socket {
 public:
  Socket() = default;
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

  Transfer Read(std::span<char> space);
  Transfer Write(std::string_view bytes);
  // Whether bytes are at hand that the descriptor does not show any more.
  bool HasMore() const;

 private:
  friend class Dialler;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Transfer OfTls(int done);

  int descriptor_ = -1;
  std::unique_ptr<SSL, FreeTls> tls_;
};

// Opens sockets to one endpoint.
class Dialler {
 public:
  // `ca_file` may be empty: the system's.
  // Fails: kInvalidArgument (CA file, unknown host).
  static Result<Dialler> New(server::Endpoint endpoint, const std::string& ca_file,
                             bool insecure);

  // Open waits for the connection, for a few seconds at most.
  // Fails: kUnavailable.
  Result<Socket> Open() const;

 private:
  Dialler() = default;
  Result<void> Greet(Socket& socket) const;

  server::Endpoint endpoint_;
  std::vector<std::string> addresses_;  // of the host: sockaddr structures
  bool insecure_ = false;
  std::unique_ptr<SSL_CTX, FreeTls> tls_;  // null: in clear
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_SOCKET_H_
