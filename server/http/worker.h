// Worker: one I/O thread with its event loop, and the connections that live on it.
//
// Deadlines are kept as times in the sessions and looked at by one timer per worker,
// which costs a request nothing but a store.
//
// Threads: every method may be called from any thread unless it says otherwise.
// Lifetime: a session, and whoever is to answer it, keeps its worker.

#ifndef KMS_SERVER_HTTP_WORKER_H_
#define KMS_SERVER_HTTP_WORKER_H_

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

namespace kms::server {

class Session;
using TimePoint = std::chrono::steady_clock::time_point;

class Worker : public std::enable_shared_from_this<Worker> {
 public:
  explicit Worker(std::chrono::milliseconds tick);
  ~Worker();

  boost::asio::io_context& context() { return context_; }

  // Run starts the thread; Finish cuts off what is left, and joins it.
  void Run();
  void Finish();

  // Post runs `work` on the thread, or drops it if the thread has ended.
  template <typename Work>
  void Post(Work work) {
    const std::lock_guard lock(mutex_);
    if (!ended_) boost::asio::post(context_, std::move(work));
  }
  bool OnThisThread() { return context_.get_executor().running_in_this_thread(); }

  // Reserve counts a connection that is on its way here; Release takes it back.
  void Reserve() { ++load_; }
  void Release() { --load_; }
  std::size_t load() const { return load_; }

  // BeginStop closes idle connections and lets the others end. WaitUntilEmpty returns
  // when none is left, or at `deadline`.
  void BeginStop();
  void WaitUntilEmpty(TimePoint deadline);

  // On the thread only.
  void Add(std::shared_ptr<Session> session);
  void Remove(const std::shared_ptr<Session>& session);
  bool stopping() const { return stopping_; }

 private:
  void Loop();
  void Tick();

  const std::chrono::milliseconds tick_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  bool ticking_ = false;
  bool stopping_ = false;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  std::atomic<std::size_t> load_{0};
  std::mutex mutex_;
  std::condition_variable emptied_;
  bool empty_ = false;  // since BeginStop
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_WORKER_H_
