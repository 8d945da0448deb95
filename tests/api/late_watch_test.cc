#include "api/late_watch.h"

#include <atomic>
#include <future>
#include <memory>
#include <vector>

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

TEST(LateWatchTest, WorkThatIsRenewedIsLateLater) {
  LateWatch watch(milliseconds(300));
  std::vector<int> late;  // of the thread of the watch, until `both`
  std::promise<void> both;
  auto first = watch.Begin([&] {
    late.push_back(1);
    both.set_value();
  });
  const auto second = watch.Begin([&] { late.push_back(2); });
  EXPECT_TRUE(first.Renew());
  both.get_future().get();
  EXPECT_EQ(late, (std::vector{2, 1}));
  EXPECT_FALSE(first.Renew());
}

TEST(LateWatchTest, WithoutPatienceNothingIsLate) {
  LateWatch watch(milliseconds(0));
  auto work = watch.Begin([] { FAIL(); });
  EXPECT_TRUE(work.Renew());
}

}  // namespace
}  // namespace kms::server
