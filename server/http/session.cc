#include "http/session.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <utility>

namespace kms::server {
namespace {

constexpr std::size_t kFirstBuffer = 4 * 1024;
constexpr std::size_t kBodyStep = 64 * 1024;
// Bodies up to this length need no share of the budget for all bodies, so that strangers
// with long ones do not keep out who encrypts: a connection has a head as long anyway.
constexpr std::size_t kFreeBody = 16 * 1024;
// Answers up to this length are written together with their head, from one buffer:
// one packet, one TLS record.
constexpr std::size_t kOneBuffer = 12 * 1024;
constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";

void WipeRange(WipedString& text, std::size_t begin, std::size_t end) {
  Wipe({reinterpret_cast<std::uint8_t*>(text.data()) + begin, end - begin});
}

// Empties `text` and keeps its memory.
void WipeAndClear(WipedString& text) {
  if (!text.empty()) WipeRange(text, 0, text.size());
  text.clear();
}

}  // namespace

// The handler's claim to answer. Whoever holds it holds the session.
class Session::Ticket {
 public:
  explicit Ticket(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  ~Ticket() {
    if (used_) return;
    Worker& worker = *session_->worker_;
    worker.Post([session = std::move(session_)] {
      HttpResponse lost =
          session->rules_.handler.Refuse(500, Error(Reason::kInternal, "no answer"));
      lost.close = true;
      session->OnResponse(std::move(lost));
    });
  }

  void Answer(HttpResponse response) {
    if (used_.exchange(true)) return;
    const std::shared_ptr<Session> session = std::move(session_);
    if (session->worker_->OnThisThread()) {
      session->OnResponse(std::move(response));
      return;
    }
    session->worker_->Post([session, response = std::move(response)]() mutable {
      session->OnResponse(std::move(response));
    });
  }

 private:
  std::shared_ptr<Session> session_;
  std::atomic<bool> used_{false};
};

Session::Session(std::shared_ptr<Worker> worker, const SessionRules& rules,
                 SessionOrigin origin)
    : worker_(std::move(worker)),
      rules_(rules),
      origin_(std::move(origin)),
      body_share_(rules.bodies) {}

Session::~Session() = default;

void Session::Start() {
  worker_->Add(shared_from_this());
  if (worker_->stopping()) {
    Close();
    return;
  }
  Enter(Phase::kHandshake, rules_.deadlines.handshake_millis);
  in_.resize(kFirstBuffer);
  StartHandshake();
}

void Session::Enter(Phase phase, std::int64_t millis) {
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(millis);
}

std::int64_t Session::TransferMillis(std::int64_t base, std::size_t bytes) const {
  return base +
         static_cast<std::int64_t>(
             bytes * 1000 / std::max<std::size_t>(rules_.limits.min_bytes_per_second, 1));
}

void Session::OnDeadline() {
  if ((phase_ == Phase::kHead || phase_ == Phase::kBody) && !too_slow_) {
    too_slow_ = true;
    Enter(phase_, rules_.deadlines.linger_millis);
    CancelRead();
  } else {
    Close();
  }
}

void Session::BeginStop() {
  if (phase_ == Phase::kHandshake || phase_ == Phase::kIdle) Close();
}

void Session::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  deadline_ = TimePoint::max();
  CloseSocket();
  worker_->Remove(shared_from_this());
}

void Session::OnHandshake(bool done) {
  if (phase_ == Phase::kClosed) return;
  if (!done) {
    // What was not read of a peer that speaks something else would reset the connection,
    // perhaps before it has read the alert.
    Enter(Phase::kGoodbye, rules_.deadlines.linger_millis);
    StartGoodbye();
    return;
  }
  Enter(Phase::kIdle, rules_.deadlines.head_millis);
  ReadHead();
}

void Session::NextRequest() {
  if (end_ != 0) {
    Enter(Phase::kHead, rules_.deadlines.head_millis);
  } else if (worker_->stopping()) {
    Close();
    return;
  } else {
    Enter(Phase::kIdle, rules_.deadlines.idle_millis);
  }
  ReadHead();
}

void Session::ReadHead() {
  const std::string_view text(in_.data(), end_);
  if (!text.empty() && !RequestHead::MayBegin(text.front())) {
    Refuse(400, Error(Reason::kBadParameter, "not a request"));
    return;
  }
  const std::size_t end = text.find("\r\n\r\n", scanned_);
  const std::size_t size = end == text.npos ? text.size() : end + 4;
  if (size > rules_.limits.head_bytes ||
      (end == text.npos && size == rules_.limits.head_bytes)) {
    const bool long_line = text.find("\r\n") > rules_.limits.target_bytes;
    Refuse(long_line ? 414 : 431, Error(Reason::kTooLong, "head"));
    return;
  }
  if (end == text.npos) {
    scanned_ = std::max<std::size_t>(size, 3) - 3;
    if (end_ == in_.size()) {
      in_.resize(
          std::max(in_.size(), std::min(in_.size() * 2, rules_.limits.head_bytes + 1)));
    }
    StartRead(boost::asio::buffer(in_.data() + end_, in_.size() - end_));
    return;
  }

  if (auto refusal = head_.Parse(text.substr(0, size), rules_.limits)) {
    Refuse(refusal->status, refusal->error);
    return;
  }
  const auto body_bytes = static_cast<std::size_t>(head_.body_bytes());
  const std::size_t at_hand = std::min(text.size() - size, body_bytes);
  taken_ = size + at_hand;
  if (at_hand == body_bytes) {
    Handle();
    return;
  }
  Enter(Phase::kBody, TransferMillis(rules_.deadlines.body_millis, body_bytes));
  Append(body_, text.substr(size));
  body_filled_ = at_hand;
  if (head_.expects_continue() && !head_.http_1_0() && at_hand == 0) {
    phase_ = Phase::kContinue;
    Write({boost::asio::buffer(kGoOn), boost::asio::const_buffer()});
    return;
  }
  ReadBody();
}

void Session::ReadBody() {
  const auto body_bytes = static_cast<std::size_t>(head_.body_bytes());
  if (body_filled_ == body_bytes) {
    Handle();
    return;
  }
  if (body_filled_ == body_.size()) {
    // Step by step, so that only who sends bytes gets memory for them.
    const std::size_t next = std::min(body_bytes, body_filled_ + kBodyStep);
    if (next > kFreeBody && !body_share_.GrowTo(next)) {
      Refuse(429, Error(Reason::kTooManyRequests, "no memory for another body"));
      return;
    }
    body_.resize(next);
  }
  StartRead(
      boost::asio::buffer(body_.data() + body_filled_, body_.size() - body_filled_));
}

void Session::OnRead(bool done, std::size_t bytes) {
  if (phase_ == Phase::kClosed) return;
  if (too_slow_) {
    Refuse(408, Error(Reason::kBadParameter, "time-out"));
    return;
  }
  if (!done) {
    Close();
    return;
  }
  if (phase_ == Phase::kBody) {
    body_filled_ += bytes;
    ReadBody();
    return;
  }
  end_ += bytes;
  if (phase_ == Phase::kIdle) Enter(Phase::kHead, rules_.deadlines.head_millis);
  ReadHead();
}

void Session::Handle() {
  phase_ = Phase::kHandling;
  deadline_ = TimePoint::max();

  HttpRequest request;
  request.method = head_.method();
  request.target = head_.target();
  request.headers = head_.headers();
  const auto body_bytes = static_cast<std::size_t>(head_.body_bytes());
  const char* body = body_.empty() ? in_.data() + taken_ - body_bytes : body_.data();
  request.body = AsBytes({body, body_bytes});
  request.peer = origin_.peer;
  request.tls = origin_.tls;
  request.operator_listener = origin_.operator_listener;
  request.access_point = origin_.access_point;

  inside_handler_ = true;
  try {
    rules_.handler.Handle(
        request, [ticket = std::make_shared<Ticket>(shared_from_this())](
                     HttpResponse response) { ticket->Answer(std::move(response)); });
  } catch (...) {
    // It dropped `respond`, and the ticket answers for it.
  }
  inside_handler_ = false;
  if (early_) {
    HttpResponse response = std::move(*early_);
    early_.reset();
    Send(std::move(response));
  }
}

void Session::OnResponse(HttpResponse response) {
  if (inside_handler_) {
    // The handler may still look at its request.
    early_ = std::move(response);
  } else if (phase_ == Phase::kHandling) {
    Send(std::move(response));
  }
}

void Session::Refuse(int status, const Error& error) {
  taken_ = end_;
  closing_ = true;
  Send(rules_.handler.Refuse(status, error));
}

void Session::Send(HttpResponse response) {
  const bool bare = phase_ == Phase::kHandling && head_.method() == "HEAD";
  closing_ = closing_ || response.close || !head_.keep_alive() || worker_->stopping();
  const After after = closing_           ? After::kClose
                      : head_.http_1_0() ? After::kKeepAliveSaid
                                         : After::kKeepAlive;
  Enter(Phase::kWriting, rules_.deadlines.write_millis);
  ForgetRequest();

  const bool together = response.body.size() <= kOneBuffer;
  out_.reserve(512 + (together ? response.body.size() : 0));
  AppendHead(response, after, out_);
  if (bare) {
    out_body_.clear();
  } else if (together) {
    Append(out_, {response.body.data(), response.body.size()});
  } else {
    out_body_ = std::move(response.body);
  }
  Enter(Phase::kWriting,
        TransferMillis(rules_.deadlines.write_millis, out_.size() + out_body_.size()));
  Write({boost::asio::buffer(out_), boost::asio::buffer(out_body_)});
}

void Session::Write(const Buffers& bytes) {
  if (!StartWrite(bytes)) return;
  if (end_ == 0) {
    OnWritten(true);
  } else {
    // Others have their turn between two requests of a pipeline.
    worker_->Post([self = shared_from_this()] { self->OnWritten(true); });
  }
}

// Wipes the request and moves what came after it to the front.
void Session::ForgetRequest() {
  body_ = WipedString();
  body_filled_ = 0;
  body_share_.Drop();
  scanned_ = 0;
  const std::size_t left = end_ - taken_;
  if (left != 0) std::memmove(in_.data(), in_.data() + taken_, left);
  WipeRange(in_, left, end_);
  end_ = left;
  taken_ = 0;
}

void Session::OnWritten(bool done) {
  if (phase_ == Phase::kClosed) return;
  if (!done) {
    Close();
  } else if (phase_ == Phase::kContinue) {
    phase_ = Phase::kBody;
    ReadBody();
  } else {
    WipeAndClear(out_);
    out_body_ = WipedString();
    if (closing_) {
      Enter(Phase::kGoodbye, rules_.deadlines.linger_millis);
      StartGoodbye();
    } else {
      NextRequest();
    }
  }
}

void Session::OnGone() { Close(); }

}  // namespace kms::server
