#include "api/lanes.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace kms::server {
namespace {

// Above that of the process, and with it of the I/O threads.
constexpr int kPrivateKeyNiceness = 5;
constexpr int kBatchNiceness = 10;

// On Linux a thread has a priority of its own. Best effort.
template <int kNiceness>
void AtNiceness(const Lanes::Task& work) {
  const auto self = static_cast<id_t>(gettid());
  (void)setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + kNiceness);
  work();
}

}  // namespace

// Lives as long as the last of its threads.
class Lanes::Pool {
 public:
  using Around = std::function<void(const Task&)>;

  static std::shared_ptr<Pool> Start(std::size_t threads, std::size_t max_waiting,
                                     const Around& around) {
    auto pool = std::make_shared<Pool>(threads, max_waiting);
    for (std::size_t i = 0; i < threads; ++i)
      pool->threads_.emplace_back([pool, around] {
        const Task work = [&] { pool->Work(); };
        around ? around(work) : work();
        const std::lock_guard lock(pool->mutex_);
        --pool->running_;
        pool->ended_.notify_all();
      });
    return pool;
  }
  Pool(std::size_t threads, std::size_t max_waiting)
      : max_waiting_(max_waiting), running_(threads) {}

  bool Submit(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (draining_ || tasks_.size() >= max_waiting_) return false;
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
  }

  // False if a thread has not ended by then, and never will be waited for again.
  bool Drain(std::optional<std::chrono::milliseconds> patience) {
    bool ended = true;
    {
      std::unique_lock lock(mutex_);
      draining_ = true;
      wake_.notify_all();
      const auto all = [&] { return running_ == 0; };
      if (patience) ended = ended_.wait_for(lock, *patience, all);
    }
    for (std::thread& thread : threads_)
      if (thread.joinable()) ended ? thread.join() : thread.detach();
    return ended;
  }

  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return tasks_.size();
  }

 private:
  void Work() {
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
  std::condition_variable ended_;
  std::deque<Task> tasks_;
  bool draining_ = false;
  std::size_t running_;  // threads
  std::vector<std::thread> threads_;
};

Lanes::Lanes(const LanesConfig& config) : token_patience_(config.token_patience) {
  const std::size_t processors = std::max(std::thread::hardware_concurrency(), 2U);
  commit_ = Pool::Start(std::max<std::size_t>(config.commit_threads, 1),
                        config.commit_queue, nullptr);
  private_key_ = Pool::Start(
      config.private_key_threads != 0 ? config.private_key_threads : processors - 1,
      config.private_key_queue, AtNiceness<kPrivateKeyNiceness>);
  batch_ = Pool::Start(1, config.batch_queue, AtNiceness<kBatchNiceness>);
  token_ = Pool::Start(std::max<std::size_t>(config.token_threads, 1), config.token_queue,
                       config.on_token_thread);
}

Lanes::~Lanes() { Drain(); }

Lanes::Pool& Lanes::PoolOf(Lane lane) const {
  switch (lane) {
    case Lane::kPrivateKey:
      return *private_key_;
    case Lane::kBatch:
      return *batch_;
    case Lane::kToken:
      return *token_;
    case Lane::kInline:
    case Lane::kCommit:
      break;
  }
  return *commit_;
}

bool Lanes::Submit(Lane lane, Task task) {
  if (lane == Lane::kToken && !token_) return false;
  return PoolOf(lane).Submit(std::move(task));
}

bool Lanes::Drain() {
  if (!token_) return false;
  commit_->Drain(std::nullopt);
  private_key_->Drain(std::nullopt);
  batch_->Drain(std::nullopt);
  if (token_->Drain(token_patience_)) return true;
  token_.reset();  // its thread may come back to it
  return false;
}

std::size_t Lanes::waiting(Lane lane) const {
  return lane == Lane::kToken && !token_ ? 0 : PoolOf(lane).waiting();
}

}  // namespace kms::server
