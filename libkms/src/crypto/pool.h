// Pool: objects that one thread at a time may use, made when all are taken.
//
// Threads: any number may lease at once; the mutex is held for a few pointer moves.

#ifndef KMS_CRYPTO_POOL_H_
#define KMS_CRYPTO_POOL_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace kms::internal {

template <typename T>
class Pool {
 public:
  explicit Pool(std::size_t capacity) : capacity_(capacity) {}

  // Take returns the most recently used object that `fits`, or null.
  template <typename Fits>
  std::unique_ptr<T> Take(Fits fits) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = idle_.size(); i-- > 0;) {
      if (!fits(*idle_[i])) continue;
      std::unique_ptr<T> taken = std::move(idle_[i]);
      idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
      return taken;
    }
    return nullptr;
  }

  // Give puts an object back; beyond the capacity the least recently used one goes.
  void Give(std::unique_ptr<T> object) {
    std::unique_ptr<T> dropped;
    const std::lock_guard lock(mutex_);
    if (idle_.size() >= capacity_) {
      dropped = std::move(idle_.front());
      idle_.erase(idle_.begin());
    }
    idle_.push_back(std::move(object));
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace kms::internal

#endif  // KMS_CRYPTO_POOL_H_
