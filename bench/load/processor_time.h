// The processor time of a process, kernel and ended threads included, in nanoseconds.

#ifndef KMS_BENCH_LOAD_PROCESSOR_TIME_H_
#define KMS_BENCH_LOAD_PROCESSOR_TIME_H_

#include <time.h>

#include <cstdint>

#include "kms/result.h"

namespace kms::load {

class ProcessorTime {
 public:
  // Of this process.
  ProcessorTime() = default;
  // Of another one. Fails: kInvalidArgument if there is none.
  static Result<ProcessorTime> Of(int pid);

  // Nanos returns what it has taken so far; that of a process that has ended, 0.
  std::int64_t Nanos() const;

 private:
  clockid_t clock_ = CLOCK_PROCESS_CPUTIME_ID;
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_PROCESSOR_TIME_H_
