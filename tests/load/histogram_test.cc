#include "bench/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace kms::load {
namespace {

constexpr double kPrecision = 1.0 / 128;

// The definition, on all the values.
std::int64_t Exact(std::vector<std::int64_t> values, double share) {
  std::ranges::sort(values);
  const auto rank =
      static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

TEST(HistogramTest, OfNothingIsZero) {
  const Histogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.max_nanos(), 0);
  EXPECT_EQ(none.MeanNanos(), 0);
  EXPECT_EQ(none.PercentileNanos(0.99), 0);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram small;
  for (int i = 0; i < 256; ++i) small.Add(i);
  for (int i = 1; i <= 256; ++i) EXPECT_EQ(small.PercentileNanos(i / 256.0), i - 1) << i;
}

// Every bucket's edges, over all scales: never below the truth, and hardly above it.
TEST(HistogramTest, AValueIsFoundAtItsScale) {
  for (int bit = 0; bit < 42; ++bit) {
    for (const std::int64_t step : {-1, 0, 1, 77}) {
      const std::int64_t value = (std::int64_t{1} << bit) + step;
      if (value < 0) continue;
      Histogram one;
      one.Add(value);
      one.Add(std::int64_t{1} << 41);
      const auto found = static_cast<double>(one.PercentileNanos(0.5));
      EXPECT_GE(found, static_cast<double>(std::min(value, std::int64_t{1} << 41)));
      EXPECT_LE(found, static_cast<double>(value) * (1 + kPrecision)) << value;
    }
  }
}

TEST(HistogramTest, PercentilesAreThoseOfTheValues) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(11, 1.5);
  std::vector<std::int64_t> values;
  Histogram first;
  Histogram second;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::int64_t>(latency(random)));
    (i % 3 == 0 ? first : second).Add(values.back());
  }
  first.Merge(second);
  EXPECT_EQ(first.count(), values.size());
  EXPECT_EQ(first.max_nanos(), std::ranges::max(values));
  for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact = static_cast<double>(Exact(values, share));
    const auto found = static_cast<double>(first.PercentileNanos(share));
    EXPECT_GE(found, exact) << share;
    EXPECT_LE(found, exact * (1 + kPrecision)) << share;
  }
  double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<double>(value);
  EXPECT_NEAR(first.MeanNanos(), sum / 20'000, 1);
}

TEST(HistogramTest, WhatIsOutOfRangeIsAtItsEnd) {
  Histogram ends;
  ends.Add(-5);
  ends.Add(INT64_MAX);
  EXPECT_EQ(ends.PercentileNanos(0.5), 0);
  EXPECT_EQ(ends.PercentileNanos(1), (std::int64_t{1} << 42) - 1);
}

}  // namespace
}  // namespace kms::load
