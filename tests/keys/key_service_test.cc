#include "kms/key_service.h"

#include <set>
#include <string>
#include <vector>

#include "keys/fixture.h"
#include "kms/encoding.h"

namespace kms {
namespace {

using testing::Fails;
using testing::kDay;
using testing::kStart;

class KeyServiceTest : public testing::KmsTest {};

TEST_F(KeyServiceTest, CreatesWhatWasAskedFor) {
  const KeyDescription key = kms->keys()
                                 .Create(me, {.spec = KeySpec::kSm4,
                                              .description = "数据库",
                                              .rotation_days = 30,
                                              .alias = "alias/db",
                                              .project = "default"})
                                 .value();
  EXPECT_TRUE(IsUuid(key.id));
  const KeyDescription read = kms->keys().Describe(me, "alias/db").value();
  EXPECT_EQ(read.id, key.id);
  EXPECT_EQ(read.spec, KeySpec::kSm4);
  EXPECT_EQ(read.description, "数据库");
  EXPECT_EQ(read.project, "default");
  EXPECT_EQ(read.creator, me.principal.user);
  EXPECT_EQ(read.state, KeyState::kEnabled);
  EXPECT_EQ(read.rotation, AutomaticRotation::kEnabled);
  EXPECT_EQ(read.next_rotation, kStart + 30 * kDay);
  EXPECT_EQ(read.created, kStart);
  EXPECT_TRUE(IsUuid(read.primary_version));
  EXPECT_EQ(read.aliases, std::vector<std::string>{"alias/db"});
}

TEST_F(KeyServiceTest, AnAsymmetricKeyHasNoPrimaryVersion) {
  const std::string key = MakeKey({.spec = KeySpec::kSm2});
  EXPECT_EQ(kms->keys().Describe(me, key)->primary_version, "");
  EXPECT_EQ(kms->versions().List(me, key, {})->total, 1U);
}

TEST_F(KeyServiceTest, RefusesWhatDoesNotFit) {
  const auto create = [&](const NewKey& wanted) {
    return kms->keys().Create(me, wanted);
  };
  EXPECT_THAT(create({.usage = KeyUsage::kSignVerify}), Fails(Reason::kBadKeyUsage));
  EXPECT_THAT(create({.spec = KeySpec::kRsa2048, .rotation_days = 30}),
              Fails(Reason::kNoAutomaticRotation));
  EXPECT_THAT(create({.spec = KeySpec::kRsa2048, .origin = KeyOrigin::kExternal}),
              Fails(Reason::kAsymmetricCannotImport));
  EXPECT_THAT(create({.spec = KeySpec::kSm4, .origin = KeyOrigin::kExternal}),
              Fails(Reason::kCannotImport));
  EXPECT_THAT(create({.origin = KeyOrigin::kExternal, .rotation_days = 30}),
              Fails(Reason::kNoAutomaticRotation));
  EXPECT_THAT(create({.rotation_days = 6}), Fails(Reason::kBadRotationInterval));
  EXPECT_THAT(create({.rotation_days = 731}), Fails(Reason::kBadRotationInterval));
  EXPECT_THAT(create({.description = std::string(8193, 'x')}), Fails(Reason::kTooLong));
  EXPECT_THAT(create({.alias = "no spaces"}), Fails(Reason::kBadParameter));
  EXPECT_THAT(create({.project = "a\r\nb"}), Fails(Reason::kBadParameter));
  EXPECT_THAT(create({.project = "absent"}), Fails(Reason::kBadParameter));
  EXPECT_THAT(create({.level = ProtectionLevel::kHsm}),
              Fails(Reason::kHsmKeyCreationFailed));
  EXPECT_EQ(kms->keys().List(me, {}, {})->total, 0U);
}

TEST_F(KeyServiceTest, CountsTheCharactersOfADescription) {
  std::string longest;
  for (int i = 0; i < 8192; ++i) longest += "密";
  const std::string key = MakeKey({.description = longest});
  EXPECT_EQ(kms->keys().Describe(me, key)->description, longest);
  EXPECT_THAT(kms->keys().UpdateDescription(me, key, longest + "密"),
              Fails(Reason::kTooLong));
}

TEST_F(KeyServiceTest, AKeyOfAnotherAccountOrRegionIsAbsent) {
  const std::string key = MakeKey({.alias = "alias/mine"});
  const std::string random_id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  for (const RequestContext& other :
       {ContextOf("account-2"), ContextOf("account-1", "region-2")}) {
    for (const std::string& name : {key, std::string("alias/mine"), random_id}) {
      EXPECT_THAT(kms->keys().Describe(other, name), Fails(Reason::kKeyNotFound));
      EXPECT_THAT(kms->keys().Disable(other, name), Fails(Reason::kKeyNotFound));
      EXPECT_THAT(kms->compute().Encrypt(other, name, AsBytes("x")),
                  Fails(Reason::kKeyNotFound));
    }
    EXPECT_EQ(kms->keys().List(other, {}, {})->total, 0U);
  }
  EXPECT_EQ(StateOf(key), KeyState::kEnabled);
}

TEST_F(KeyServiceTest, ListsInOrderOfCreation) {
  std::vector<std::string> made;
  for (int i = 0; i < 25; ++i) made.push_back(MakeKey());
  std::vector<std::string> listed;
  for (std::size_t number = 0; number < 4; ++number) {
    const auto page = kms->keys().List(me, {}, {number, 7}).value();
    EXPECT_EQ(page.total, 25U);
    for (const auto& key : page.items) listed.push_back(key.id);
  }
  EXPECT_EQ(listed, made);
  EXPECT_TRUE(kms->keys().List(me, {}, {4, 7})->items.empty());
  EXPECT_TRUE(kms->keys().List(me, {}, {SIZE_MAX, 100})->items.empty());
}

TEST_F(KeyServiceTest, AKeyMadeMeanwhileShowsUpOnALaterPage) {
  for (int i = 0; i < 4; ++i) MakeKey();
  const auto first = kms->keys().List(me, {}, {0, 2}).value();
  const std::string late = MakeKey();
  const auto second = kms->keys().List(me, {}, {1, 2}).value();
  std::set<std::string> seen;
  for (const auto& page : {first, second})
    for (const auto& key : page.items) EXPECT_TRUE(seen.insert(key.id).second);
  EXPECT_FALSE(seen.contains(late));
  EXPECT_EQ(kms->keys().List(me, {}, {2, 2})->items.at(0).id, late);
}

TEST_F(KeyServiceTest, FiltersTogether) {
  const std::string sm4 = MakeKey({.spec = KeySpec::kSm4});
  const std::string off = MakeKey();
  const std::string sign =
      MakeKey({.spec = KeySpec::kSm2, .usage = KeyUsage::kSignVerify});
  ASSERT_OK(kms->keys().Disable(me, off));
  const auto ids = [&](const KeyFilter& filter) {
    std::vector<std::string> found;
    const auto page = kms->keys().List(me, filter, {0, 100}).value();
    EXPECT_EQ(page.total, page.items.size());
    for (const auto& key : page.items) found.push_back(key.id);
    return found;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({.spec = KeySpec::kSm4}), Ids{sm4});
  EXPECT_EQ(ids({.usage = KeyUsage::kSignVerify}), Ids{sign});
  EXPECT_EQ(ids({.state = KeyState::kDisabled}), Ids{off});
  EXPECT_EQ(ids({.level = ProtectionLevel::kSoftware}), (Ids{sm4, off, sign}));
  EXPECT_EQ(ids({.spec = KeySpec::kSm4, .state = KeyState::kDisabled}), Ids{});
  const PageRequest far = {SIZE_MAX / 2 + 1, 2};  // whose product is 0 again
  EXPECT_TRUE(kms->keys().List(me, {.spec = KeySpec::kSm4}, far)->items.empty());
  EXPECT_TRUE(kms->keys().List(me, {}, far)->items.empty());
}

TEST_F(KeyServiceTest, APrincipalWithoutRightsSeesNothing) {
  const std::string key = MakeKey();
  RequestContext nobody = me;
  nobody.principal.root = false;
  EXPECT_THAT(kms->keys().Describe(nobody, key), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(kms->keys().Create(nobody, {}), Fails(Reason::kDenied));
  EXPECT_THAT(kms->keys().List(nobody, {}, {}), Fails(Reason::kDenied));
}

TEST_F(KeyServiceTest, PlannedDeletionTakesEverythingThatHangsOnTheKey) {
  const std::string key = MakeKey({.spec = KeySpec::kSm2, .alias = "alias/doomed"});
  const std::string other = MakeKey({.alias = "alias/other"});
  const std::string version = VersionOf(key);
  ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
  EXPECT_EQ(kms->keys().Describe(me, key)->deletion, kStart + 7 * kDay);
  clock.Advance(7 * kDay - 1);
  EXPECT_EQ(kms->RunDueWork()->deleted, 0U);
  EXPECT_EQ(StateOf(key), KeyState::kPendingDeletion);
  clock.Advance(1);
  EXPECT_EQ(RunDueWork().deleted, 1U);
  EXPECT_THAT(kms->keys().Describe(me, key), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(kms->keys().Describe(me, "alias/doomed"), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(kms->asymmetric().GetPublicKey(me, {key, version}),
              Fails(Reason::kKeyNotFound));
  EXPECT_EQ(kms->keys().List(me, {}, {})->items.at(0).id, other);
  EXPECT_EQ(kms->keys().List(me, {}, {})->total, 1U);
  EXPECT_EQ(kms->aliases().List(me, {})->total, 1U);
  EXPECT_OK(kms->aliases().Create(me, other, "alias/doomed"));
  const auto snapshot = memory->Read().value();
  for (const Record& record : snapshot->Scan("", "", SIZE_MAX).value()) {
    EXPECT_EQ(record.key.find(key), std::string::npos) << record.key;
    EXPECT_EQ(record.key.find(version), std::string::npos) << record.key;
  }
}

TEST_F(KeyServiceTest, ACancelledDeletionDoesNotHappen) {
  const std::string key = MakeKey();
  ASSERT_OK(kms->keys().Disable(me, key));
  ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
  ASSERT_OK(kms->keys().CancelDeletion(me, key));
  EXPECT_EQ(StateOf(key), KeyState::kEnabled);
  clock.Advance(40 * kDay);
  EXPECT_EQ(RunDueWork().deleted, 0U);
  EXPECT_EQ(StateOf(key), KeyState::kEnabled);
}

TEST_F(KeyServiceTest, DeletionDoesNotFollowAClockThatHasJumped) {
  const std::string key = MakeKey();
  ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
  (void)RunDueWork();
  clock.Jump(400 * kDay);
  EXPECT_EQ(kms->RunDueWork()->deleted, 0U);
  clock.Jump(-400 * kDay);  // it was a mistake
  EXPECT_EQ(RunDueWork().deleted, 0U);
  EXPECT_EQ(StateOf(key), KeyState::kPendingDeletion);
  clock.Jump(400 * kDay);
  EXPECT_EQ(RunDueWork().deleted, 1U);
}

TEST_F(KeyServiceTest, DeletionWaitsAfterAStart) {
  const std::string key = MakeKey();
  ASSERT_OK(kms->keys().ScheduleDeletion(me, key, 7));
  clock.Advance(8 * kDay);
  Reopen();
  EXPECT_EQ(kms->RunDueWork()->deleted, 0U);
  clock.Advance(limits.steady_millis - 1);
  EXPECT_EQ(kms->RunDueWork()->deleted, 0U);
  clock.Advance(1);
  EXPECT_EQ(kms->RunDueWork()->deleted, 1U);
}

TEST_F(KeyServiceTest, RefusesAStoreOfAnotherRootKey) {
  const auto other = NewEphemeralRootKey();
  EXPECT_THAT(Kms::Open({.store = store,
                         .root = *other,
                         .software = *backend,
                         .policy = *policy,
                         .clock = clock}),
              testing::FailsAs(ErrorClass::kCorrupt));
}

TEST_F(KeyServiceTest, RefusesAStoreOfANewerRelease) {
  ASSERT_OK(memory->Update([](Transaction& transaction) -> Result<void> {
    transaction.Put(JoinKey({"header"}),
                    R"({"v":1,"format":2,"oldestReader":2,"epoch":1})");
    return {};
  }));
  EXPECT_THAT(Kms::Open({.store = store,
                         .root = *root,
                         .software = *backend,
                         .policy = *policy,
                         .clock = clock}),
              testing::FailsAs(ErrorClass::kUnsupported));
}

}  // namespace
}  // namespace kms
