// Default keys: one for each product, made when it is first asked for.

#include "kms/default_key_service.h"

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "keys/fixture.h"

namespace kms {
namespace {

using testing::Fails;
using testing::Holds;
using testing::kDay;

constexpr std::string_view kAction = "kms:cmk:generateDataKey";

class DefaultKeyServiceTest : public testing::KmsTest {
 protected:
  Result<std::string> Of(std::string_view product) { return Of(me, product); }
  Result<std::string> Of(const RequestContext& who, std::string_view product) {
    return kms->default_keys().Of(who, product, kAction);
  }
  Revision At() const { return memory->Read().value()->revision(); }
};

TEST_F(DefaultKeyServiceTest, MakesAKeyAndFindsItAgain) {
  const std::string id = Of("ecs").value();
  const Revision made = At();
  EXPECT_EQ(Of("ecs").value(), id);
  EXPECT_EQ(At(), made) << "it is there";
  const KeyDescription key = kms->keys().Describe(me, id).value();
  EXPECT_TRUE(key.is_default);
  EXPECT_EQ(key.spec, KeySpec::kAes256);
  EXPECT_EQ(key.usage, KeyUsage::kEncryptDecrypt);
  EXPECT_EQ(key.level, ProtectionLevel::kSoftware);
  EXPECT_EQ(key.origin, KeyOrigin::kKms);
  EXPECT_EQ(key.state, KeyState::kEnabled);
  EXPECT_EQ(key.project, "default");
  EXPECT_EQ(key.creator, me.principal.user);
  EXPECT_EQ(key.rotation, AutomaticRotation::kDisabled);
  EXPECT_EQ(key.aliases, std::vector<std::string>{"alias_ecs"});
  EXPECT_EQ(kms->versions().List(me, id, {})->total, 1U);
  Reopen();
  EXPECT_EQ(Of("ecs").value(), id);
}

TEST_F(DefaultKeyServiceTest, AreSoManyAtMost) {
  limits.default_keys = 2;
  Reopen();
  const std::string first = Of("a").value();
  EXPECT_OK(Of("b"));
  const Revision made = At();
  EXPECT_THAT(Of("c"), Fails(Reason::kQuotaUsedUp));
  EXPECT_EQ(At(), made);
  EXPECT_EQ(Of("a").value(), first);
  EXPECT_OK(Of(ContextOf("account-2"), "c"));
  RequestContext elsewhere = me;
  elsewhere.region = "region-2";
  EXPECT_OK(Of(elsewhere, "c"));
}

TEST_F(DefaultKeyServiceTest, ADryRunSeesThatAnAliasIsTaken) {
  const std::string key = MakeKey();
  ASSERT_OK(kms->aliases().Create(me, key, "alias/dry"));
  RequestContext dry = me;
  dry.dry_run = true;
  EXPECT_THAT(Of(dry, "dry"), Fails(Reason::kDefaultKeyCreationFailed));
  EXPECT_THAT(Of(dry, "wet"), testing::FailsAs(ErrorClass::kDryRun));
}

TEST_F(DefaultKeyServiceTest, BothNamesOfItResolveAndListsShowOne) {
  const std::string id = Of("zos").value();
  for (const char* name : {"alias_zos", "alias/zos"}) {
    EXPECT_EQ(kms->keys().Describe(me, name).value().id, id) << name;
    const auto sealed = kms->compute().Encrypt(me, name, AsBytes("text")).value();
    EXPECT_TRUE(Holds(kms->compute().Decrypt(me, sealed.blob)->plaintext, "text"));
  }
  const auto listed = kms->aliases().List(me, {}).value();
  EXPECT_EQ(listed.total, 1U);
  ASSERT_EQ(listed.items.size(), 1U);
  EXPECT_EQ(listed.items[0].name, "alias_zos");
  EXPECT_EQ(listed.items[0].key, id);
  EXPECT_EQ(kms->aliases().ListOfKey(me, "alias/zos", {})->total, 1U);
  const auto keys = kms->keys().List(me, {}, {}).value();
  EXPECT_EQ(keys.total, 1U);
  EXPECT_TRUE(keys.items.at(0).is_default);
}

TEST_F(DefaultKeyServiceTest, IsOneForEachProductAccountAndRegion) {
  std::set<std::string> ids;
  for (const auto& [account, region] : {std::pair("account-1", "region-1"),
                                        {"account-1", "region-2"},
                                        {"account-2", "region-1"}})
    for (const char* product : {"ecs", "zos", "default"})
      ids.insert(Of(ContextOf(account, region), product).value());
  EXPECT_EQ(ids.size(), 9U);
  for (const std::string& id : ids) {
    const auto mine = kms->keys().Describe(me, id);
    if (mine) {
      EXPECT_EQ(mine->account, me.principal.account);
      EXPECT_EQ(mine->region, me.region);
    } else {
      EXPECT_THAT(mine, Fails(Reason::kKeyNotFound));
    }
  }
  EXPECT_EQ(kms->keys().List(me, {}, {})->total, 3U);
}

TEST_F(DefaultKeyServiceTest, RefusesWhatIsNoProduct) {
  const Revision before = At();
  for (const std::string& bad :
       {std::string(), std::string("Ecs"), std::string("e/s"), std::string("e s"),
        std::string("e.s"), std::string("e\0s", 3), std::string(33, 'a')})
    EXPECT_THAT(Of(bad), Fails(Reason::kBadParameter)) << bad;
  EXPECT_EQ(At(), before);
  EXPECT_OK(Of(std::string(32, 'a')));
  EXPECT_OK(Of("0_-"));
}

TEST_F(DefaultKeyServiceTest, ManyAtOnceMakeOne) {
  constexpr int kThreads = 8;
  std::vector<std::string> ids(kThreads);
  std::atomic<int> ready = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        ids[static_cast<std::size_t>(i)] = Of("ecs").value();
      });
    }
  }
  for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
  EXPECT_EQ(kms->keys().List(me, {}, {})->total, 1U);
  EXPECT_EQ(kms->aliases().List(me, {})->total, 1U);
  testing::RecordingSink sink;
  EXPECT_EQ(kms->DrainAudit(sink).value(), 1U);
}

