// Session: one connection, from its first byte to its last.
//
// Reads a head, checks it, reads the body, hands the request to the handler, writes
// the answer, and begins again. How bytes travel is for PlainSession and TlsSession.
//
// Threads: everything runs on the worker's thread, but for the answer of the handler,
// which comes from anywhere and is brought there. The session, and with it every view
// that the handler was given, stays until the handler has answered or has dropped
// `respond`; the latter is answered as an internal error.

#ifndef KMS_SERVER_HTTP_SESSION_H_
#define KMS_SERVER_HTTP_SESSION_H_

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/body_budget.h"
#include "http/message.h"
#include "http/request_head.h"
#include "http/response_writer.h"
#include "http/server_config.h"
#include "http/worker.h"

namespace kms::server {

// What all sessions of a server share. Outlives its I/O threads.
struct SessionRules {
  HttpLimits limits;
  HttpDeadlines deadlines;
  HttpHandler& handler;
  BodyBudget& bodies;
};

struct SessionOrigin {
  std::string peer;
  bool tls = false;
  bool operator_listener = false;
  std::string access_point;  // as ListenerConfig has it
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session();

  // Start takes the connection into the worker's care. The worker has a reservation.
  void Start();

  TimePoint deadline() const { return deadline_; }
  void OnDeadline();
  void BeginStop();
  void Close();

 protected:
  using Buffers = std::array<boost::asio::const_buffer, 2>;

  Session(std::shared_ptr<Worker> worker, const SessionRules& rules,
          SessionOrigin origin);

  // Each Start... is followed by one On..., on the worker's thread, and a read or a write
  // by one that comes later; but if StartWrite returns true, all is written already, and
  // OnWritten will not be called. A read that was cancelled ends in OnRead as well.
  virtual void StartHandshake() = 0;
  virtual void StartRead(boost::asio::mutable_buffer space) = 0;
  virtual bool StartWrite(const Buffers& bytes) = 0;
  // Says goodbye, and throws away what the peer still sends until it has closed:
  // closing earlier would reset the connection, and could lose the answer.
  virtual void StartGoodbye() = 0;
  virtual void CancelRead() = 0;
  virtual void CloseSocket() = 0;

  void OnHandshake(bool done);
  void OnRead(bool done, std::size_t bytes);
  void OnWritten(bool done);
  void OnGone();

 private:
  class Ticket;
  enum class Phase : std::uint8_t {
    kHandshake,
    kIdle,      // not a byte of the next request yet
    kHead,      // some of it
    kContinue,  // writing 100 Continue
    kBody,
    kHandling,
    kWriting,
    kGoodbye,
    kClosed,
  };

  void Enter(Phase phase, std::int64_t millis);
  void NextRequest();
  void ReadHead();
  void ReadBody();
  void Handle();
  void OnResponse(HttpResponse response);
  void Send(HttpResponse response);
  void Write(const Buffers& bytes);
  void Refuse(int status, const Error& error);
  void ForgetRequest();
  std::int64_t TransferMillis(std::int64_t base, std::size_t bytes) const;

  const std::shared_ptr<Worker> worker_;
  const SessionRules& rules_;
  const SessionOrigin origin_;

  Phase phase_ = Phase::kHandshake;
  TimePoint deadline_ = TimePoint::max();
  bool too_slow_ = false;
  bool closing_ = false;  // after the answer that is being written

  WipedString in_;  // what was received, in [0, end_)
  std::size_t end_ = 0;
  std::size_t scanned_ = 0;  // so far there is no end of a head
  std::size_t taken_ = 0;    // by the request in work
  RequestHead head_;
  WipedString body_;  // if it did not come together with the head
  std::size_t body_filled_ = 0;
  BodyBudget::Share body_share_;

  bool inside_handler_ = false;
  std::optional<HttpResponse> early_;  // given while the handler was being called

  WipedString out_;
  WipedString out_body_;  // of a long answer
};

std::shared_ptr<Session> NewPlainSession(std::shared_ptr<Worker> worker,
                                         const SessionRules& rules, SessionOrigin origin,
                                         boost::asio::ip::tcp::socket socket);
std::shared_ptr<Session> NewTlsSession(std::shared_ptr<Worker> worker,
                                       const SessionRules& rules, SessionOrigin origin,
                                       boost::asio::ip::tcp::socket socket,
                                       boost::asio::ssl::context& tls);

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_SESSION_H_
