#include "kms/alias_service.h"

#include <string>
#include <vector>

#include "keys/fixture.h"

namespace kms {
namespace {

using testing::Fails;

class AliasServiceTest : public testing::KmsTest {
 protected:
  std::vector<std::string> NamesOf(std::string_view key) {
    std::vector<std::string> names;
    const auto page = kms->aliases().ListOfKey(me, key, {0, 100}).value();
    for (const auto& alias : page.items) names.push_back(alias.name);
    return names;
  }
};

TEST_F(AliasServiceTest, StandsForItsKeyEverywhere) {
  const std::string key = MakeKey();
  ASSERT_OK(kms->aliases().Create(me, key, "alias/a"));
  EXPECT_EQ(kms->keys().Describe(me, "alias/a")->id, key);
  EXPECT_EQ(kms->compute().Encrypt(me, "alias/a", AsBytes("x"))->key, key);
  ASSERT_OK(kms->keys().Disable(me, "alias/a"));
  EXPECT_EQ(StateOf(key), KeyState::kDisabled);
}

TEST_F(AliasServiceTest, IsUniquePerAccountAndRegion) {
  const std::string one = MakeKey();
  const std::string two = MakeKey();
  ASSERT_OK(kms->aliases().Create(me, one, "alias/a"));
  EXPECT_THAT(kms->aliases().Create(me, two, "alias/a"), Fails(Reason::kAliasExists));
  const RequestContext elsewhere = ContextOf("account-1", "region-2");
  EXPECT_OK(kms->keys().Create(elsewhere, {.alias = "alias/a"}));
  EXPECT_OK(kms->keys().Create(ContextOf("account-2"), {.alias = "alias/a"}));
  EXPECT_EQ(kms->keys().Describe(me, "alias/a")->id, one);
}

TEST_F(AliasServiceTest, ACreateKeyWhoseAliasIsTakenMakesNoKey) {
  MakeKey({.alias = "alias/a"});
  EXPECT_THAT(kms->keys().Create(me, {.alias = "alias/a"}), Fails(Reason::kAliasExists));
  EXPECT_EQ(kms->keys().List(me, {}, {})->total, 1U);
}

TEST_F(AliasServiceTest, RetargetingIsVisibleAtOnce) {
  const std::string one = MakeKey({.alias = "alias/a"});
  const std::string two = MakeKey();
  const auto blob = kms->compute().Encrypt(me, "alias/a", AsBytes("x"))->blob;
  ASSERT_OK(kms->aliases().Update(me, two, "alias/a"));
  EXPECT_EQ(kms->compute().Encrypt(me, "alias/a", AsBytes("x"))->key, two);
  EXPECT_EQ(kms->compute().Decrypt(me, blob)->key, one);
  EXPECT_TRUE(NamesOf(one).empty());
  EXPECT_EQ(NamesOf(two), std::vector<std::string>{"alias/a"});
  EXPECT_THAT(kms->aliases().Update(me, two, "alias/none"),
              Fails(Reason::kAliasNotFound));
  EXPECT_THAT(
      kms->aliases().Update(me, "0f8fad5b-d9cb-469f-a165-70867728950e", "alias/a"),
      Fails(Reason::kKeyNotFound));
  EXPECT_EQ(kms->keys().Describe(me, "alias/a")->id, two);
}

TEST_F(AliasServiceTest, DeletingItLeavesTheKey) {
  const std::string key = MakeKey({.alias = "alias/a"});
  ASSERT_OK(kms->aliases().Delete(me, "alias/a"));
  EXPECT_THAT(kms->aliases().Delete(me, "alias/a"), Fails(Reason::kAliasNotFound));
  EXPECT_THAT(kms->keys().Describe(me, "alias/a"), Fails(Reason::kKeyNotFound));
  EXPECT_EQ(StateOf(key), KeyState::kEnabled);
  EXPECT_EQ(kms->aliases().List(me, {})->total, 0U);
}

TEST_F(AliasServiceTest, ListsInOrderOfCreation) {
  const std::string key = MakeKey();
  const std::vector<std::string> names = {"alias/z", "alias/a", "alias/m"};
  for (const std::string& name : names) ASSERT_OK(kms->aliases().Create(me, key, name));
  EXPECT_EQ(NamesOf(key), names);
  EXPECT_EQ(kms->keys().Describe(me, key)->aliases, names);
  const auto page = kms->aliases().List(me, {1, 2}).value();
  EXPECT_EQ(page.total, 3U);
  ASSERT_EQ(page.items.size(), 1U);
  EXPECT_EQ(page.items[0].name, "alias/m");
  EXPECT_EQ(page.items[0].key, key);
}

TEST_F(AliasServiceTest, RefusesOtherSpellings) {
  const std::string key = MakeKey();
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("ä"), std::string("a\0b", 3),
        std::string("a\n"), std::string("0f8fad5b-d9cb-469f-a165-70867728950e"),
        std::string("0F8FAD5B-D9CB-469F-A165-70867728950E")})
    EXPECT_THAT(kms->aliases().Create(me, key, bad), Fails(Reason::kBadParameter)) << bad;
  EXPECT_THAT(kms->aliases().Create(me, key, std::string(256, 'a')),
              Fails(Reason::kTooLong));
  for (const char* reserved : {"alias/ecs", "alias_ecs", "alias/default", "alias_mysql"})
    EXPECT_THAT(kms->aliases().Create(me, key, reserved), Fails(Reason::kDefaultKeyAlias))
        << reserved;
  EXPECT_OK(kms->aliases().Create(me, key, std::string(255, 'a')));
  EXPECT_OK(kms->aliases().Create(me, key, "alias/ecs2"));
}

}  // namespace
}  // namespace kms
