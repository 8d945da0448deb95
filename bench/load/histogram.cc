#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace kms::load {
namespace {

// Each power of two is cut into 128: a bucket is at most 1/128 of its values wide.
constexpr int kSubBits = 7;
constexpr std::uint64_t kSub = 1u << kSubBits;
constexpr int kBits = 42;
constexpr std::uint64_t kHighest = (std::uint64_t{1} << kBits) - 1;

// Values below 2 * kSub have a bucket each.
constexpr std::size_t IndexOf(std::uint64_t value) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBits - 1);
  return static_cast<std::size_t>(static_cast<std::uint64_t>(shift) * kSub +
                                  (value >> shift));
}

// The highest value in a bucket.
constexpr std::int64_t TopOf(std::size_t index) {
  const std::uint64_t shift = index < 2 * kSub ? 0 : index / kSub - 1;
  return static_cast<std::int64_t>(((index - shift * kSub + 1) << shift) - 1);
}

constexpr std::size_t kBuckets = IndexOf(kHighest) + 1;

}  // namespace

Histogram::Histogram() : buckets_(kBuckets) {}

void Histogram::Add(std::int64_t nanos) {
  const std::uint64_t value =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(nanos, 0)), kHighest);
  ++buckets_[IndexOf(value)];
  ++count_;
  max_ = std::max(max_, static_cast<std::int64_t>(value));
  sum_ += static_cast<double>(value);
}

void Histogram::Merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::MeanNanos() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::int64_t Histogram::PercentileNanos(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::clamp(
      std::ceil(share * static_cast<double>(count_)), 1.0, static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(TopOf(i), max_);
  }
  return max_;
}

}  // namespace kms::load
