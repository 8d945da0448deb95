// Clock: where the KMS learns what time it is. Time comes in through
// constructors, so that tests own it.
//
// Threads: a clock may be asked from many threads at once.

#ifndef KMS_CLOCK_H_
#define KMS_CLOCK_H_

#include <atomic>
#include <cstdint>
#include <memory>

namespace kms {

// Milliseconds since 1970-01-01T00:00:00Z.
using UnixMillis = std::int64_t;

class Clock {
 public:
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock();

  // Now is the wall clock; it may be set, and jump both ways.
  virtual UnixMillis Now() const = 0;

  // Steady counts milliseconds from an unknown start, and never backwards.
  virtual std::int64_t Steady() const = 0;

 protected:
  Clock() = default;
};

// NewSystemClock returns the clock of the machine.
std::unique_ptr<Clock> NewSystemClock();

// FixedClock stands still until it is told otherwise. For tests.
class FixedClock final : public Clock {
 public:
  explicit FixedClock(UnixMillis now) : now_(now) {}
  UnixMillis Now() const override { return now_; }
  std::int64_t Steady() const override { return steady_; }

  // Advance moves both clocks, as time does.
  void Advance(std::int64_t millis) {
    now_ += millis;
    steady_ += millis;
  }
  // Jump moves the wall clock alone, as somebody who sets it does.
  void Jump(std::int64_t millis) { now_ += millis; }

 private:
  std::atomic<UnixMillis> now_;
  std::atomic<std::int64_t> steady_{1'000'000};
};

}  // namespace kms

#endif  // KMS_CLOCK_H_
