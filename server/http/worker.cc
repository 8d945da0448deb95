#include "http/worker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "http/session.h"

namespace kms::server {

namespace {

int NewSignal() {
  const int signal = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return signal;
}

}  // namespace

Worker::Worker(std::chrono::milliseconds tick)
    : tick_(tick),
      context_(1),
      guard_(context_.get_executor()),
      timer_(context_),
      signal_(NewSignal()),
      signalled_(context_, signal_) {
  AwaitPosted();
}

Worker::~Worker() = default;

void Worker::Run() {
  thread_ = std::thread([this] { Loop(); });
}

void Worker::Loop() {
  for (;;) {
    try {
      context_.run();
      return;
    } catch (const std::exception&) {
      // Out of memory in the middle of a connection: its deadline closes it.
    }
  }
}

void Worker::Post(std::function<void()> work) {
  if (OnThisThread()) {
    boost::asio::post(context_, std::move(work));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    posted_.push_back(std::move(work));
    if (posted_.size() > 1) return;
  }
  // Who takes what was posted takes all of it: the first one wakes the thread.
  const std::uint64_t one = 1;
  (void)!::write(signal_, &one, sizeof one);
}

void Worker::AwaitPosted() {
  signalled_.async_read_some(boost::asio::buffer(&signal_count_, sizeof signal_count_),
                             [this](const boost::system::error_code& error, std::size_t) {
                               if (error) return;
                               AwaitPosted();
                               RunPosted();
                             });
}

void Worker::RunPosted() {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const std::function<void()>& work : posted) {
    try {
      work();
    } catch (const std::exception&) {
      // As in Loop, and the others have their turn.
    }
  }
}

void Worker::Finish() {
  Post([this] {
    const std::vector<std::shared_ptr<Session>> left(sessions_.begin(), sessions_.end());
    for (const auto& session : left) session->Close();
    timer_.cancel();
    signalled_.cancel();
    guard_.reset();
  });
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  // What was posted between the end of the loop and the flag holds sessions, and they
  // hold this worker.
  RunPosted();
  context_.restart();
  context_.poll();
}

void Worker::BeginStop() {
  Post([this] {
    stopping_ = true;
    const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
    for (const auto& session : all) session->BeginStop();
    if (sessions_.empty()) {
      const std::lock_guard lock(mutex_);
      empty_ = true;
      emptied_.notify_all();
    }
  });
}

void Worker::WaitUntilEmpty(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  emptied_.wait_until(lock, deadline, [this] { return empty_; });
}

void Worker::Add(std::shared_ptr<Session> session) {
  sessions_.insert(std::move(session));
  if (!ticking_) Tick();
}

void Worker::Remove(const std::shared_ptr<Session>& session) {
  if (sessions_.erase(session) == 0) return;
  Release();
  if (stopping_ && sessions_.empty()) {
    const std::lock_guard lock(mutex_);
    empty_ = true;
    emptied_.notify_all();
  }
}

void Worker::Tick() {
  ticking_ = true;
  timer_.expires_after(tick_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    ticking_ = false;
    if (error) return;
    const TimePoint now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Session>> late;
    for (const auto& session : sessions_) {
      if (session->deadline() <= now) late.push_back(session);
    }
    for (const auto& session : late) session->OnDeadline();
    if (!sessions_.empty()) Tick();
  });
}

}  // namespace kms::server
