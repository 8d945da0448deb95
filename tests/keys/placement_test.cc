#include "kms/placement.h"

#include "keys/fixture.h"
#include "keys/records.h"

namespace kms {
namespace {

using testing::Fails;

class PlacementTest : public testing::KmsTest {};

TEST_F(PlacementTest, TellsEveryVersionInOrder) {
  MakeKey();
  const std::string key = MakeKey({.spec = KeySpec::kSm2});
  const std::string first = VersionOf(key);
  clock.Advance(testing::kDay);
  const std::string second = kms->versions().Create(me, key).value().id;
  const auto found = FindKeyPlacement(*memory, key).value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].version, first);
  EXPECT_EQ(found[1].version, second);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(found[i].key, key);
    EXPECT_EQ(found[i].account, "account-1");
    EXPECT_EQ(found[i].region, "region-1");
    EXPECT_EQ(found[i].number, i);
    EXPECT_EQ(found[i].spec, KeySpec::kSm2);
    EXPECT_EQ(found[i].level, ProtectionLevel::kSoftware);
    EXPECT_EQ(found[i].created,
              testing::kStart + static_cast<UnixMillis>(i) * testing::kDay);
    EXPECT_EQ(found[i].root, 0U);
    EXPECT_FALSE(found[i].in_token);
    EXPECT_FALSE(found[i].primary) << "an asymmetric key has none";
    EXPECT_TRUE(found[i].has_material);
    EXPECT_GT(found[i].sealed_bytes, 32U);
  }
}

TEST_F(PlacementTest, TellsWhatTheRecordSaysOfAToken) {
  const std::string key = MakeKey();
  ASSERT_OK(memory->Update([&](Transaction& transaction) -> Result<void> {
    const std::string where = place::Version("account-1", key, VersionOf(key));
    KMS_TRY(const auto stored, transaction.Get(where));
    KMS_TRY(VersionRecord version, FromJson<VersionRecord>(stored->value));
    version.root = 7;
    version.in_token = true;
    transaction.Put(where, ToJson(version));
    return {};
  }));
  const auto found = FindKeyPlacement(*memory, key).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].root, 7U);
  EXPECT_TRUE(found[0].in_token);
  EXPECT_TRUE(found[0].primary);
}

TEST_F(PlacementTest, AnAliasIsFoundInEveryAccountAndRegion) {
  const std::string here = MakeKey({.alias = "alias/a"});
  MakeKey({.alias = "alias/b"});
  const auto there = kms->keys()
                         .Create(ContextOf("account-2", "region-2"), {.alias = "alias/a"})
                         .value();
  const auto found = FindKeyPlacement(*memory, "alias/a").value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].key == here, found[1].key == here);
  EXPECT_NE(found[0].key == there.id, found[1].key == there.id);
}

TEST_F(PlacementTest, TellsAKeyWithoutMaterialFromNone) {
  const std::string key = MakeKey({.origin = KeyOrigin::kExternal});
  EXPECT_TRUE(FindKeyPlacement(*memory, key).value().empty());
  EXPECT_THAT(FindKeyPlacement(*memory, "alias/none"), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(FindKeyPlacement(*memory, "00000000-0000-4000-8000-000000000000"),
              Fails(Reason::kKeyNotFound));
  EXPECT_THAT(FindKeyPlacement(*memory, ""), Fails(Reason::kKeyNotFound));
}

}  // namespace
}  // namespace kms
