#include "http/tls_channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <new>

namespace kms::server {
namespace {

// A socket as OpenSSL's own would be, but that a peer which has gone raises no signal.
int SocketOf(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool IsRetry(ssize_t done) {
  return done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

int ReadSocket(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t done = ::recv(SocketOf(bio), out, static_cast<std::size_t>(size), 0);
  if (IsRetry(done)) BIO_set_retry_read(bio);
  return static_cast<int>(done);
}

int WriteSocket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t done =
      ::send(SocketOf(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (IsRetry(done)) BIO_set_retry_write(bio);
  return static_cast<int>(done);
}

long ControlSocket(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* SocketMethod() {
  struct Free {
    void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
  };
  static const std::unique_ptr<BIO_METHOD, Free> method = [] {
    std::unique_ptr<BIO_METHOD, Free> made(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "kmsd socket"));
    if (!made || BIO_meth_set_read(made.get(), ReadSocket) != 1 ||
        BIO_meth_set_write(made.get(), WriteSocket) != 1 ||
        BIO_meth_set_ctrl(made.get(), ControlSocket) != 1)
      throw std::bad_alloc();
    return made;
  }();
  return method.get();
}

int IntSize(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

TlsChannel::TlsChannel(SSL_CTX& context, int socket) : tls_(SSL_new(&context)) {
  BIO* const bio = tls_ ? BIO_new(SocketMethod()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_.get(), bio, bio);
  SSL_set_accept_state(tls_.get());
}

TlsChannel::~TlsChannel() = default;

TlsChannel::Next TlsChannel::NextAfter(int result) const {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_NONE:
      return Next::kDone;
    case SSL_ERROR_WANT_READ:
      return Next::kWaitToRead;
    case SSL_ERROR_WANT_WRITE:
      return Next::kWaitToWrite;
    default:
      ERR_clear_error();
      return Next::kEnded;
  }
}

TlsChannel::Next TlsChannel::Handshake() {
  ERR_clear_error();
  return NextAfter(SSL_do_handshake(tls_.get()));
}

TlsChannel::Transfer TlsChannel::Read(std::span<char> space) {
  ERR_clear_error();
  const int read = SSL_read(tls_.get(), space.data(), IntSize(space.size()));
  if (read > 0) return {Next::kDone, static_cast<std::size_t>(read)};
  return {NextAfter(read), 0};
}

bool TlsChannel::HasMore() const { return SSL_has_pending(tls_.get()) == 1; }

TlsChannel::Transfer TlsChannel::Write(std::span<const char> bytes) {
  ERR_clear_error();
  const int written = SSL_write(tls_.get(), bytes.data(), IntSize(bytes.size()));
  if (written > 0) return {Next::kDone, static_cast<std::size_t>(written)};
  return {NextAfter(written), 0};
}

TlsChannel::Next TlsChannel::SayGoodbye() {
  ERR_clear_error();
  const int said = SSL_shutdown(tls_.get());
  return said >= 0 ? Next::kDone : NextAfter(said);
}

}  // namespace kms::server
