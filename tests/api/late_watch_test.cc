#include "api/late_watch.h"

#include <atomic>
#include <future>
#include <memory>

#include "support/matchers.h"

namespace kms::server {
namespace {

using std::chrono::milliseconds;

TEST(LateWatchTest, CallsOnceForWorkThatIsLate) {
  LateWatch watch(milliseconds(10));
  std::atomic<int> calls{0};
  std::promise<void> called, later;
  const auto first = watch.Begin([&] {
    ++calls;
    called.set_value();
  });
  called.get_future().get();
  const auto second = watch.Begin([&] { later.set_value(); });
  later.get_future().get();
  EXPECT_EQ(calls, 1);
}

TEST(LateWatchTest, ForgetsWorkThatHasEnded) {
  LateWatch watch(milliseconds(20));
  const auto held = std::make_shared<int>(1);
  {
    const auto ended = watch.Begin([held] { FAIL(); });
  }
  EXPECT_EQ(held.use_count(), 1);
  // Work that is late after it would have been.
  std::promise<void> called;
  const auto other = watch.Begin([&] { called.set_value(); });
  called.get_future().get();
}

TEST(LateWatchTest, WithoutPatienceNothingIsLate) {
  LateWatch watch(milliseconds(0));
  const auto work = watch.Begin([] { FAIL(); });
}

}  // namespace
}  // namespace kms::server
