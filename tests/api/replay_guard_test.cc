#include "auth/replay_guard.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/matchers.h"

namespace kms::server {
namespace {

using Answer = ReplayGuard::Answer;

constexpr UnixMillis kNow = 1'767'225'600'000;
constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kWindow = 15 * kMinute;
constexpr std::size_t kSmall = 2048;  // room for 224 ids

class ReplayGuardTest : public ::testing::Test {
 protected:
  Answer Insert(ReplayGuard& guard, const std::string& access_key, const std::string& id,
                UnixMillis now = kNow, std::int64_t life = kWindow) {
    return guard.Insert(access_key, id, now, now + life);
  }
  // Inserts fresh ids until one is refused, and returns how many were taken.
  int Flood(ReplayGuard& guard, const std::string& access_key, UnixMillis now = kNow) {
    for (int taken = 0;; ++taken)
      if (Insert(guard, access_key, std::to_string(now) + "-" + std::to_string(taken),
                 now) == Answer::kFull)
        return taken;
  }
  Digest32 key_{1, 2, 3};
};

TEST_F(ReplayGuardTest, KnowsAnIdAgain) {
  ReplayGuard guard(1 << 20, key_);
  EXPECT_EQ(Insert(guard, "ak", "one"), Answer::kNew);
  EXPECT_EQ(Insert(guard, "ak", "one"), Answer::kSeen);
  EXPECT_EQ(Insert(guard, "ak", "two"), Answer::kNew);
  EXPECT_EQ(guard.size(), 2U);
}

TEST_F(ReplayGuardTest, KnowsAnIdAgainUnderAnotherDate) {
  ReplayGuard guard(1 << 20, key_);
  EXPECT_EQ(guard.Insert("ak", "one", kNow, kNow + kWindow), Answer::kNew);
  EXPECT_EQ(guard.Insert("ak", "one", kNow, kNow + 2 * kWindow), Answer::kSeen);
}

TEST_F(ReplayGuardTest, TellsAccessKeysApart) {
  ReplayGuard guard(1 << 20, key_);
  EXPECT_EQ(Insert(guard, "ak-1", "one"), Answer::kNew);
  EXPECT_EQ(Insert(guard, "ak-2", "one"), Answer::kNew);
  EXPECT_EQ(Insert(guard, "ak", "-1one"), Answer::kNew);
}

TEST_F(ReplayGuardTest, KeepsAnIdUntilItsTimeAndNoLonger) {
  ReplayGuard guard(1 << 20, key_);
  const std::int64_t life = 510 * kMinute;  // a Beijing clock under both readings
  ASSERT_EQ(Insert(guard, "ak", "one", kNow, life), Answer::kNew);
  for (std::int64_t minutes = 1; minutes <= 510; ++minutes) {
    // Others come and go meanwhile.
    ASSERT_EQ(Insert(guard, "ak", std::to_string(minutes), kNow + minutes * kMinute),
              Answer::kNew);
    ASSERT_EQ(Insert(guard, "ak", "one", kNow + minutes * kMinute), Answer::kSeen)
        << minutes;
  }
  EXPECT_EQ(Insert(guard, "ak", "one", kNow + 511 * kMinute), Answer::kNew);
}

TEST_F(ReplayGuardTest, ForgetsAllThatExpiredInALongPause) {
  ReplayGuard guard(kSmall, key_);
  ASSERT_GT(Flood(guard, "ak"), 100);
  for (const std::int64_t pause : {600, 1024, 5000}) {
    const UnixMillis later = kNow + pause * kMinute;
    EXPECT_EQ(Insert(guard, "ak", "fresh" + std::to_string(pause), later), Answer::kNew);
    EXPECT_EQ(guard.size(), 1U);
  }
}

TEST_F(ReplayGuardTest, KeepsWhatItKnowsWhileTheClockStandsBack) {
  ReplayGuard guard(1 << 20, key_);
  ASSERT_EQ(Insert(guard, "ak", "one"), Answer::kNew);
  EXPECT_EQ(Insert(guard, "ak", "one", kNow - 60 * kMinute), Answer::kSeen);
  EXPECT_EQ(Insert(guard, "ak", "two", kNow - 60 * kMinute), Answer::kNew);
  EXPECT_EQ(Insert(guard, "ak", "two", kNow - 50 * kMinute), Answer::kSeen);
}

TEST_F(ReplayGuardTest, RefusesAFloodAndForgetsNothing) {
  ReplayGuard guard(kSmall, key_);
  const int taken = Flood(guard, "ak");
  EXPECT_GT(taken, static_cast<int>(guard.capacity() / 2));
  EXPECT_LT(taken, static_cast<int>(guard.capacity()));
  for (int i = 0; i < taken; ++i)
    EXPECT_NE(Insert(guard, "ak", std::to_string(kNow) + "-" + std::to_string(i)),
              Answer::kNew);
  EXPECT_EQ(guard.size(), static_cast<std::size_t>(taken));
}

TEST_F(ReplayGuardTest, LeavesRoomForOthersInAFlood) {
  ReplayGuard guard(kSmall, key_);
  Flood(guard, "flooder");
  Flood(guard, "another");
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(Insert(guard, "quiet", std::to_string(i)), Answer::kNew);
}

TEST_F(ReplayGuardTest, GivesRoomBackWhenIdsExpire) {
  ReplayGuard guard(kSmall, key_);
  const int taken = Flood(guard, "ak");
  EXPECT_EQ(Insert(guard, "ak", "x", kNow + 15 * kMinute), Answer::kFull);
  // Also what others kept, who are not heard of again.
  EXPECT_EQ(Flood(guard, "other", kNow + 16 * kMinute), taken);
}

TEST_F(ReplayGuardTest, OneOfManyThreadsWins) {
  ReplayGuard guard(1 << 20, key_);
  constexpr int kThreads = 100;
  constexpr int kIds = 50;
  std::atomic<int> news{0};
  std::atomic<int> seen{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      while (!go) std::this_thread::yield();
      for (int i = 0; i < kIds; ++i)
        ++(Insert(guard, "ak", std::to_string(i)) == Answer::kNew ? news : seen);
    });
  }
  go = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(news, kIds);
  EXPECT_EQ(seen, kIds * (kThreads - 1));
  EXPECT_EQ(guard.size(), static_cast<std::size_t>(kIds));
}

TEST_F(ReplayGuardTest, GrowsToItsBoundWithoutLosingAnId) {
  ReplayGuard guard(1 << 20, key_);
  constexpr int kIds = 60'000;
  for (int i = 0; i < kIds; ++i)
    ASSERT_EQ(Insert(guard, "ak", std::to_string(i)), Answer::kNew) << i;
  for (int i = 0; i < kIds; ++i)
    ASSERT_EQ(Insert(guard, "ak", std::to_string(i), kNow + 10 * kMinute), Answer::kSeen);
}

}  // namespace
}  // namespace kms::server
