// Worker: one thread's connections, and the requests that it keeps going over them.
//
// Closed loop: as soon as an answer is there, the next request goes out. Open loop:
// requests are due at a fixed rate, whatever the server does; one that finds no room
// waits here, and its latency counts from when it was due, so that a server that stalls
// cannot hide it by being asked less.
//
// What was due within the measured window is measured, even if its answer comes later.
//
// Threads: each worker runs on one; a Window and a Complaints are shared.

#ifndef KMS_BENCH_LOAD_WORKER_H_
#define KMS_BENCH_LOAD_WORKER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/request.h"
#include "bench/load/socket.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::load {

// SteadyNanos is the monotonic clock.
std::int64_t SteadyNanos();

// What is measured, on the monotonic clock in nanoseconds. Both may be moved to an
// earlier time meanwhile, to end early.
struct Window {
  std::int64_t start = 0;  // of the load; warm-up until begin
  std::atomic<std::int64_t> begin{0};
  std::atomic<std::int64_t> end{0};
};

// Tells the standard error of the first few errors.
class Complaints {
 public:
  void Tell(std::string_view operation, std::string_view what);

 private:
  std::atomic<int> told_{0};
};

struct WorkerParts {
  const Dialler& dialler;
  const std::vector<Target>& targets;
  const Addressing& addressing;
  const SecretBytes& secret_key;
  const Window& window;
  Complaints& complaints;
  std::size_t connections = 1;
  std::size_t pipeline = 1;
  // Nanoseconds between two requests of this worker; 0: a closed loop.
  double interval_nanos = 0;
  double offset_nanos = 0;  // of the first from the start
  std::uint64_t seed = 1;   // of the order in a mix; not 0
};

// What came of one operation.
struct Outcome {
  Histogram latency;                  // of right answers
  std::uint64_t right_in_window = 0;  // answers that came within the window
  std::uint64_t errors = 0;           // wrong answers to what was due within it, and none

  void Merge(const Outcome& other);
};

class Worker {
 public:
  // Fails: kUnavailable, if not every connection can be opened.
  static Result<std::unique_ptr<Worker>> Open(const WorkerParts& parts);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Run returns when the window has ended and what it began is answered or given up.
  void Run();

  // One for each target. After Run.
  const std::vector<Outcome>& outcomes() const;

 private:
  class Impl;
  explicit Worker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_WORKER_H_
