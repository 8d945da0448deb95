#include <stop_token>
#include <string>

#include "keys/fake_hsm.h"
#include "keys/fixture.h"
#include "keys/records.h"

namespace kms {
namespace {

using testing::FakeHsm;
using testing::kDay;

class DueWorkTest : public testing::KmsTest {
 protected:
  DueWorkTest() {
    hsm = &token;
    Reopen();
  }

  // Dates that cannot be read, which come before all others.
  void AddUnreadable(int count) {
    ASSERT_OK(memory->Update([&](Transaction& transaction) -> Result<void> {
      for (int i = 0; i < count; ++i) {
        std::string date = place::DueDate({.time = i});
        date.pop_back();
        transaction.Put(date, "");
      }
      return {};
    }));
  }

  FakeHsm token;
};

TEST_F(DueWorkTest, WhatFailsKeepsNothingElseWaiting) {
  constexpr int kMoreThanARound = 5000;
  AddUnreadable(kMoreThanARound);
  (void)MakeKey({.rotation_days = 7});
  clock.Advance(7 * kDay);
  const DueWork first = kms->RunDueWork().value();
  EXPECT_EQ(first.rotated, 0U);
  EXPECT_LE(first.next, clock.Now()) << "the round ended before the work";
  const DueWork second = kms->RunDueWork().value();
  EXPECT_EQ(second.rotated, 1U);
  EXPECT_EQ(first.failed + second.failed, kMoreThanARound + 0U);
  EXPECT_LE(second.next, clock.Now()) << "what comes before was not looked at";
  EXPECT_GT(kms->RunDueWork()->failed, 0U) << "and it is tried again";
}

TEST_F(DueWorkTest, ATokenThatIsAwayIsAskedOnce) {
  for (int i = 0; i < 20; ++i) {
    (void)MakeKey({.level = ProtectionLevel::kHsm, .rotation_days = 7});
    (void)MakeKey({.rotation_days = 7});
  }
  clock.Advance(7 * kDay);
  token.away = true;
  const int calls = token.calls();
  const DueWork away = kms->RunDueWork().value();
  EXPECT_EQ(away.rotated, 20U);
  EXPECT_EQ(away.failed, 20U);
  EXPECT_LE(token.calls() - calls, 2) << "the attempt, and whether it was the token";
  token.away = false;
  EXPECT_EQ(kms->RunDueWork()->rotated, 20U);
}

TEST_F(DueWorkTest, AKeyThatTheTokenRefusesKeepsNoOtherWaiting) {
  for (int i = 0; i < 3; ++i)
    (void)MakeKey({.level = ProtectionLevel::kHsm, .rotation_days = 7});
  clock.Advance(7 * kDay);
  token.FailCall(1);
  const DueWork work = kms->RunDueWork().value();
  EXPECT_EQ(work.failed, 1U);
  EXPECT_EQ(work.rotated, 2U);
}

TEST_F(DueWorkTest, AStopIsHeardBetweenTwoThings) {
  for (int i = 0; i < 3; ++i)
    (void)MakeKey({.level = ProtectionLevel::kHsm, .rotation_days = 7});
  clock.Advance(7 * kDay);
  std::stop_source stop;
  token.on_generate = [&] { stop.request_stop(); };
  EXPECT_EQ(kms->RunDueWork(stop.get_token())->rotated, 1U);
  EXPECT_EQ(kms->RunDueWork(stop.get_token())->rotated, 0U);
  EXPECT_EQ(kms->RunDueWork()->rotated, 2U);
}

}  // namespace
}  // namespace kms
