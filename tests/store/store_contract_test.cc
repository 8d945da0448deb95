// What every KeyStore does, run over each of them.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kms/key_store.h"
#include "store/scratch_directory.h"
#include "support/matchers.h"

namespace kms {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::Fails;
using testing::FailsAs;
using testing::ScratchDirectory;

enum class Kind { kMemory, kLmdb };

class KeyStoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kMemory) {
      store_ = NewMemoryKeyStore();
      return;
    }
    auto opened = OpenLmdbKeyStore(directory_.path());
    ASSERT_OK(opened);
    store_ = std::move(opened).value();
  }

  Result<Revision> Put(const std::string& key, const std::string& value) {
    return store_->Update([&](Transaction& transaction) -> Result<void> {
      transaction.Put(key, value);
      return {};
    });
  }

  // "-" where there is no record.
  std::string Get(const std::string& key) {
    return GetFrom(*store_->Read().value(), key);
  }
  static std::string GetFrom(const Reader& reader, const std::string& key) {
    const auto found = reader.Get(key).value();
    return found ? std::string(found->value) : "-";
  }
  static std::vector<std::string> Keys(const Reader& reader, std::string_view prefix,
                                       std::string_view from = {},
                                       std::size_t limit = 1000) {
    std::vector<std::string> keys;
    const std::vector<Record> records = reader.Scan(prefix, from, limit).value();
    for (const Record& record : records) keys.push_back(record.key);
    return keys;
  }

  // An update during which, the first time, `meanwhile` happens after `change`.
  Result<Revision> UpdateWhile(const std::function<void(Transaction&)>& change,
                               const std::function<void()>& meanwhile) {
    runs_ = 0;
    return store_->Update([&](Transaction& transaction) -> Result<void> {
      change(transaction);
      if (runs_++ == 0) std::thread(meanwhile).join();
      return {};
    });
  }

  void Increment(const std::string& key) {
    ASSERT_OK(store_->Update([&](Transaction& transaction) -> Result<void> {
      KMS_TRY(const auto found, transaction.Get(key));
      const int count = found ? std::stoi(std::string(found->value)) : 0;
      transaction.Put(key, std::to_string(count + 1));
      return {};
    }));
  }

  const ScratchDirectory directory_;
  std::unique_ptr<KeyStore> store_;
  int runs_ = 0;
};

TEST_P(KeyStoreContract, StartsEmptyAtRevisionZero) {
  const auto snapshot = store_->Read().value();
  EXPECT_EQ(snapshot->revision(), 0U);
  EXPECT_TRUE(Keys(*snapshot, "").empty());
}

TEST_P(KeyStoreContract, SnapshotDoesNotSeeLaterCommits) {
  ASSERT_OK(Put("a", "old"));
  const auto snapshot = store_->Read().value();
  std::thread([&] {
    ASSERT_OK(Put("a", "new"));
    ASSERT_OK(Put("b", "new"));
  }).join();
  EXPECT_EQ(GetFrom(*snapshot, "a"), "old");
  EXPECT_THAT(Keys(*snapshot, ""), ElementsAre("a"));
  EXPECT_EQ(Get("a"), "new");
}

TEST_P(KeyStoreContract, TransactionSeesItsOwnWrites) {
  ASSERT_OK(Put("a", "1"));
  ASSERT_OK(Put("b", "2"));
  ASSERT_OK(store_->Update([](Transaction& transaction) -> Result<void> {
    transaction.Erase("a");
    transaction.Put("b", "new");
    transaction.Put("c", "3");
    EXPECT_EQ(GetFrom(transaction, "a"), "-");
    EXPECT_EQ(GetFrom(transaction, "b"), "new");
    EXPECT_EQ(transaction.Get("b").value()->revision, 0U);
    EXPECT_THAT(Keys(transaction, ""), ElementsAre("b", "c"));
    EXPECT_THAT(Keys(transaction, "", "", 1), ElementsAre("b"));
    transaction.Append("log", "x");
    EXPECT_EQ(Keys(transaction, "log").size(), 1U);
    return {};
  }));
  EXPECT_EQ(Get("a"), "-");
  EXPECT_EQ(Get("b"), "new");
}

