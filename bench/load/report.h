// What a run has measured, as text or JSON.

#ifndef KMS_BENCH_LOAD_REPORT_H_
#define KMS_BENCH_LOAD_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/worker.h"

namespace kms::load {

struct Measured {
  double seconds = 0;  // how long was measured
  std::vector<std::string> operations;
  std::vector<Outcome> outcomes;  // one for each operation
  std::int64_t client_cpu_nanos = 0;
  std::optional<std::int64_t> server_cpu_nanos;
  double signing_nanos = 0;  // what one signature takes here; 0: nothing is signed
};

// WriteJson returns one object in one line.
std::string WriteJson(const Options& options, const Measured& measured);
std::string WriteText(const Options& options, const Measured& measured);

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_REPORT_H_
