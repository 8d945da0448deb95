// TlsChannel: the server's side of TLS over a connected socket that does not block.
//
// OpenSSL reads from the socket and writes to it itself, so that a record is not copied
// on its way. What cannot go on says what it waits for; the caller calls again then, with
// the same arguments.
//
// Threads: one at a time.

#ifndef KMS_SERVER_HTTP_TLS_CHANNEL_H_
#define KMS_SERVER_HTTP_TLS_CHANNEL_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace kms::server {

class TlsChannel {
 public:
  enum class Next : std::uint8_t {
    kDone,
    kWaitToRead,   // until the socket has something to read
    kWaitToWrite,  // until it takes something
    kEnded,        // closed by the peer, or broken
  };
  struct Transfer {
    Next next = Next::kEnded;
    std::size_t bytes = 0;  // above 0 if kDone
  };

  // `socket` stays the caller's, and open as long as the channel is used. Throws
  // std::bad_alloc.
  TlsChannel(SSL_CTX& context, int socket);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  Next Handshake();

  // Read fills `space`, which is not empty, as far as one record goes.
  Transfer Read(std::span<char> space);
  // HasMore: something was received already that Read has not returned, so that the
  // socket may never be readable for it.
  bool HasMore() const;

  // Write sends `bytes`, which are not empty, or a part of them.
  Transfer Write(std::span<const char> bytes);

  // SayGoodbye sends the last record. The peer's is not waited for.
  Next SayGoodbye();

 private:
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  Next NextAfter(int result) const;

  const std::unique_ptr<SSL, Free> tls_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_TLS_CHANNEL_H_
