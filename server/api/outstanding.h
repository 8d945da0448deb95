// Outstanding: counts what has been begun and calls back later. Destroying it waits for
// all of that, so that what stands before it in a class may be used by the callbacks.
//
// Threads: Add and Remove may be called from many threads at once.

#ifndef KMS_SERVER_API_OUTSTANDING_H_
#define KMS_SERVER_API_OUTSTANDING_H_

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace kms::server {

class Outstanding {
 public:
  Outstanding() = default;
  ~Outstanding() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }
  Outstanding(const Outstanding&) = delete;
  Outstanding& operator=(const Outstanding&) = delete;

  void Add() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  // The last thing that a callback does: the object may be gone when it returns.
  void Remove() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_OUTSTANDING_H_
