#include "bench/load/worker.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "bench/load/answer.h"
#include "kms/clock.h"

namespace kms::load {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// The window may move, so nobody sleeps for longer.
constexpr std::int64_t kLongestSleep = kSecond / 50;
// For the answers to what the window began.
constexpr std::int64_t kPatience = 5 * kSecond;
constexpr std::int64_t kRedialAfter = kSecond / 10;
constexpr std::size_t kEvents = 64;

struct InFlight {
  std::int64_t due = 0;
  std::size_t target = 0;
};

struct Connection {
  Socket socket;
  AnswerReader reader;
  std::string out;             // written, but not sent yet
  std::deque<InFlight> asked;  // in order
  unsigned life = 0;           // how often it was opened
  bool waits_to_write = false;
  std::int64_t redial_at = 0;
};

// Room for one request. Void once the connection has been opened anew.
struct Slot {
  std::size_t connection = 0;
  unsigned life = 0;
};

std::string Printable(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  std::string printable(text.substr(0, kLongest));
  for (char& c : printable)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return printable;
}

}  // namespace

std::int64_t SteadyNanos() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

void Complaints::Tell(std::string_view operation, std::string_view what) {
  constexpr int kMost = 5;
  if (told_.load(std::memory_order_relaxed) >= kMost || told_.fetch_add(1) >= kMost)
    return;
  std::fprintf(stderr, "kms-load: %s: %s\n", std::string(operation).c_str(),
               Printable(what).c_str());
}

void Outcome::Merge(const Outcome& other) {
  latency.Merge(other.latency);
  right_in_window += other.right_in_window;
  errors += other.errors;
}

class Worker::Impl {
 public:
  explicit Impl(const WorkerParts& parts)
      : parts_(parts),
        clock_(NewSystemClock()),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        random_(parts.seed),
        connections_(parts.connections),
        outcomes_(parts.targets.size()) {
    for (const Target& target : parts.targets) {
      forms_.emplace_back(target, parts.addressing);
      total_weight_ += target.weight;
    }
    if (!parts.addressing.access_key.empty())
      stamp_.emplace(parts.addressing.access_key, parts.secret_key);
  }
  ~Impl() { ::close(epoll_); }

  Result<void> Open() {
    for (std::size_t i = 0; i < connections_.size(); ++i) KMS_CHECK_OK(Dial(i));
    // One each first, so that pipelines fill evenly.
    for (std::size_t depth = 1; depth < parts_.pipeline; ++depth)
      for (std::size_t i = 0; i < connections_.size(); ++i) free_.push_back({i, 1});
    return {};
  }

  void Run() {
    // Sleeps end when they should.
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    next_due_ = static_cast<double>(parts_.window.start) + parts_.offset_nanos;
    for (;;) {
      const std::int64_t now = SteadyNanos();
      const std::int64_t end = parts_.window.end;
      if (now >= end && (Idle(end) || now >= end + kPatience)) break;
      if (lost_ > 0) Redial(now);
      Ask();
      Sleep(now);
    }
    GiveUp();
  }

  const std::vector<Outcome>& outcomes() const { return outcomes_; }