TEST_P(KeyStoreContract, ChangeRunsAgainWhenWhatItReadHasChanged) {
  ASSERT_OK(Put("n", "1"));
  std::string seen;
  ASSERT_OK(UpdateWhile(
      [&](Transaction& transaction) {
        seen = GetFrom(transaction, "n");
        transaction.Put("copy", seen);
      },
      [&] { ASSERT_OK(Put("n", "2")); }));
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(Get("copy"), "2");
}

TEST_P(KeyStoreContract, ChangeRunsAgainWhenWhatWasAbsentAppears) {
  ASSERT_OK(UpdateWhile(
      [&](Transaction& transaction) {
        transaction.Put("copy", GetFrom(transaction, "n"));
      },
      [&] { ASSERT_OK(Put("n", "2")); }));
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(Get("copy"), "2");
}

TEST_P(KeyStoreContract, ChangeRunsOnceWhenSomethingElseHasChanged) {
  ASSERT_OK(Put("n", "1"));
  ASSERT_OK(UpdateWhile(
      [&](Transaction& transaction) {
        transaction.Put("copy", GetFrom(transaction, "n"));
      },
      [&] { ASSERT_OK(Put("other", "2")); }));
  EXPECT_EQ(runs_, 1);
}

struct ScanCase {
  std::string touched;
  std::size_t limit;
  int runs;
};

TEST_P(KeyStoreContract, ChangeRunsAgainExactlyWhenAScannedRangeHasChanged) {
  for (const ScanCase& test :
       {ScanCase{"k/1", 9, 2}, ScanCase{"k/2", 9, 2}, ScanCase{"k/9", 9, 2},
        ScanCase{"k/0", 2, 1}, ScanCase{"k/25", 2, 2}, ScanCase{"k/4", 2, 1},
        ScanCase{"l", 9, 1}, ScanCase{"k", 9, 1}}) {
    SCOPED_TRACE(test.touched + " " + std::to_string(test.limit));
    ASSERT_OK(store_->Update([](Transaction& transaction) -> Result<void> {
      const std::vector<Record> records = transaction.Scan("", "", 100).value();
      for (const Record& record : records) transaction.Erase(record.key);
      for (const char* key : {"k/1", "k/2", "k/3"}) transaction.Put(key, "v");
      return {};
    }));
    std::size_t count = 0;
    ASSERT_OK(UpdateWhile(
        [&](Transaction& transaction) {
          count =
              Keys(transaction, "k/", test.limit == 9 ? "" : "k/2", test.limit).size();
          transaction.Put("count", std::to_string(count));
        },
        [&] { ASSERT_OK(Put(test.touched, "w")); }));
    EXPECT_EQ(runs_, test.runs);
  }
}

TEST_P(KeyStoreContract, OwnWritesThatFillALimitDoNotHideAPhantom) {
  ASSERT_OK(Put("k/1", "v"));
  ASSERT_OK(UpdateWhile(
      [&](Transaction& transaction) {
        transaction.Put("k/5", "own");
        transaction.Put("sum", std::to_string(Keys(transaction, "k/", "", 2).size()) +
                                   Keys(transaction, "k/", "", 2).back());
      },
      [&] { ASSERT_OK(Put("k/3", "v")); }));
  EXPECT_EQ(Get("sum"), "2k/3");
}

