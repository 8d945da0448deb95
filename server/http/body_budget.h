// BodyBudget: the memory that the bodies of requests may take together, from the first
// byte until the request is answered.
//
// Whose request it is shows only at its end, when its signature has been checked. So its
// length, the number of connections and this budget are all that bounds strangers.
// Sessions take shares for long bodies only.
//
// Threads: the budget is shared by all; a share belongs to one connection.

#ifndef KMS_SERVER_HTTP_BODY_BUDGET_H_
#define KMS_SERVER_HTTP_BODY_BUDGET_H_

#include <atomic>
#include <cstddef>

namespace kms::server {

class BodyBudget {
 public:
  class Share;

  explicit BodyBudget(std::size_t bytes) : left_(bytes) {}
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

 private:
  bool Take(std::size_t bytes) {
    std::size_t left = left_.load(std::memory_order_relaxed);
    do {
      if (left < bytes) return false;
    } while (!left_.compare_exchange_weak(left, left - bytes, std::memory_order_relaxed));
    return true;
  }
  void GiveBack(std::size_t bytes) { left_.fetch_add(bytes, std::memory_order_relaxed); }

  std::atomic<std::size_t> left_;
};

// What one connection has of it. Given back when it is destroyed.
class BodyBudget::Share {
 public:
  explicit Share(BodyBudget& budget) : budget_(budget) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { Drop(); }

  // GrowTo makes it `bytes`, or returns false and leaves it as it was.
  bool GrowTo(std::size_t bytes) {
    if (bytes > bytes_) {
      if (!budget_.Take(bytes - bytes_)) return false;
      bytes_ = bytes;
    }
    return true;
  }
  void Drop() {
    if (bytes_ != 0) budget_.GiveBack(bytes_);
    bytes_ = 0;
  }

 private:
  BodyBudget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_BODY_BUDGET_H_
