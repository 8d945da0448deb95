#include "http/wire_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>

namespace kms::testing {

WireClient::WireClient(std::uint16_t port, int receive_buffer) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (receive_buffer != 0) {
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    close(socket_);
    socket_ = -1;
  }
}

WireClient::~WireClient() {
  tls_.reset();
  if (socket_ >= 0) close(socket_);
}

bool WireClient::StartTls(int version) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  // Lets OpenSSL offer TLS 1.1 at all, so that it is the server that refuses.
  SSL_CTX_set_security_level(context_.get(), 0);
  SSL_CTX_set_min_proto_version(context_.get(), version);
  SSL_CTX_set_max_proto_version(context_.get(), version);
  tls_.reset(SSL_new(context_.get()));
  SSL_set_fd(tls_.get(), socket_);
  return SSL_connect(tls_.get()) == 1 && SSL_version(tls_.get()) == version;
}

bool WireClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent =
        tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
             : send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool WireClient::Fill() {
  char buffer[4096];
  const auto got = tls_ ? SSL_read(tls_.get(), buffer, sizeof(buffer))
                        : recv(socket_, buffer, sizeof(buffer), 0);
  if (got <= 0) return false;
  received_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

WireAnswer WireClient::Receive() {
  WireAnswer answer;
  std::size_t end;
  while ((end = received_.find("\r\n\r\n")) == received_.npos) {
    if (!Fill()) return answer;
  }
  answer.head = received_.substr(0, end + 2);
  received_.erase(0, end + 4);
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t at = answer.head.find(kLength);
  const std::size_t size =
      at == answer.head.npos ? 0 : std::stoul(answer.head.substr(at + kLength.size()));
  while (received_.size() < size) {
    if (!Fill()) return answer;
  }
  answer.status = std::atoi(answer.head.c_str() + 9);
  answer.body = received_.substr(0, size);
  received_.erase(0, size);
  return answer;
}

bool WireClient::IsClosed() {
  if (!received_.empty()) return false;
  char byte;
  if (tls_) {
    if (SSL_read(tls_.get(), &byte, 1) > 0) return false;
    // Not a time-out of ours.
    return SSL_get_error(tls_.get(), 0) == SSL_ERROR_ZERO_RETURN || errno != EAGAIN;
  }
  const auto got = recv(socket_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno != EAGAIN);
}

void WireClient::CloseWriting() { shutdown(socket_, SHUT_WR); }

void WireClient::Vanish() {
  const linger reset{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  close(socket_);
  socket_ = -1;
}

}  // namespace kms::testing
