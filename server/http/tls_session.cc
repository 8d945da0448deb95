#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "http/session.h"

namespace kms::server {
namespace {

using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;

class TlsSession final : public Session {
 public:
  TlsSession(std::shared_ptr<Worker> worker, const SessionRules& rules,
             SessionOrigin origin, tcp::socket socket, boost::asio::ssl::context& tls)
      : Session(std::move(worker), rules, std::move(origin)),
        stream_(std::move(socket), tls) {}

 private:
  std::shared_ptr<TlsSession> Self() {
    return std::static_pointer_cast<TlsSession>(shared_from_this());
  }

  void StartHandshake() override {
    stream_.async_handshake(
        boost::asio::ssl::stream_base::server,
        [self = Self()](const ErrorCode& error) { self->OnHandshake(!error); });
  }

  void StartRead(boost::asio::mutable_buffer space) override {
    stream_.async_read_some(space,
                            [self = Self()](const ErrorCode& error, std::size_t bytes) {
                              self->OnRead(!error, bytes);
                            });
  }

  void StartWrite(const Buffers& bytes) override {
    boost::asio::async_write(stream_, bytes,
                             [self = Self()](const ErrorCode& error, std::size_t) {
                               self->OnWritten(!error);
                             });
  }

  // A peer that is still sending has more to come than its close_notify; that is
  // thrown away below TLS.
  void StartGoodbye() override {
    stream_.async_shutdown([self = Self()](const ErrorCode&) {
      ErrorCode ignored;
      self->stream_.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
      self->Drain();
    });
  }

  void Drain() {
    stream_.next_layer().async_read_some(
        boost::asio::buffer(drained_),
        [self = Self()](const ErrorCode& error, std::size_t) {
          error ? self->OnGone() : self->Drain();
        });
  }

  void CancelRead() override {
    ErrorCode ignored;
    stream_.next_layer().cancel(ignored);
  }

  void CloseSocket() override {
    ErrorCode ignored;
    stream_.next_layer().close(ignored);
  }

  boost::asio::ssl::stream<tcp::socket> stream_;
  std::array<char, 512> drained_;
};

}  // namespace

std::shared_ptr<Session> NewTlsSession(std::shared_ptr<Worker> worker,
                                       const SessionRules& rules, SessionOrigin origin,
                                       tcp::socket socket,
                                       boost::asio::ssl::context& tls) {
  return std::make_shared<TlsSession>(std::move(worker), rules, std::move(origin),
                                      std::move(socket), tls);
}

}  // namespace kms::server
