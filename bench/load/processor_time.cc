#include "bench/load/processor_time.h"

#include <string>

#include "kmsctl/failure.h"

namespace kms::load {

// The clock has the scheduler's nanoseconds, where /proc has ticks, or one thread alone.
Result<ProcessorTime> ProcessorTime::Of(int pid) {
  ProcessorTime time;
  timespec probe{};
  if (::clock_getcpuclockid(pid, &time.clock_) != 0 ||
      ::clock_gettime(time.clock_, &probe) != 0)
    return server::UsageError("--pid: there is no process " + std::to_string(pid));
  return time;
}

std::int64_t ProcessorTime::Nanos() const {
  constexpr std::int64_t kSecond = 1'000'000'000;
  timespec taken{};
  if (::clock_gettime(clock_, &taken) != 0) return 0;
  return taken.tv_sec * kSecond + taken.tv_nsec;
}

}  // namespace kms::load
