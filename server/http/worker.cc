#include "http/worker.h"

#include <exception>
#include <vector>

#include "http/session.h"

namespace kms::server {

Worker::Worker(std::chrono::milliseconds tick)
    : tick_(tick), context_(1), guard_(context_.get_executor()), timer_(context_) {}

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

void Worker::Finish() {
  Post([this] {
    const std::vector<std::shared_ptr<Session>> left(sessions_.begin(), sessions_.end());
    for (const auto& session : left) session->Close();
    timer_.cancel();
    guard_.reset();
  });
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  // What was posted between the end of the loop and the flag holds sessions, and they
  // hold this worker.
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
