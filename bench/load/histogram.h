// Histogram: how often each duration occurred, in buckets that are log-linear, so that a
// percentile is at most 0.8 % above the truth and never below it, whatever the scale.
//
// Threads: one at a time; each thread has its own, and they are merged.

#ifndef KMS_BENCH_LOAD_HISTOGRAM_H_
#define KMS_BENCH_LOAD_HISTOGRAM_H_

#include <cstdint>
#include <vector>

namespace kms::load {

class Histogram {
 public:
  Histogram();

  // Add counts one duration. Below 0 is 0; 2^42 ns (73 minutes) and more are the highest.
  void Add(std::int64_t nanos);
  void Merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::int64_t max_nanos() const { return max_; }  // 0 if there is none
  double MeanNanos() const;                        // 0 if there is none

  // PercentileNanos returns the duration that `share` (0 to 1) of all do not exceed;
  // 0 if there is none.
  std::int64_t PercentileNanos(double share) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace kms::load

#endif  // KMS_BENCH_LOAD_HISTOGRAM_H_