TEST_P(KeyStoreContract, ScanGoesInOrderFromAPositionUpToALimit) {
  for (const char* key : {"k/b", "k/a", "j", "k/d", "k/c", "l"}) ASSERT_OK(Put(key, key));
  const auto snapshot = store_->Read().value();
  EXPECT_THAT(Keys(*snapshot, "k/"), ElementsAre("k/a", "k/b", "k/c", "k/d"));
  EXPECT_THAT(Keys(*snapshot, "k/", "k/b", 2), ElementsAre("k/b", "k/c"));
  EXPECT_THAT(Keys(*snapshot, "k/", "k/bb", 1), ElementsAre("k/c"));
  EXPECT_THAT(Keys(*snapshot, "k/", "a", 1), ElementsAre("k/a"));
  EXPECT_TRUE(Keys(*snapshot, "k/", "k/e").empty());
  EXPECT_TRUE(Keys(*snapshot, "k/", "", 0).empty());
  EXPECT_THAT(Keys(*snapshot, "", "", 2), ElementsAre("j", "k/a"));
  EXPECT_TRUE(Keys(*snapshot, "k/" + std::string(600, 'x')).empty());
  EXPECT_THAT(Keys(*snapshot, "k/", "k/b" + std::string(600, 'x'), 1),
              ElementsAre("k/c"));
}

TEST_P(KeyStoreContract, KeysAreBinaryAndOrderedBytewise) {
  const std::vector<std::string> keys = {std::string("\0", 1),
                                         std::string("\0\0", 2),
                                         std::string("\0\xff", 2),
                                         "a",
                                         "\x80",
                                         "\xff",
                                         "\xff\xff"};
  for (const auto& key : keys) ASSERT_OK(Put(key, key));
  EXPECT_EQ(Keys(*store_->Read().value(), ""), keys);
  EXPECT_THAT(Keys(*store_->Read().value(), "\xff"), ElementsAre("\xff", "\xff\xff"));
  EXPECT_EQ(Get(keys[2]), keys[2]);
}

TEST_P(KeyStoreContract, AppendedRecordsAreInTheOrderOfCommits) {
  const auto append = [&](std::initializer_list<const char*> values) {
    return store_->Update([values](Transaction& transaction) -> Result<void> {
      for (const char* value : values) transaction.Append("log/", value);
      return {};
    });
  };
  ASSERT_OK(append({"1", "2"}));
  ASSERT_OK(append({"3"}));
  runs_ = 0;
  ASSERT_OK(UpdateWhile([](Transaction& transaction) { transaction.Append("log/", "5"); },
                        [&] { ASSERT_OK(append({"4"})); }));
  EXPECT_EQ(runs_, 1) << "writers of a log conflicted";
  std::string all;
  const std::vector<Record> records =
      store_->Read().value()->Scan("log/", "", 99).value();
  for (const Record& record : records) {
    EXPECT_EQ(record.key.size(), 14U);
    all += record.value;
  }
  EXPECT_EQ(all, "12345");
}

TEST_P(KeyStoreContract, FailingChangeChangesNothing) {
  ASSERT_OK(Put("a", "1"));
  EXPECT_THAT(store_->Update([](Transaction& transaction) -> Result<void> {
    transaction.Put("a", "2");
    transaction.Put("b", "2");
    return Reason::kAliasExists;
  }),
              Fails(Reason::kAliasExists));
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(Get("b"), "-");
  EXPECT_EQ(store_->Read().value()->revision(), 1U);
}

TEST_P(KeyStoreContract, ChangeThatFailsWhenItRunsAgainChangesNothing) {
  int runs = 0;
  EXPECT_THAT(store_->Update([&](Transaction& transaction) -> Result<void> {
    const std::string seen = GetFrom(transaction, "a");
    transaction.Put("b", "x");
    if (runs++ == 0) std::thread([&] { ASSERT_OK(Put("a", "1")); }).join();
    if (seen != "-") return Reason::kAliasExists;
    return {};
  }),
              Fails(Reason::kAliasExists));
  EXPECT_EQ(Get("b"), "-");
}

TEST_P(KeyStoreContract, ChangeThatWritesNothingCommitsNothing) {
  ASSERT_OK(Put("a", "1"));
  const auto revision = store_->Update([](Transaction& transaction) -> Result<void> {
    return transaction.Get("a") ? Result<void>() : Result<void>(Reason::kInternal);
  });
  ASSERT_OK(revision);
  EXPECT_EQ(*revision, 1U);
  EXPECT_EQ(store_->Read().value()->revision(), 1U);
}

