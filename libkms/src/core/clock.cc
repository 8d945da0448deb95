#include "kms/clock.h"

#include <chrono>

namespace kms {
namespace {

template <typename ClockType>
std::int64_t MillisOf() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             ClockType::now().time_since_epoch())
      .count();
}

class SystemClock final : public Clock {
 public:
  UnixMillis Now() const override { return MillisOf<std::chrono::system_clock>(); }
  std::int64_t Steady() const override { return MillisOf<std::chrono::steady_clock>(); }
};

}  // namespace

Clock::~Clock() = default;

std::unique_ptr<Clock> NewSystemClock() { return std::make_unique<SystemClock>(); }

}  // namespace kms
