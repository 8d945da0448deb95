#include <algorithm>
#include <boost/asio/write.hpp>

#include "http/session.h"

namespace kms::server {
namespace {

using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;

class PlainSession final : public Session {
 public:
  PlainSession(std::shared_ptr<Worker> worker, const SessionRules& rules,
               SessionOrigin origin, tcp::socket socket)
      : Session(std::move(worker), rules, std::move(origin)), socket_(std::move(socket)) {
    socket_.non_blocking(true);
  }

 private:
  std::shared_ptr<PlainSession> Self() {
    return std::static_pointer_cast<PlainSession>(shared_from_this());
  }

  void StartHandshake() override { OnHandshake(true); }

  void StartRead(boost::asio::mutable_buffer space) override {
    socket_.async_read_some(space,
                            [self = Self()](const ErrorCode& error, std::size_t bytes) {
                              self->OnRead(!error, bytes);
                            });
  }

  bool StartWrite(const Buffers& bytes) override {
    // Nearly always all of it fits into the socket at once.
    ErrorCode later;
    const std::size_t written = socket_.write_some(bytes, later);
    if (written == boost::asio::buffer_size(bytes)) return true;
    Buffers left = bytes;
    std::size_t skip = written;
    for (boost::asio::const_buffer& buffer : left) {
      const std::size_t part = std::min(skip, buffer.size());
      buffer += part;
      skip -= part;
    }
    boost::asio::async_write(socket_, left,
                             [self = Self()](const ErrorCode& error, std::size_t) {
                               self->OnWritten(!error);
                             });
    return false;
  }

  void StartGoodbye() override {
    ErrorCode ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    Drain();
  }

  void Drain() {
    socket_.async_read_some(boost::asio::buffer(drained_),
                            [self = Self()](const ErrorCode& error, std::size_t) {
                              error ? self->OnGone() : self->Drain();
                            });
  }

  void CancelRead() override {
    ErrorCode ignored;
    socket_.cancel(ignored);
  }

  void CloseSocket() override {
    ErrorCode ignored;
    socket_.close(ignored);
  }

  tcp::socket socket_;
  std::array<char, 512> drained_;
};

}  // namespace

std::shared_ptr<Session> NewPlainSession(std::shared_ptr<Worker> worker,
                                         const SessionRules& rules, SessionOrigin origin,
                                         tcp::socket socket) {
  return std::make_shared<PlainSession>(std::move(worker), rules, std::move(origin),
                                        std::move(socket));
}

}  // namespace kms::server