TEST_F(DefaultKeyServiceTest, TellsOfItsMakingOnce) {
  testing::RecordingSink sink;
  RequestContext request = me;
  request.operation = "generateDataKey";
  request.request_id = "id-1";
  const std::string id = Of(request, "ecs").value();
  ASSERT_OK(Of(request, "ecs"));
  ASSERT_OK(kms->DrainAudit(sink));
  ASSERT_EQ(sink.written.size(), 1U);
  EXPECT_EQ(sink.written[0].operation, "createDefaultKey");
  EXPECT_EQ(sink.written[0].request_id, "id-1");
  EXPECT_EQ(sink.written[0].user, me.principal.user);
  EXPECT_EQ(sink.written[0].key, id);
  EXPECT_EQ(sink.written[0].version, kms->keys().Describe(me, id)->primary_version);
}

TEST_F(DefaultKeyServiceTest, ADryRunMakesNone) {
  RequestContext dry = me;
  dry.dry_run = true;
  const Revision before = At();
  EXPECT_THAT(Of(dry, "ecs"), testing::FailsAs(ErrorClass::kDryRun));
  EXPECT_EQ(At(), before);
  const std::string id = Of("ecs").value();
  EXPECT_EQ(Of(dry, "ecs").value(), id) << "what follows is dry, too";
}

TEST_F(DefaultKeyServiceTest, IsNeverRotatedOrDeleted) {
  const std::string id = Of("ecs").value();
  clock.Advance(1000 * kDay);
  const DueWork work = RunDueWork();
  EXPECT_EQ(work.rotated + work.deleted + work.failed, 0U);
  EXPECT_EQ(StateOf(id), KeyState::kEnabled);
  EXPECT_EQ(kms->versions().List(me, id, {})->total, 1U);
}

// The codes of products are open, so that of a new one may be a user's alias already.
TEST_F(DefaultKeyServiceTest, IsNotMadeOverAUsersAlias) {
  const std::string key = MakeKey();
  for (const char* alias : {"alias_new", "alias/new"}) {
    ASSERT_OK(kms->aliases().Create(me, key, alias));
    const Revision before = At();
    EXPECT_THAT(Of("new"), Fails(Reason::kDefaultKeyCreationFailed)) << alias;
    EXPECT_EQ(At(), before);
    EXPECT_EQ(kms->keys().Describe(me, alias)->id, key);
    ASSERT_OK(kms->aliases().Delete(me, alias));
  }
  EXPECT_OK(Of("new"));
}

TEST_F(DefaultKeyServiceTest, ItsAliasesAreNobodys) {
  const std::string key = MakeKey({.alias = "alias/mine"});
  const std::string id = Of("new").value();
  for (const char* alias : {"alias_new", "alias/new"}) {
    EXPECT_THAT(kms->aliases().Create(me, key, alias), Fails(Reason::kDefaultKeyAlias));
    EXPECT_THAT(kms->keys().Create(me, {.alias = alias}),
                Fails(Reason::kDefaultKeyAlias));
    EXPECT_THAT(kms->aliases().Update(me, key, alias), Fails(Reason::kDefaultKeyAlias));
    EXPECT_THAT(kms->aliases().Delete(me, alias), Fails(Reason::kDefaultKeyAlias));
    EXPECT_EQ(kms->keys().Describe(me, alias)->id, id);
  }
  EXPECT_THAT(kms->aliases().Update(me, id, "alias/mine"),
              Fails(Reason::kDefaultKeyAlias));
  EXPECT_EQ(kms->keys().Describe(me, "alias/mine")->id, key);
}

TEST_F(DefaultKeyServiceTest, IsWholeOrAbsentWhateverCallFails) {
  testing::RecordingSink sink;
  for (int n = 1;; ++n) {
    ASSERT_LT(n, 10);
    const Revision before = At();
    store.FailCall(n);
    const auto made = Of("ecs");
    const bool failed = store.HasFailed();
    store.FailCall(0);
    if (!failed) {
      EXPECT_OK(made);
      EXPECT_GE(n, 3) << "it reads, and it writes";
      break;
    }
    EXPECT_THAT(made, Fails(n == 1 ? Reason::kStoreUnavailable
                                   : Reason::kDefaultKeyCreationFailed));
    EXPECT_THAT(made, testing::FailsAs(ErrorClass::kUnavailable));
    EXPECT_EQ(At(), before);
  }
  ASSERT_OK(kms->DrainAudit(sink));
  EXPECT_EQ(sink.written.size(), 1U);
  EXPECT_EQ(kms->keys().List(me, {}, {})->total, 1U);
}

}  // namespace
}  // namespace kms
