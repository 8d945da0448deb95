#include "api/lanes.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <latch>

#include "support/matchers.h"

namespace kms::server {
namespace {

TEST(LanesTest, RunsEverythingThatItTookBeforeItIsDrained) {
  std::atomic<int> ran{0};
  Lanes lanes({.commit_threads = 3, .private_key_threads = 2});
  int taken = 0;
  for (int i = 0; i < 100; ++i)
    for (const Lane lane : {Lane::kCommit, Lane::kPrivateKey, Lane::kBatch})
      taken += lanes.Submit(lane, [&] { ++ran; });
  lanes.Drain();
  EXPECT_EQ(taken, 300);
  EXPECT_EQ(ran, taken);
}

TEST(LanesTest, TakesNothingOnceDrained) {
  Lanes lanes({});
  lanes.Drain();
  EXPECT_FALSE(lanes.Submit(Lane::kCommit, [] { FAIL(); }));
  EXPECT_FALSE(lanes.Submit(Lane::kPrivateKey, [] { FAIL(); }));
  EXPECT_FALSE(lanes.Submit(Lane::kBatch, [] { FAIL(); }));
  EXPECT_FALSE(lanes.Submit(Lane::kToken, [] { FAIL(); }));
}

TEST(LanesTest, ATaskMayGoOnOnTheTokensLaneWhileTheLanesAreDrained) {
  std::atomic<int> ran{0};
  {
    Lanes lanes({.commit_threads = 1, .private_key_threads = 1, .token_threads = 1});
    for (const Lane lane : {Lane::kCommit, Lane::kPrivateKey, Lane::kBatch})
      ASSERT_TRUE(lanes.Submit(
          lane, [&] { EXPECT_TRUE(lanes.Submit(Lane::kToken, [&] { ++ran; })); }));
    lanes.Drain();
  }
  EXPECT_EQ(ran, 3);
}

TEST(LanesTest, RefusesWhatDoesNotFitTheQueue) {
  std::latch started(1);
  std::latch go(1);
  Lanes lanes({.private_key_threads = 1, .private_key_queue = 2});  // drained first
  ASSERT_TRUE(lanes.Submit(Lane::kPrivateKey, [&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  EXPECT_TRUE(lanes.Submit(Lane::kPrivateKey, [] {}));
  EXPECT_TRUE(lanes.Submit(Lane::kPrivateKey, [] {}));
  EXPECT_EQ(lanes.waiting(Lane::kPrivateKey), 2U);
  EXPECT_FALSE(lanes.Submit(Lane::kPrivateKey, [] {}));

  for (const Lane lane : {Lane::kCommit, Lane::kBatch}) {
    std::promise<void> other;
    EXPECT_TRUE(lanes.Submit(lane, [&] { other.set_value(); }));
    other.get_future().get();
  }
  go.count_down();
}

TEST(LanesTest, LeavesATokensThreadThatHangsBehind) {
  // Shared with the thread, which outlives the lanes.
  const auto go = std::make_shared<std::latch>(1);
  const auto gone = std::make_shared<std::promise<void>>();
  const auto around = [gone](const LanesConfig::Run& run) {
    run();
    gone->set_value();
  };
  {
    Lanes lanes({.token_threads = 1,
                 .on_token_thread = around,
                 .token_patience = std::chrono::milliseconds(20)});
    ASSERT_TRUE(lanes.Submit(Lane::kToken, [go] { go->wait(); }));
    EXPECT_FALSE(lanes.Drain());
    EXPECT_FALSE(lanes.Drain());
    EXPECT_FALSE(lanes.Submit(Lane::kToken, [] { FAIL(); }));
    EXPECT_EQ(lanes.waiting(Lane::kToken), 0U);
  }
  go->count_down();
  gone->get_future().get();
}

TEST(LanesTest, RunsPrivateKeysAtLowerPriorityAndBatchesAtTheLowest) {
  const auto priority_on = [](Lanes& lanes, Lane lane) {
    std::promise<int> priority;
    EXPECT_TRUE(lanes.Submit(lane, [&] {
      priority.set_value(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())));
    }));
    return priority.get_future().get();
  };
  Lanes lanes({});
  EXPECT_GT(priority_on(lanes, Lane::kPrivateKey), priority_on(lanes, Lane::kCommit));
  EXPECT_GT(priority_on(lanes, Lane::kBatch), priority_on(lanes, Lane::kPrivateKey));
}

}  // namespace
}  // namespace kms::server
