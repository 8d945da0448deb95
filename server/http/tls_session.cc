#include <boost/asio/post.hpp>
#include <span>
#include <utility>

#include "http/session.h"
#include "http/tls_channel.h"

namespace kms::server {
namespace {

using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Next = TlsChannel::Next;

// A socket that does not block.
tcp::socket NonBlocking(tcp::socket socket) {
  socket.non_blocking(true);
  return socket;
}

class TlsSession final : public Session {
 public:
  TlsSession(std::shared_ptr<Worker> worker, const SessionRules& rules,
             SessionOrigin origin, tcp::socket socket, boost::asio::ssl::context& tls)
      : Session(std::move(worker), rules, std::move(origin)),
        socket_(NonBlocking(std::move(socket))),
        channel_(*tls.native_handle(), socket_.native_handle()) {}

 private:
  std::shared_ptr<TlsSession> Self() {
    return std::static_pointer_cast<TlsSession>(shared_from_this());
  }

  // Calls the step again when the socket is ready for it, or `failed` if it never is.
  // Once the socket is closed its descriptor may be somebody else's.
  void Wait(Next next, void (TlsSession::*step)(), void (TlsSession::*failed)()) {
    const auto what =
        next == Next::kWaitToWrite ? tcp::socket::wait_write : tcp::socket::wait_read;
    socket_.async_wait(what, [self = Self(), step, failed](const ErrorCode& error) {
      ((*self).*(error || !self->socket_.is_open() ? failed : step))();
    });
  }
  void Later(void (TlsSession::*step)(), void (TlsSession::*failed)()) {
    boost::asio::post(socket_.get_executor(), [self = Self(), step, failed] {
      ((*self).*(self->socket_.is_open() ? step : failed))();
    });
  }

  void StartHandshake() override { GoOnWithHandshake(); }
  void GoOnWithHandshake() {
    const Next next = channel_.Handshake();
    if (next == Next::kDone || next == Next::kEnded) {
      OnHandshake(next == Next::kDone);
    } else {
      Wait(next, &TlsSession::GoOnWithHandshake, &TlsSession::FailHandshake);
    }
  }
  void FailHandshake() { OnHandshake(false); }

  void StartRead(boost::asio::mutable_buffer space) override {
    space_ = {static_cast<char*>(space.data()), space.size()};
    if (channel_.HasMore()) {
      Later(&TlsSession::GoOnReading, &TlsSession::FailRead);
    } else {
      Wait(Next::kWaitToRead, &TlsSession::GoOnReading, &TlsSession::FailRead);
    }
  }
  void GoOnReading() {
    const TlsChannel::Transfer done = channel_.Read(space_);
    if (done.next == Next::kDone || done.next == Next::kEnded) {
      OnRead(done.next == Next::kDone, done.bytes);
    } else {
      Wait(done.next, &TlsSession::GoOnReading, &TlsSession::FailRead);
    }
  }
  void FailRead() { OnRead(false, 0); }

  bool StartWrite(const Buffers& bytes) override {
    left_ = bytes;
    const Next next = WriteOn();
    if (next == Next::kDone) return true;
    if (next == Next::kEnded) {
      Later(&TlsSession::FailWrite, &TlsSession::FailWrite);
    } else {
      Wait(next, &TlsSession::GoOnWriting, &TlsSession::FailWrite);
    }
    return false;
  }
  void GoOnWriting() {
    const Next next = WriteOn();
    if (next == Next::kDone || next == Next::kEnded) {
      OnWritten(next == Next::kDone);
    } else {
      Wait(next, &TlsSession::GoOnWriting, &TlsSession::FailWrite);
    }
  }
  void FailWrite() { OnWritten(false); }
  Next WriteOn() {
    for (boost::asio::const_buffer& buffer : left_) {
      while (buffer.size() != 0) {
        const TlsChannel::Transfer done =
            channel_.Write({static_cast<const char*>(buffer.data()), buffer.size()});
        if (done.next != Next::kDone) return done.next;
        buffer += done.bytes;
      }
    }
    return Next::kDone;
  }

  // A peer that is still sending has more to come than its close_notify; that is
  // thrown away below TLS.
  void StartGoodbye() override { GoOnWithGoodbye(); }
  void GoOnWithGoodbye() {
    const Next next = channel_.SayGoodbye();
    if (next == Next::kWaitToWrite) {
      Wait(next, &TlsSession::GoOnWithGoodbye, &TlsSession::Part);
    } else {
      Part();
    }
  }
  void Part() {
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
  TlsChannel channel_;
  std::span<char> space_;  // of the read in work
  Buffers left_;           // of the write in work
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
