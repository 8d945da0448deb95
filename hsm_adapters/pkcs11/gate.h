// UseGate: many may be inside at once, or one alone. Whoever wants to be alone goes
// first, so that constant use cannot keep him out.

#ifndef KMS_PKCS11_GATE_H_
#define KMS_PKCS11_GATE_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace kms::pkcs11 {

class UseGate {
 public:
  void Enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !alone_; });
    ++inside_;
  }
  void Leave() {
    const std::lock_guard lock(mutex_);
    --inside_;
    changed_.notify_all();
  }

  // EnterAlone waits for the others to leave. False, and not inside, if one does not.
  bool EnterAlone(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, until, [&] { return !alone_; })) return false;
    alone_ = true;
    if (changed_.wait_until(lock, until, [&] { return inside_ == 0; })) return true;
    alone_ = false;
    changed_.notify_all();
    return false;
  }
  void LeaveAlone() {
    const std::lock_guard lock(mutex_);
    alone_ = false;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t inside_ = 0;
  bool alone_ = false;
};

}  // namespace kms::pkcs11

#endif  // KMS_PKCS11_GATE_H_
