// WireClient: a blocking socket, in clear or over TLS, that sends bytes exactly as it is
// told and reads answers one by one. For tests: every wait ends after ten seconds.

#ifndef KMS_TESTS_HTTP_WIRE_CLIENT_H_
#define KMS_TESTS_HTTP_WIRE_CLIENT_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kms::testing {

struct WireAnswer {
  int status = 0;  // 0: the connection ended instead
  std::string head;
  std::string body;
  bool Has(std::string_view line) const { return head.find(line) != head.npos; }
};

class WireClient {
 public:
  explicit WireClient(std::uint16_t port, int receive_buffer = 0);
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;
  ~WireClient();

  // StartTls returns whether the handshake succeeded with exactly this version.
  bool StartTls(int version);
  SSL* tls() { return tls_.get(); }

  // Send returns whether all of `bytes` were taken.
  bool Send(std::string_view bytes);
  WireAnswer Receive();
  // True if the other side ends the connection without a further byte.
  bool IsClosed();
  void CloseWriting();
  // Closes with a reset.
  void Vanish();

 private:
  bool Fill();

  int socket_ = -1;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
  std::string received_;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_HTTP_WIRE_CLIENT_H_
