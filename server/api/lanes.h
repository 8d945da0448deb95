// Lanes: the worker threads for what would hold up an I/O thread.
//
// kCommit work waits for the disk, on many threads; kPrivateKey work computes, on few
// threads of low priority, so that a thousand signatures do not stall the rest; kBatch
// work computes for seconds, on one thread of lower priority still, so that who signs
// once does not wait for who signs a thousand times; kToken work waits for the HSM, on
// threads that nothing else needs when it hangs, and that are left behind at the end if
// it does. The queues are bounded: what does not fit is refused, not kept waiting.
//
// Threads: Submit may be called from any thread, Drain from one that is no lane.

#ifndef KMS_SERVER_API_LANES_H_
#define KMS_SERVER_API_LANES_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "api/operation.h"

namespace kms::server {

struct LanesConfig {
  using Run = std::function<void()>;
  std::size_t commit_threads = 16;
  std::size_t private_key_threads = 0;  // 0: one less than processors, at least one
  std::size_t token_threads = 8;
  std::size_t commit_queue = 4096;
  std::size_t private_key_queue = 1024;
  std::size_t batch_queue = 256;
  std::size_t token_queue = 1024;
  // What a thread of the token's lane does around its work; null: just that.
  std::function<void(const Run&)> on_token_thread = nullptr;
  // How long Drain waits for those threads.
  std::chrono::milliseconds token_patience = std::chrono::seconds(60);
};

class Lanes {
 public:
  using Task = std::function<void()>;  // must not throw

  explicit Lanes(const LanesConfig& config);
  ~Lanes();  // drains
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // Submit has `task` run on `lane`, which is not kInline. False if the queue is full,
  // or the lanes have been drained; the task is dropped then.
  bool Submit(Lane lane, Task task);

  // Drain takes no more tasks, and returns when all that were taken have run and their
  // threads have ended. False if a task of the token's lane hangs: what the tasks use
  // must live on then.
  bool Drain();

  // How many tasks wait.
  std::size_t waiting(Lane lane) const;

 private:
  class Pool;
  Pool& PoolOf(Lane lane) const;
  const std::chrono::milliseconds token_patience_;
  std::shared_ptr<Pool> commit_;
  std::shared_ptr<Pool> private_key_;
  std::shared_ptr<Pool> batch_;
  std::shared_ptr<Pool> token_;  // null once it was left behind
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_LANES_H_
