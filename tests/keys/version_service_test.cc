#include "kms/version_service.h"

#include <string>
#include <vector>

#include "keys/fixture.h"

namespace kms {
namespace {

using testing::Fails;
using testing::kDay;
using testing::kStart;

class VersionServiceTest : public testing::KmsTest {};

TEST_F(VersionServiceTest, RotatesWhenItIsDue) {
  const std::string key = MakeKey({.rotation_days = 7});
  const std::string first = kms->keys().Describe(me, key)->primary_version;
  const auto old = kms->compute().Encrypt(me, key, AsBytes("old")).value();
  clock.Advance(7 * kDay - 1);
  EXPECT_EQ(kms->RunDueWork()->rotated, 0U);
  clock.Advance(1);
  EXPECT_EQ(kms->RunDueWork()->rotated, 1U);
  EXPECT_EQ(kms->RunDueWork()->rotated, 0U);

  const KeyDescription after = kms->keys().Describe(me, key).value();
  EXPECT_NE(after.primary_version, first);
  EXPECT_EQ(after.last_rotation, kStart + 7 * kDay);
  EXPECT_EQ(after.next_rotation, kStart + 14 * kDay);
  const auto fresh = kms->compute().Encrypt(me, key, AsBytes("new")).value();
  EXPECT_EQ(fresh.version, after.primary_version);
  const auto opened = kms->compute().Decrypt(me, old.blob).value();
  EXPECT_TRUE(testing::Holds(opened.plaintext, "old"));
  EXPECT_EQ(opened.version, first);
  const auto versions = kms->versions().List(me, key, {}).value();
  ASSERT_EQ(versions.total, 2U);
  EXPECT_EQ(versions.items[0].id, first);
  EXPECT_EQ(versions.items[1].id, fresh.version);
}

TEST_F(VersionServiceTest, MissedRotationsAreMadeUpForOnce) {
  const std::string key = MakeKey({.rotation_days = 7});
  clock.Advance(100 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated, 1U);
  EXPECT_EQ(kms->RunDueWork()->rotated, 0U);
  EXPECT_EQ(kms->keys().Describe(me, key)->next_rotation, kStart + 107 * kDay);
}

TEST_F(VersionServiceTest, AClockThatJumpsRotatesOnceAndLosesNothing) {
  const std::string key = MakeKey({.rotation_days = 7});
  std::vector<Bytes> blobs;
  const auto encrypt = [&] {
    blobs.push_back(kms->compute().Encrypt(me, key, AsBytes("text")).value().blob);
  };
  encrypt();
  clock.Jump(400 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated, 1U);
  EXPECT_EQ(kms->RunDueWork()->rotated, 0U);
  encrypt();
  // Back where it was, and before the key was made: nothing is undone or done again.
  for (const std::int64_t jump : {-400 * kDay, -30 * kDay, 30 * kDay}) {
    clock.Jump(jump);
    EXPECT_EQ(kms->RunDueWork()->rotated, 0U);
    Reopen();
    encrypt();
    for (const Bytes& blob : blobs)
      EXPECT_TRUE(testing::Holds(kms->compute().Decrypt(me, blob)->plaintext, "text"));
    EXPECT_EQ(kms->versions().List(me, key, {})->total, 2U);
  }
  // The date that the wrong clock has led to stays until somebody sets it.
  EXPECT_EQ(kms->keys().Describe(me, key)->next_rotation, kStart + 407 * kDay);
  ASSERT_OK(kms->versions().SetRotation(me, key, 7));
  clock.Advance(7 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated, 1U);
}

TEST_F(VersionServiceTest, IsSuspendedWhileTheKeyIsNotEnabled) {
  const std::string key = MakeKey({.rotation_days = 7});
  for (const bool by_deletion : {false, true}) {
    SCOPED_TRACE(by_deletion);
    const std::size_t before = kms->versions().List(me, key, {})->total;
    ASSERT_OK(by_deletion ? kms->keys().ScheduleDeletion(me, key, 30)
                          : kms->keys().Disable(me, key));
    EXPECT_EQ(kms->keys().Describe(me, key)->rotation, AutomaticRotation::kSuspended);
    clock.Advance(8 * kDay);
    EXPECT_EQ(kms->RunDueWork()->rotated, 0U);
    ASSERT_OK(by_deletion ? kms->keys().CancelDeletion(me, key)
                          : kms->keys().Enable(me, key));
    EXPECT_EQ(kms->keys().Describe(me, key)->rotation, AutomaticRotation::kEnabled);
    EXPECT_EQ(kms->RunDueWork()->rotated, 1U) << "what was missed is made up for";
    EXPECT_EQ(kms->versions().List(me, key, {})->total, before + 1);
  }
}

TEST_F(VersionServiceTest, AChangedPolicyCountsFromNow) {
  const std::string key = MakeKey({.rotation_days = 7});
  clock.Advance(6 * kDay);
  ASSERT_OK(kms->versions().SetRotation(me, key, 10));
  EXPECT_EQ(kms->keys().Describe(me, key)->next_rotation, kStart + 16 * kDay);
  clock.Advance(2 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated, 0U);
  ASSERT_OK(kms->versions().SetRotation(me, key, std::nullopt));
  const KeyDescription off = kms->keys().Describe(me, key).value();
  EXPECT_EQ(off.rotation, AutomaticRotation::kDisabled);
  EXPECT_FALSE(off.next_rotation.has_value());
  clock.Advance(1000 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated, 0U);
}

TEST_F(VersionServiceTest, TwoProcessesRotateOnce) {
  const std::string key = MakeKey({.rotation_days = 7});
  const auto other = Kms::Open({.store = store,
                                .root = *root,
                                .software = *backend,
                                .policy = *policy,
                                .clock = clock})
                         .value();
  clock.Advance(7 * kDay);
  EXPECT_EQ(kms->RunDueWork()->rotated + other->RunDueWork()->rotated, 1U);
  EXPECT_EQ(kms->versions().List(me, key, {})->total, 2U);
}

TEST_F(VersionServiceTest, AnotherProcessSeesTheNewPrimaryAtOnce) {
  const std::string key = MakeKey({.rotation_days = 7});
  const auto other = Kms::Open({.store = store,
                                .root = *root,
                                .software = *backend,
                                .policy = *policy,
                                .clock = clock})
                         .value();
  const auto first = other->compute().Encrypt(me, key, AsBytes("x")).value();
  clock.Advance(7 * kDay);
  ASSERT_EQ(kms->RunDueWork()->rotated, 1U);
  EXPECT_NE(other->compute().Encrypt(me, key, AsBytes("x"))->version, first.version);
  ASSERT_OK(kms->keys().Disable(me, key));
  EXPECT_THAT(other->compute().Decrypt(me, first.blob), Fails(Reason::kKeyDisabled));
}

TEST_F(VersionServiceTest, AnAsymmetricKeyGetsAVersionOnceInSevenDays) {
  const std::string key = MakeKey({.spec = KeySpec::kSm2});
  const auto first = kms->versions().Create(me, key).value();
  EXPECT_THAT(kms->versions().Create(me, key), Fails(Reason::kRotatedRecently));
  clock.Advance(7 * kDay - 1);
  EXPECT_THAT(kms->versions().Create(me, key), Fails(Reason::kRotatedRecently));
  clock.Advance(1);
  const auto second = kms->versions().Create(me, key).value();
  EXPECT_EQ(second.created, kStart + 7 * kDay);
  EXPECT_EQ(kms->versions().List(me, key, {})->total, 3U);
  EXPECT_EQ(kms->versions().Describe(me, key, first.id)->created, kStart);
}

TEST_F(VersionServiceTest, TheLimitCountsTheVersionsOfAllKeys) {
  limits.asymmetric_versions = 3;
  Reopen();
  const std::string one = MakeKey({.spec = KeySpec::kSm2});
  MakeKey({.spec = KeySpec::kSm2});
  ASSERT_OK(kms->versions().Create(me, one));
  EXPECT_THAT(kms->keys().Create(me, {.spec = KeySpec::kSm2}),
              Fails(Reason::kVersionLimit));
  clock.Advance(8 * kDay);
  EXPECT_THAT(kms->versions().Create(me, one), Fails(Reason::kVersionLimit));
  EXPECT_OK(kms->keys().Create(me, {}));
  EXPECT_OK(kms->keys().Create(ContextOf("account-2"), {.spec = KeySpec::kSm2}));

  ASSERT_OK(kms->keys().ScheduleDeletion(me, one, 7));
  clock.Advance(7 * kDay);
  ASSERT_EQ(RunDueWork().deleted, 1U);
  EXPECT_OK(kms->keys().Create(me, {.spec = KeySpec::kSm2}));
  EXPECT_OK(kms->keys().Create(me, {.spec = KeySpec::kSm2}));
  EXPECT_THAT(kms->keys().Create(me, {.spec = KeySpec::kSm2}),
              Fails(Reason::kVersionLimit));
}

TEST_F(VersionServiceTest, AVersionOfAnotherKeyIsAbsent) {
  const std::string one = MakeKey({.spec = KeySpec::kSm2});
  const std::string two = MakeKey({.spec = KeySpec::kSm2});
  EXPECT_THAT(kms->versions().Describe(me, one, VersionOf(two)),
              Fails(Reason::kVersionNotFound));
}

}  // namespace
}  // namespace kms
