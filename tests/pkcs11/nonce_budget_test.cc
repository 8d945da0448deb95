// NonceBudget, and the keys of a token that cannot derive, whose nonces it counts.

#include "hsm_adapters/pkcs11/nonce_budget.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "keys/records.h"
#include "kms/encoding.h"
#include "pkcs11/plain_token.h"
#include "support/faulty_key_store.h"
#include "support/matchers.h"

namespace kms::testing {
namespace {

using pkcs11::NonceBudget;

constexpr char kWhere[] = "nonces";
constexpr std::uint64_t kMost = NonceBudget::kMost;
constexpr std::uint64_t kFirstBlock = std::uint64_t{1} << 10;
constexpr std::uint64_t kLargestBlock = std::uint64_t{1} << 20;

// As docs/record_format.md has it.
std::string Count(std::uint64_t reserved) {
  return R"({"v":1,"reserved":)" + std::to_string(reserved) + "}";
}

void Put(KeyStore& store, const std::string& where, const std::string& value) {
  ASSERT_OK(store.Update([&](Transaction& transaction) -> Result<void> {
    transaction.Put(where, value);
    return {};
  }));
}

class NonceBudgetTest : public ::testing::Test {
 protected:
  std::string Stored() {
    const auto snapshot = memory_->Read().value();
    const auto found = snapshot->Get(kWhere).value();
    return found ? std::string(found->value) : "";
  }
  void LeaveOnly(std::uint64_t nonces) { Put(*memory_, kWhere, Count(kMost - nonces)); }

  // How many are given before they are used up.
  std::uint64_t TakeAll(NonceBudget& budget) {
    std::uint64_t taken = 0;
    while (budget.Take()) ++taken;
    EXPECT_THAT(budget.Take(), Fails(Reason::kQuotaUsedUp));
    EXPECT_THAT(budget.Take(), FailsAs(ErrorClass::kExhausted));
    return taken;
  }

