// LateWatch: notices work that does not come back in time, so that somebody can answer
// for it.
//
// Threads: Begin may be called from any thread; what was begun is renewed and ended by
// the returned ticket, on any thread.

#ifndef KMS_SERVER_API_LATE_WATCH_H_
#define KMS_SERVER_API_LATE_WATCH_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace kms::server {

class LateWatch {
 public:
  // Work is late when `patience` has passed. Zero: it never is.
  explicit LateWatch(std::chrono::milliseconds patience);
  ~LateWatch();  // nothing is late any more
  LateWatch(const LateWatch&) = delete;
  LateWatch& operator=(const LateWatch&) = delete;

 private:
  struct Work {
    std::chrono::steady_clock::time_point late_at;
    std::function<void()> late;  // empty once it was called
  };
  using Works = std::list<Work>;

 public:
  class Ticket {
   public:
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    // Renew has the patience start again. False if the work is late already.
    bool Renew();

   private:
    friend class LateWatch;
    Ticket(LateWatch& watch, Works::iterator work) : watch_(watch), work_(work) {}
    LateWatch& watch_;
    const Works::iterator work_;
  };

  // Begin has `late` called once, on the thread of the watch, if the work is late. It is
  // destroyed with the ticket, or when it has been called. Must not throw.
  [[nodiscard]] Ticket Begin(std::function<void()> late);

 private:
  void Run();

  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  Works works_;  // what was begun or renewed first comes first, and is late first
  std::thread thread_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_LATE_WATCH_H_