 private:
  // The slot that a connection has when it is opened is the only one that Dial adds.
  Result<void> Dial(std::size_t index) {
    Connection& connection = connections_[index];
    KMS_TRY(connection.socket, parts_.dialler.Open());
    ++connection.life;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket.descriptor(), &event) != 0)
      return Error(ErrorClass::kUnavailable, Reason::kInternal, "epoll");
    free_.push_back({index, connection.life});
    return {};
  }

  bool open_loop() const { return parts_.interval_nanos > 0; }

  bool Idle(std::int64_t end) const {
    return in_flight_ == 0 && !(open_loop() && next_due_ < static_cast<double>(end));
  }

  // Sends what is due, as far as there is room.
  void Ask() {
    const std::int64_t end = parts_.window.end;
    while (!free_.empty()) {
      const std::int64_t now = SteadyNanos();
      std::int64_t due = now;
      if (open_loop()) {
        if (next_due_ > static_cast<double>(std::min(now, end - 1))) break;
        due = static_cast<std::int64_t>(next_due_);
      } else if (now >= end) {
        break;
      }
      const Slot slot = free_.front();
      free_.pop_front();
      Connection& connection = connections_[slot.connection];
      if (slot.life != connection.life || !connection.socket.is_open()) continue;
      if (open_loop()) next_due_ += parts_.interval_nanos;
      const std::size_t target = Choose();
      if (connection.out.empty()) unsent_.push_back(slot.connection);
      forms_[target].Write(stamp_ ? &*stamp_ : nullptr, clock_->Now(), connection.out);
      connection.asked.push_back({due, target});
      ++in_flight_;
    }
    for (const std::size_t index : unsent_) Send(index);
    unsent_.clear();
  }

  // In proportion to the weights.
  std::size_t Choose() {
    if (parts_.targets.size() == 1) return 0;
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    std::uint64_t left = random_ % total_weight_;
    std::size_t target = 0;
    while (left >= parts_.targets[target].weight) left -= parts_.targets[target++].weight;
    return target;
  }

  void Send(std::size_t index) {
    Connection& connection = connections_[index];
    std::string& out = connection.out;
    std::size_t sent = 0;
    while (sent < out.size()) {
      const Transfer done = connection.socket.Write(std::string_view(out).substr(sent));
      if (done.state == Transfer::State::kEnded)
        return Lose(index, "the connection broke");
      if (done.state == Transfer::State::kLater) break;
      sent += done.bytes;
    }
    out.erase(0, sent);
    if (connection.waits_to_write == out.empty()) {
      connection.waits_to_write = !out.empty();
      epoll_event event{};
      event.events = connection.waits_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
      event.data.u64 = index;
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket.descriptor(), &event);
    }
  }

  void Sleep(std::int64_t now) {
    std::int64_t until = now + kLongestSleep;
    if (open_loop() && !free_.empty())
      until = std::min(until, static_cast<std::int64_t>(next_due_));
    until = std::max(until - SteadyNanos(), std::int64_t{0});
    const timespec sleep = {.tv_sec = 0, .tv_nsec = until};
    std::array<epoll_event, kEvents> events;
    const int count = ::epoll_pwait2(epoll_, events.data(), kEvents, &sleep, nullptr);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const std::size_t index = event.data.u64;
      const unsigned life = connections_[index].life;
      if (event.events & EPOLLOUT) Send(index);
      if (connections_[index].life == life && connections_[index].socket.is_open())
        Receive(index);
      Ask();
    }
  }

  void Receive(std::size_t index) {
    Connection& connection = connections_[index];
    for (bool more = true; more;) {
      const std::span<char> space = connection.reader.Space();
      const Transfer done = connection.socket.Read(space);
      if (done.state == Transfer::State::kLater) return;
      if (done.state == Transfer::State::kEnded)
        return Lose(index, "the server closed the connection");
      connection.reader.Added(done.bytes);
      more = done.bytes == space.size() || connection.socket.HasMore();
      if (!TakeAnswers(index)) return;
    }
  }

  // False: the connection is lost.
  bool TakeAnswers(std::size_t index) {
    Connection& connection = connections_[index];
    Answer answer;
    for (;;) {
      switch (connection.reader.Next(answer)) {
        case AnswerReader::State::kPartial:
          return true;
        case AnswerReader::State::kMalformed:
          Lose(index, "the answer is not HTTP with a length");
          return false;
        case AnswerReader::State::kWhole:
          break;
      }
      if (connection.asked.empty()) {
        Lose(index, "an answer came that nobody asked for");
        return false;
      }
      const InFlight asked = connection.asked.front();
      connection.asked.pop_front();
      --in_flight_;
      Judge(asked, answer);
      if (answer.closes) {
        Lose(index, "the server closed the connection");
        return false;
      }
      free_.push_back({index, connection.life});
    }
  }

  void Judge(const InFlight& asked, const Answer& answer) {
    const Target& target = parts_.targets[asked.target];
    if (!IsRight(target, answer.status, answer.body)) {
      Fail(asked,
           "HTTP " + std::to_string(answer.status) + " " + std::string(answer.body));
      return;
    }
    Outcome& outcome = outcomes_[asked.target];
    const std::int64_t now = SteadyNanos();
    const std::int64_t begin = parts_.window.begin;
    const std::int64_t end = parts_.window.end;
    if (now >= begin && now < end) ++outcome.right_in_window;
    if (asked.due >= begin && asked.due < end) outcome.latency.Add(now - asked.due);
  }

  // What goes wrong in the warm-up counts, too: a server does not get away with it.
  void Fail(const InFlight& asked, std::string_view what) {
    ++outcomes_[asked.target].errors;
    parts_.complaints.Tell(parts_.targets[asked.target].operation, what);
  }

  // Whatever was asked over the connection has failed; it will be opened anew.
  void Lose(std::size_t index, std::string_view why) {
    Connection& connection = connections_[index];
    for (const InFlight& asked : connection.asked) Fail(asked, why);
    in_flight_ -= connection.asked.size();
    connection.asked.clear();
    connection.reader.Clear();
    connection.out.clear();
    connection.waits_to_write = false;
    connection.socket = Socket();
    connection.redial_at = 0;
    ++lost_;
  }

  void Redial(std::int64_t now) {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      Connection& connection = connections_[i];
      if (connection.socket.is_open() || now < connection.redial_at) continue;
      if (const auto dialled = Dial(i); !dialled) {
        connection.socket = Socket();
        connection.redial_at = now + kRedialAfter;
        Fail({now, 0}, dialled.error().detail());
        continue;
      }
      --lost_;
      for (std::size_t depth = 1; depth < parts_.pipeline; ++depth)
        free_.push_back({i, connection.life});
    }
  }

  void GiveUp() {
    for (const Connection& connection : connections_)
      for (const InFlight& asked : connection.asked) Fail(asked, "no answer in time");
    const auto end = static_cast<double>(parts_.window.end);
    for (; open_loop() && next_due_ < end; next_due_ += parts_.interval_nanos)
      Fail({static_cast<std::int64_t>(next_due_), Choose()}, "not sent in time");
  }

  const WorkerParts parts_;
  const std::unique_ptr<Clock> clock_;
  const int epoll_;
  std::uint64_t random_;
  std::uint64_t total_weight_ = 0;
  std::vector<RequestForm> forms_;
  std::optional<EopStamp> stamp_;
  std::vector<Connection> connections_;
  std::deque<Slot> free_;
  std::vector<std::size_t> unsent_;
  std::size_t in_flight_ = 0;
  std::size_t lost_ = 0;  // connections that are not open
  double next_due_ = 0;   // open loop
  std::vector<Outcome> outcomes_;
};

Worker::Worker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::Open(const WorkerParts& parts) {
  auto impl = std::make_unique<Impl>(parts);
  KMS_CHECK_OK(impl->Open());
  return std::unique_ptr<Worker>(new Worker(std::move(impl)));
}

void Worker::Run() { impl_->Run(); }
const std::vector<Outcome>& Worker::outcomes() const { return impl_->outcomes(); }

}  // namespace kms::load
