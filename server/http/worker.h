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
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

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
  void Post(std::function<void()> work);
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
  void AwaitPosted();
  void RunPosted();

  const std::chrono::milliseconds tick_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  // An eventfd that says that something was posted. Asio would wake the thread with a
  // lock in hand that the thread needs first.
  const int signal_;
  boost::asio::posix::stream_descriptor signalled_;
  std::uint64_t signal_count_ = 0;  // as read from it
  bool ticking_ = false;
  bool stopping_ = false;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  std::atomic<std::size_t> load_{0};
  std::mutex mutex_;
  std::condition_variable emptied_;
  bool empty_ = false;  // since BeginStop
  bool ended_ = false;
  std::vector<std::function<void()>> posted_;
  std::thread thread_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_WORKER_H_
