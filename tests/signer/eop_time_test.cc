#include <gtest/gtest.h>

#include "signer/eop_request.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

constexpr UnixMillis kSecond = 1000;
constexpr UnixMillis kMinute = 60 * kSecond;
constexpr UnixMillis kHour = 60 * kMinute;
constexpr UnixMillis kWindow = 15 * kMinute;
constexpr UnixMillis kBeijing = 8 * kHour;

class EopTime : public ::testing::Test {
 protected:
  // What the check says of a date that reads, as UTC, `offset` from now.
  Result<TimeVerdict> CheckAt(UnixMillis offset, TimeReading reading,
                              UnixMillis window = kWindow) {
    SignatureClaim claim;
    claim.date_as_utc = kNow + offset;
    return signer->CheckTime(claim, kNow, {reading, window});
  }
  bool Accepts(UnixMillis offset, TimeReading reading, UnixMillis window = kWindow) {
    return CheckAt(offset, reading, window).has_value();
  }

  const std::unique_ptr<Signer> signer = NewEopSigner();
};

TEST_F(EopTime, UtcWindowToTheSecond) {
  for (const TimeReading reading : {TimeReading::kUtc, TimeReading::kBoth}) {
    for (const UnixMillis offset : {UnixMillis{0}, kWindow, -kWindow, kWindow - kSecond})
      EXPECT_TRUE(Accepts(offset, reading)) << offset;
    for (const UnixMillis offset :
         {kWindow + 1, -kWindow - 1, kWindow + kSecond, -kWindow - kSecond, -kBeijing,
          24 * kHour, -24 * kHour}) {
      EXPECT_THAT(CheckAt(offset, reading), Fails(Reason::kOutOfTime)) << offset;
      EXPECT_THAT(CheckAt(offset, reading), FailsAs(ErrorClass::kAuthFailed)) << offset;
    }
  }
  EXPECT_THAT(CheckAt(kBeijing, TimeReading::kUtc), Fails(Reason::kOutOfTime));
}

TEST_F(EopTime, BeijingWindowToTheSecond) {
  for (const TimeReading reading : {TimeReading::kBeijing, TimeReading::kBoth}) {
    for (const UnixMillis offset : {UnixMillis{0}, kWindow, -kWindow, kSecond - kWindow})
      EXPECT_TRUE(Accepts(kBeijing + offset, reading)) << offset;
    for (const UnixMillis offset :
         {kWindow + 1, -kWindow - 1, kWindow + kSecond, -kWindow - kSecond, kBeijing})
      EXPECT_THAT(CheckAt(kBeijing + offset, reading), Fails(Reason::kOutOfTime))
          << offset;
  }
  EXPECT_THAT(CheckAt(0, TimeReading::kBeijing), Fails(Reason::kOutOfTime));
}

TEST_F(EopTime, TheWindowIsASetting) {
  EXPECT_TRUE(Accepts(kMinute, TimeReading::kUtc, kMinute));
  EXPECT_FALSE(Accepts(kMinute + kSecond, TimeReading::kUtc, kMinute));
  EXPECT_TRUE(Accepts(kHour, TimeReading::kUtc, kHour));
  EXPECT_TRUE(Accepts(0, TimeReading::kUtc, 0));
  EXPECT_FALSE(Accepts(kSecond, TimeReading::kUtc, 0));
}

TEST_F(EopTime, TellsWhichReadingFits) {
  EXPECT_EQ(CheckAt(0, TimeReading::kBoth)->reading, TimeReading::kUtc);
  EXPECT_EQ(CheckAt(kBeijing, TimeReading::kBoth)->reading, TimeReading::kBeijing);
  EXPECT_EQ(CheckAt(0, TimeReading::kUtc)->reading, TimeReading::kUtc);
  EXPECT_EQ(CheckAt(kBeijing, TimeReading::kBeijing)->reading, TimeReading::kBeijing);
}

TEST_F(EopTime, ABeijingDateComesAgainEightHoursLater) {
  const auto verdict = CheckAt(kBeijing, TimeReading::kBoth);
  ASSERT_OK(verdict);
  EXPECT_EQ(verdict->replayable_until, kNow + kBeijing + kWindow);
  EXPECT_EQ(CheckAt(kBeijing + kWindow, TimeReading::kBoth)->replayable_until,
            kNow + kBeijing + 2 * kWindow);
}

// Whatever was accepted is accepted last at replayable_until, and at no later instant.
TEST_F(EopTime, ReplayableUntilIsTheLastAcceptedInstant) {
  for (const TimeReading reading :
       {TimeReading::kUtc, TimeReading::kBeijing, TimeReading::kBoth}) {
    const TimeRule rule{reading, kWindow};
    for (UnixMillis offset = -kHour; offset <= 10 * kHour; offset += kMinute / 2) {
      SignatureClaim claim;
      claim.date_as_utc = kNow + offset;
      const auto verdict = signer->CheckTime(claim, kNow, rule);
      if (!verdict) continue;
      const UnixMillis last = verdict->replayable_until;
      EXPECT_GE(last, kNow);
      EXPECT_OK(signer->CheckTime(claim, last, rule));
      for (UnixMillis later = last + 1; later < kNow + 20 * kHour; later += kMinute)
        ASSERT_FALSE(signer->CheckTime(claim, later, rule)) << offset << " " << later;
    }
  }
}

}  // namespace
}  // namespace kms::testing