TEST_P(KeyStoreContract, RevisionsGrowByOneAndRecordsCarryThem) {
  for (Revision i = 1; i <= 3; ++i)
    EXPECT_EQ(Put("k" + std::to_string(i), "v").value(), i);
  EXPECT_EQ(Put("k1", "w").value(), 4U);
  const auto snapshot = store_->Read().value();
  EXPECT_EQ(snapshot->revision(), 4U);
  EXPECT_EQ(snapshot->Get("k1").value()->revision, 4U);
  EXPECT_EQ(snapshot->Get("k2").value()->revision, 2U);
  EXPECT_EQ(snapshot->Scan("k3", "", 1).value().at(0).revision, 3U);
}

TEST_P(KeyStoreContract, WaitForChangeReturnsAtOnceWhenTheStoreIsNewer) {
  ASSERT_OK(Put("a", "1"));
  EXPECT_EQ(store_->WaitForChange(0, 10min).value(), 1U);
}

TEST_P(KeyStoreContract, WaitForChangeIsWokenByACommit) {
  std::thread writer([&] { ASSERT_OK(Put("a", "1")); });
  EXPECT_EQ(store_->WaitForChange(0, 10min).value(), 1U);
  writer.join();
}

TEST_P(KeyStoreContract, WaitForChangeEndsWithItsPatience) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(store_->WaitForChange(0, 40ms).value(), 0U);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 40ms);
}

TEST_P(KeyStoreContract, RecordsAreLimited) {
  const std::string largest(std::size_t{1} << 20, 'v');
  EXPECT_THAT(Put("", "v"), FailsAs(ErrorClass::kInvalidArgument));
  EXPECT_THAT(Put(std::string(481, 'k'), "v"), FailsAs(ErrorClass::kInvalidArgument));
  EXPECT_THAT(Put("k", largest + "v"), FailsAs(ErrorClass::kInvalidArgument));
  EXPECT_THAT(store_->Update([](Transaction& transaction) -> Result<void> {
    transaction.Append(std::string(471, 'p'), "v");
    return {};
  }),
              FailsAs(ErrorClass::kInvalidArgument));
  EXPECT_EQ(store_->Read().value()->revision(), 0U);
  EXPECT_OK(Put(std::string(480, 'k'), largest));
  EXPECT_EQ(Get(std::string(480, 'k')), largest);
  EXPECT_OK(Put("empty", ""));
  EXPECT_EQ(Get("empty"), "");
  EXPECT_EQ(Get(""), "-");
  EXPECT_EQ(Get(std::string(600, 'k')), "-");
}

TEST_P(KeyStoreContract, ThreadsThatIncrementOneCounterLoseNothing) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 25; ++j) Increment("n");
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Get("n"), "200");
  EXPECT_EQ(store_->Read().value()->revision(), 200U);
}

TEST_P(KeyStoreContract, WritersOfDifferentKeysAllCommitWhileASnapshotStays) {
  ASSERT_OK(Put("old", "1"));
  const auto snapshot = store_->Read().value();
  std::atomic<int> torn{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        ASSERT_OK(store_->Update([&](Transaction& transaction) -> Result<void> {
          transaction.Put("a" + std::to_string(i), std::to_string(j));
          transaction.Put("b" + std::to_string(i), std::to_string(j));
          return {};
        }));
        const auto now = store_->Read().value();
        for (int k = 0; k < 6; ++k)
          if (GetFrom(*now, "a" + std::to_string(k)) !=
              GetFrom(*now, "b" + std::to_string(k)))
            ++torn;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_THAT(Keys(*snapshot, ""), ElementsAre("old"));
  EXPECT_EQ(store_->Read().value()->revision(), 121U);
  EXPECT_EQ(Keys(*store_->Read().value(), "").size(), 13U);
}

INSTANTIATE_TEST_SUITE_P(Stores, KeyStoreContract,
                         ::testing::Values(Kind::kMemory, Kind::kLmdb),
                         [](const auto& kind) {
                           return kind.param == Kind::kMemory ? "Memory" : "Lmdb";
                         });

}  // namespace
}  // namespace kms
