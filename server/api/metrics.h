// Metrics: what /metrics tells (Prometheus).
//
// Counting costs a request a few atomic additions: the counters of an operation are
// looked up once, by its place in the table.
//
// Threads: may be used from many threads at once.

#ifndef KMS_SERVER_API_METRICS_H_
#define KMS_SERVER_API_METRICS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "api/operation.h"
#include "kms/result.h"

namespace kms::server {

class Metrics {
 public:
  explicit Metrics(std::span<const Operation* const> operations);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // AddGauge has `read` asked whenever the metrics are written.
  void AddGauge(const std::string& name, const std::string& help,
                std::function<double()> read);

  void Began();
  // Ended counts a request. `operation` is null if there was none; `reason` is null
  // for a success.
  void Ended(const Operation* operation, const Reason* reason, double seconds);

  // Write returns the text format, version 0.0.4.
  std::string Write() const;
  static std::string_view content_type() {
    return "text/plain; version=0.0.4; charset=utf-8";
  }

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_METRICS_H_
