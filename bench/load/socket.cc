#include "bench/load/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kmsctl/failure.h"

namespace kms::load {
namespace {

using server::ConnectionError;
using server::UsageError;
using State = Transfer::State;

constexpr timeval kPatience = {.tv_sec = 5, .tv_usec = 0};

Transfer OfCall(ssize_t done) {
  if (done > 0) return {State::kDone, static_cast<std::size_t>(done)};
  if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return {State::kLater, 0};
  return {State::kEnded, 0};
}

std::string TlsReason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason ? reason : "TLS";
}

Result<std::vector<std::string>> Resolve(const server::Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found);
  if (error != 0) return ConnectionError(endpoint.host + ": " + ::gai_strerror(error));
  std::vector<std::string> addresses;
  for (const addrinfo* one = found; one; one = one->ai_next)
    addresses.emplace_back(reinterpret_cast<const char*>(one->ai_addr), one->ai_addrlen);
  ::freeaddrinfo(found);
  return addresses;
}

// A connected descriptor with deadlines, or -1.
int Connect(const std::string& address) {
  const auto* const to = reinterpret_cast<const sockaddr*>(address.data());
  const int descriptor = ::socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  for (const int which : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(descriptor, SOL_SOCKET, which, &kPatience, sizeof kPatience);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, to, static_cast<socklen_t>(address.size())) == 0)
    return descriptor;
  const int why = errno;
  ::close(descriptor);
  errno = why;
  return -1;
}

bool IsAddress(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

}  // namespace

void FreeTls::operator()(SSL* tls) const { SSL_free(tls); }
void FreeTls::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

Socket::~Socket() {
  tls_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(tls_, other.tls_);
  return *this;
}

Transfer Socket::OfTls(int done) {
  if (done > 0) return {State::kDone, static_cast<std::size_t>(done)};
  switch (SSL_get_error(tls_.get(), done)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {State::kLater, 0};
    default:
      ERR_clear_error();
      return {State::kEnded, 0};
  }
}

Transfer Socket::Read(std::span<char> space) {
  if (tls_)
    return OfTls(SSL_read(tls_.get(), space.data(), static_cast<int>(space.size())));
  return OfCall(::recv(descriptor_, space.data(), space.size(), 0));
}

Transfer Socket::Write(std::string_view bytes) {
  if (tls_)
    return OfTls(SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())));
  return OfCall(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

bool Socket::HasMore() const { return tls_ && SSL_pending(tls_.get()) > 0; }

Result<Dialler> Dialler::New(server::Endpoint endpoint, const std::string& ca_file,
                             bool insecure) {
  Dialler dialler;
  KMS_TRY(dialler.addresses_, Resolve(endpoint));
  dialler.endpoint_ = std::move(endpoint);
  dialler.insecure_ = insecure;
  if (!dialler.endpoint_.tls) return dialler;
  dialler.tls_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = dialler.tls_.get();
  if (!context) return ConnectionError(TlsReason());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (insecure) return dialler;
  const bool loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                      : SSL_CTX_load_verify_locations(
                                            context, ca_file.c_str(), nullptr) == 1;
  if (!loaded) return UsageError(ca_file + ": " + TlsReason());
  return dialler;
}

Result<void> Dialler::Greet(Socket& socket) const {
  const std::string& host = endpoint_.host;
  socket.tls_.reset(SSL_new(tls_.get()));
  SSL* const tls = socket.tls_.get();
  bool good = tls && SSL_set_fd(tls, socket.descriptor_) == 1;
  if (!IsAddress(host)) {
    good = good && SSL_set_tlsext_host_name(tls, host.c_str()) == 1 &&
           (insecure_ || SSL_set1_host(tls, host.c_str()) == 1);
  } else if (!insecure_) {
    good = good && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host.c_str()) == 1;
  }
  if (!good || SSL_connect(tls) != 1) return ConnectionError(TlsReason());
  return {};
}

Result<Socket> Dialler::Open() const {
  const auto failed = [this](const std::string& why) {
    return ConnectionError("cannot connect to " + endpoint_.authority + ": " + why);
  };
  Socket socket;
  for (const std::string& address : addresses_) {
    socket = Socket(Connect(address));
    if (socket.is_open()) break;
  }
  if (!socket.is_open()) return failed(std::strerror(errno));
  if (tls_)
    if (const auto greeted = Greet(socket); !greeted)
      return failed(greeted.error().detail());
  ::fcntl(socket.descriptor_, F_SETFL, ::fcntl(socket.descriptor_, F_GETFL) | O_NONBLOCK);
  return socket;
}

}  // namespace kms::load