  const std::unique_ptr<KeyStore> memory_ = NewMemoryKeyStore();
  FaultyKeyStore store_{*memory_};
};

TEST_F(NonceBudgetTest, TheLastNonceIsGivenAndNoneBehindIt) {
  for (const std::uint64_t left : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{5},
                                   kFirstBlock, kFirstBlock + 1, 5 * kFirstBlock}) {
    LeaveOnly(left);
    NonceBudget budget(store_, kWhere);
    EXPECT_EQ(TakeAll(budget), left);
    EXPECT_EQ(Stored(), Count(kMost));
    NonceBudget restarted(store_, kWhere);
    EXPECT_EQ(TakeAll(restarted), 0u) << left;
  }
}

TEST_F(NonceBudgetTest, BlocksGrowUpToTheLargest) {
  NonceBudget budget(store_, kWhere);
  std::uint64_t reserved = 0;
  for (std::uint64_t block = kFirstBlock; block <= kLargestBlock; block *= 2) {
    for (int same = block == kLargestBlock ? 2 : 1; same > 0; --same) {
      ASSERT_OK(budget.Take());
      reserved += block;
      ASSERT_EQ(Stored(), Count(reserved));
      // The others cost the store nothing.
      store_.FailCall(1);
      for (std::uint64_t i = 1; i < block; ++i)
        if (!budget.Take()) FAIL() << i << " of " << block;
      ASSERT_FALSE(store_.HasFailed());
      store_.FailCall(0);
    }
  }
}

TEST_F(NonceBudgetTest, ARestartGoesOnBehindWhatWasReserved) {
  for (std::uint64_t restarts = 1; restarts <= 3; ++restarts) {
    NonceBudget budget(store_, kWhere);
    ASSERT_OK(budget.Take());
    EXPECT_EQ(Stored(), Count(restarts * kFirstBlock));
  }
  // What a block had left is given up.
  LeaveOnly(kFirstBlock + 3);
  {
    NonceBudget budget(store_, kWhere);
    ASSERT_OK(budget.Take());
  }
  NonceBudget restarted(store_, kWhere);
  EXPECT_EQ(TakeAll(restarted), 3u);
}

TEST_F(NonceBudgetTest, AStoreThatFailsGivesNoneAndLosesNone) {
  LeaveOnly(kFirstBlock + 2 * kFirstBlock);
  NonceBudget budget(store_, kWhere);
  for (std::uint64_t block : {kFirstBlock, 2 * kFirstBlock}) {
    const std::string before = Stored();
    for (int attempt = 0; attempt < 3; ++attempt) {
      store_.FailCall(1);
      EXPECT_THAT(budget.Take(), Fails(Reason::kStoreUnavailable));
      EXPECT_EQ(Stored(), before);
    }
    for (; block > 0; --block) ASSERT_OK(budget.Take());
  }
  EXPECT_EQ(TakeAll(budget), 0u);
}

TEST_F(NonceBudgetTest, ACountThatCannotBeReadGivesNone) {
  for (const char* value : {"", "{}", "[]", R"({"v":1})", R"({"v":2,"reserved":0})",
                            R"({"v":1,"reserved":-1})", R"({"v":1,"reserved":"1"})"}) {
    Put(*memory_, kWhere, value);
    NonceBudget budget(store_, kWhere);
    EXPECT_THAT(budget.Take(), FailsAs(ErrorClass::kCorrupt)) << value;
    EXPECT_EQ(Stored(), value);
  }
  for (const std::uint64_t reserved : {kMost + 1, ~std::uint64_t{0}}) {
    Put(*memory_, kWhere, Count(reserved));
    NonceBudget budget(store_, kWhere);
    EXPECT_THAT(budget.Take(), Fails(Reason::kQuotaUsedUp)) << reserved;
  }
}

TEST_F(NonceBudgetTest, TwoOnOneCountGiveNoMoreThanThereAre) {
  constexpr std::uint64_t kLeft = 9 * kFirstBlock + 7;
  LeaveOnly(kLeft);
  NonceBudget one(store_, kWhere), other(store_, kWhere);
  std::atomic<std::uint64_t> taken = 0;
  std::vector<std::thread> threads;
  for (NonceBudget* budget : {&one, &other, &one, &other})
    threads.emplace_back([&, budget] {
      while (budget->Take()) ++taken;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, kLeft);
  EXPECT_EQ(Stored(), Count(kMost));
}

constexpr Place kPlace{"account", "key", "1", "material", "one"};
constexpr Place kNext{"account", "key", "2", "material", "two"};

class NoDeriveTest : public ::testing::TestWithParam<Rules> {
 protected:
  NoDeriveTest() { token_.Open().value(); }

  std::shared_ptr<SymmetricKey> Load(const Place& place, const WrappedKey& made) {
    return token_.backend().LoadSymmetric(KeySpec::kAes256, place, made.sealed).value();
  }
  std::optional<std::string> CountOf(const std::string& where) {
    const auto snapshot = token_.store().Read().value();
    const auto found = snapshot->Get(where).value();
    return found ? std::optional(std::string(found->value)) : std::nullopt;
  }

  PlainToken token_{GetParam()};
  const Bytes text_ = {1, 2, 3};
};

INSTANTIATE_TEST_SUITE_P(PlainToken, NoDeriveTest, ::testing::Values(kNoDerive, kNeither),
                         [](const auto& tested) {
                           return tested.param == kNoDerive ? "Wraps" : "DoesNotWrap";
                         });

TEST_P(NoDeriveTest, EveryLoadedKeyCountsItsNonces) {
  const WrappedKey made = token_.backend().Generate(KeySpec::kAes256, kPlace).value();
  const std::string where = place::TokenNonces(kPlace);
  EXPECT_FALSE(CountOf(where));
  const auto key = Load(kPlace, made);
  const Bytes sealed = key->Seal({}, {}, text_).value();
  EXPECT_EQ(sealed[1], 4);  // the suite
  EXPECT_EQ(CountOf(where), Count(kFirstBlock));
  ASSERT_OK(key->Seal({}, {}, text_));
  EXPECT_EQ(CountOf(where), Count(kFirstBlock));
  ASSERT_OK(Load(kPlace, made)->Seal({}, {}, text_));
  EXPECT_EQ(CountOf(where), Count(2 * kFirstBlock));
  // Nonces are those that it makes, not those that it reads.
  ASSERT_OK(Load(kPlace, made)->Open({}, {}, sealed));
  EXPECT_EQ(CountOf(where), Count(2 * kFirstBlock));
}

TEST_P(NoDeriveTest, AVersionThatIsUsedUpOnlyOpens) {
  const WrappedKey old_key = token_.backend().Generate(KeySpec::kAes256, kPlace).value();
  const WrappedKey new_key = token_.backend().Generate(KeySpec::kAes256, kNext).value();
  Put(token_.store(), place::TokenNonces(kPlace), Count(kMost - 1));
  auto key = Load(kPlace, old_key);
  const Bytes sealed = key->Seal({}, {}, text_).value();
  EXPECT_THAT(key->Seal({}, {}, text_), Fails(Reason::kQuotaUsedUp));
  EXPECT_OK(key->Open({}, {}, sealed));
  key.reset();
  ASSERT_OK(token_.Reopen());
  const auto again = Load(kPlace, old_key);
  EXPECT_THAT(again->Seal({}, {}, text_), Fails(Reason::kQuotaUsedUp));
  EXPECT_OK(again->Open({}, {}, sealed));
  EXPECT_OK(Load(kNext, new_key)->Seal({}, {}, text_));
}

TEST_P(NoDeriveTest, AnotherRootIsTheWayOutWhenOneIsUsedUp) {
  const WrappedKey made = token_.backend().Generate(KeySpec::kAes256, kPlace).value();
  Put(token_.store(), JoinKey({"hsm-root-nonces", KeyNumber(1)}), Count(kMost - 1));
  ASSERT_OK(token_.Reopen());  // which tries the root
  EXPECT_THAT(token_.backend().Generate(KeySpec::kAes256, kNext),
              Fails(Reason::kQuotaUsedUp));
  EXPECT_OK(Load(kPlace, made)->Seal({}, {}, text_));
  ASSERT_OK(token_.hsm().AddRoot());
  EXPECT_OK(token_.backend().Generate(KeySpec::kAes256, kNext));
}

}  // namespace
}  // namespace kms::testing
