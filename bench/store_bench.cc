// Commits and reads of the store beside LMDB itself with the smallest of either, in one
// run and on one disk.

#include <benchmark/benchmark.h>
#include <lmdb.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>

#include "kms/encoding.h"
#include "kms/key_store.h"
#include "world.h"

namespace kms::bench {
namespace {

constexpr std::size_t kRecordBytes = 300;  // as the record of a key
constexpr int kRecords = 10'000;

std::string NameOf(std::uint64_t number) {
  return "record-" + KeyNumber(number % kRecords);
}

// A store with records in it, shared by the threads of a benchmark.
struct Filled {
  Filled() {
    const auto filled = store->Update([](Transaction& transaction) -> Result<void> {
      for (int i = 0; i < kRecords; ++i)
        transaction.Put(NameOf(static_cast<std::uint64_t>(i)),
                        std::string(kRecordBytes, 'x'));
      return {};
    });
    if (!filled) std::abort();
  }
  const ScratchFolder folder;
  const std::unique_ptr<KeyStore> store = OpenLmdbKeyStore(folder.path()).value();
  std::atomic<std::uint64_t> next{0};
};

// One record of each commit. Those of many threads share flushes.
void BM_StoreCommit(benchmark::State& state) {
  static std::unique_ptr<Filled> filled;
  if (state.thread_index() == 0) filled = std::make_unique<Filled>();
  for (auto _ : state) {
    const std::string name = NameOf(++filled->next);
    const auto committed =
        filled->store->Update([&](Transaction& transaction) -> Result<void> {
          transaction.Put(name, std::string(kRecordBytes, 'y'));
          return {};
        });
    if (!committed) state.SkipWithError("not committed");
  }
  if (state.thread_index() == 0) filled.reset();
}
BENCHMARK(BM_StoreCommit)->Threads(1)->Threads(16)->Threads(64)->UseRealTime();

void BM_StoreRead(benchmark::State& state) {
  const Filled filled;
  std::uint64_t next = 0;
  for (auto _ : state) {
    const auto snapshot = filled.store->Read();
    benchmark::DoNotOptimize((*snapshot)->Get(NameOf(++next * 7919)));
  }
}
BENCHMARK(BM_StoreRead);

// LMDB with the same durability, and as many records.
struct Lmdb {
  Lmdb() {
    Must(mdb_env_create(&environment));
    Must(mdb_env_set_mapsize(environment, std::size_t{1} << 30));
    Must(mdb_env_open(environment, folder.path().c_str(), MDB_NOTLS, 0600));
    Write([&](MDB_txn* transaction) {
      Must(mdb_dbi_open(transaction, nullptr, 0, &database));
      for (int i = 0; i < kRecords; ++i)
        Put(transaction, NameOf(static_cast<std::uint64_t>(i)),
            std::string(kRecordBytes, 'x'));
    });
  }
  ~Lmdb() { mdb_env_close(environment); }

  static void Must(int result) {
    if (result != MDB_SUCCESS) std::abort();
  }
  template <typename Change>
  void Write(Change change) {
    MDB_txn* transaction = nullptr;
    Must(mdb_txn_begin(environment, nullptr, 0, &transaction));
    change(transaction);
    Must(mdb_txn_commit(transaction));
  }
  void Put(MDB_txn* transaction, std::string name, std::string value) const {
    MDB_val key{name.size(), name.data()}, data{value.size(), value.data()};
    Must(mdb_put(transaction, database, &key, &data, 0));
  }

  const ScratchFolder folder;
  MDB_env* environment = nullptr;
  MDB_dbi database = 0;
};

// The least that LMDB flushes: one byte of one record.
void BM_LmdbCommit(benchmark::State& state) {
  Lmdb lmdb;
  char byte = 0;
  for (auto _ : state)
    lmdb.Write([&](MDB_txn* transaction) {
      lmdb.Put(transaction, "one", std::string(1, ++byte));
    });
}
BENCHMARK(BM_LmdbCommit)->UseRealTime();

void BM_LmdbRead(benchmark::State& state) {
  Lmdb lmdb;
  MDB_txn* transaction = nullptr;
  Lmdb::Must(mdb_txn_begin(lmdb.environment, nullptr, MDB_RDONLY, &transaction));
  std::uint64_t next = 0;
  for (auto _ : state) {
    mdb_txn_reset(transaction);
    Lmdb::Must(mdb_txn_renew(transaction));
    std::string name = NameOf(++next * 7919);
    MDB_val key{name.size(), name.data()}, data{};
    Lmdb::Must(mdb_get(transaction, lmdb.database, &key, &data));
    benchmark::DoNotOptimize(std::string(static_cast<char*>(data.mv_data), data.mv_size));
  }
  mdb_txn_abort(transaction);
}
BENCHMARK(BM_LmdbRead);

}  // namespace
}  // namespace kms::bench
