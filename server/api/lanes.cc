#include "api/lanes.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace kms::server {
namespace {

// Between the I/O threads (0) and the least that there is (19).
constexpr int kLowPriority = 5;

}  // namespace

class Lanes::Pool {
 public:
  Pool(std::size_t threads, std::size_t max_waiting, bool low_priority)
      : max_waiting_(max_waiting) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this, low_priority] { Work(low_priority); });
  }
  ~Pool() { Drain(); }

  bool Submit(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (draining_ || tasks_.size() >= max_waiting_) return false;
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
  }

  void Drain() {
    {
      const std::lock_guard lock(mutex_);
      draining_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return tasks_.size();
  }

 private:
  void Work(bool low_priority) {
    // On Linux a thread has a priority of its own. Best effort.
    if (low_priority)
      (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowPriority);
    for (;;) {
      Task task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return draining_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  const std::size_t max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool draining_ = false;
  std::vector<std::thread> threads_;
};

Lanes::Lanes(const LanesConfig& config) {
  const std::size_t processors = std::max(std::thread::hardware_concurrency(), 2U);
  commit_ = std::make_unique<Pool>(std::max<std::size_t>(config.commit_threads, 1),
                                   config.commit_queue, false);
  private_key_ = std::make_unique<Pool>(
      config.private_key_threads != 0 ? config.private_key_threads : processors - 1,
      config.private_key_queue, true);
  token_ = std::make_unique<Pool>(std::max<std::size_t>(config.token_threads, 1),
                                  config.token_queue, false);
}

Lanes::~Lanes() { Drain(); }

Lanes::Pool& Lanes::PoolOf(Lane lane) const {
  switch (lane) {
    case Lane::kPrivateKey:
      return *private_key_;
    case Lane::kToken:
      return *token_;
    case Lane::kInline:
    case Lane::kCommit:
      break;
  }
  return *commit_;
}

bool Lanes::Submit(Lane lane, Task task) { return PoolOf(lane).Submit(std::move(task)); }

void Lanes::Drain() {
  commit_->Drain();
  private_key_->Drain();
  token_->Drain();
}

std::size_t Lanes::waiting(Lane lane) const { return PoolOf(lane).waiting(); }

}  // namespace kms::server
