#include "api/late_watch.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kms::server {
namespace {

// Work begins and ends far too often for the thread to be woken each time.
constexpr int kLooksInPatience = 8;

}  // namespace

LateWatch::LateWatch(std::chrono::milliseconds patience) : patience_(patience) {
  if (patience_.count() > 0) thread_ = std::thread([this] { Run(); });
}

LateWatch::~LateWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

LateWatch::Ticket LateWatch::Begin(std::function<void()> late) {
  const auto late_at = std::chrono::steady_clock::now() + patience_;
  const std::lock_guard lock(mutex_);
  works_.push_back({late_at, std::move(late)});
  return {*this, std::prev(works_.end())};
}

bool LateWatch::Ticket::Renew() {
  const auto late_at = std::chrono::steady_clock::now() + watch_.patience_;
  const std::lock_guard lock(watch_.mutex_);
  if (!work_->late) return false;
  work_->late_at = late_at;
  watch_.works_.splice(watch_.works_.end(), watch_.works_, work_);
  return true;
}

LateWatch::Ticket::~Ticket() {
  Works ended;  // destroyed after the lock is given back
  const std::lock_guard lock(watch_.mutex_);
  ended.splice(ended.end(), watch_.works_, work_);
}

void LateWatch::Run() {
  const auto interval =
      std::max(patience_ / kLooksInPatience, std::chrono::milliseconds(1));
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval, [&] { return stopping_; })) {
    const auto now = std::chrono::steady_clock::now();
    std::list<std::function<void()>> late;
    for (Work& work : works_) {
      if (work.late_at > now) break;
      if (work.late) late.push_back(std::exchange(work.late, nullptr));
    }
    lock.unlock();
    for (const auto& call : late) call();
    late.clear();
    lock.lock();
  }
}

}  // namespace kms::server
