// What only the LMDB store does: files, other processes, crashes, limits.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kms/key_store.h"
#include "store/scratch_directory.h"
#include "support/matchers.h"

namespace kms {
namespace {

using testing::FailsAs;
using testing::ScratchDirectory;

// The helper process, with its output to read from.
class Helper {
 public:
  explicit Helper(std::vector<std::string> arguments) {
    const char* program = std::getenv("KMS_STORE_HELPER");
    if (program == nullptr) return;
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~Helper() {
    if (pid_ > 0) {
      Kill();
      waitpid(pid_, nullptr, 0);
    }
    if (output_ != nullptr) std::fclose(output_);
  }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  bool started() const { return output_ != nullptr; }
  void Kill() { kill(pid_, SIGKILL); }

  // A whole line without its end, or "" at the end of the output.
  std::string Line() {
    char line[256];
    if (std::fgets(line, sizeof(line), output_) == nullptr) return "";
    std::string text = line;
    if (text.empty() || text.back() != '\n') return "";
    text.pop_back();
    return text;
  }
  int Join() {
    int status = -1;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  FILE* output_ = nullptr;
};

class LmdbKeyStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<KeyStore>> Open(std::size_t size = std::size_t{1} << 20,
                                         std::size_t max = std::size_t{1} << 30) {
    LmdbOptions options;
    options.map_size_bytes = size;
    options.max_map_size_bytes = max;
    return OpenLmdbKeyStore(directory_.path(), options);
  }

  static Result<Revision> Put(KeyStore& store, const std::string& key,
                              const std::string& value) {
    return store.Update([&](Transaction& transaction) -> Result<void> {
      transaction.Put(key, value);
      return {};
    });
  }
  static std::string Get(KeyStore& store, const std::string& key) {
    const auto snapshot = store.Read().value();
    const auto found = snapshot->Get(key).value();
    return found ? std::string(found->value) : "-";
  }

  const ScratchDirectory directory_;
};

TEST_F(LmdbKeyStoreTest, ReopeningKeepsEverything) {
  ASSERT_OK(Put(*Open().value(), "a", "1"));
  const auto store = Open().value();
  EXPECT_EQ(Get(*store, "a"), "1");
  EXPECT_EQ(store->Read().value()->revision(), 1U);
  EXPECT_EQ(Put(*store, "a", "2").value(), 2U);
}

TEST_F(LmdbKeyStoreTest, FilesAreForTheOwnerOnly) {
  const auto store = Open().value();
  for (const char* name : {"/data.mdb", "/lock.mdb", "/open.lock"}) {
    struct stat found{};
    ASSERT_EQ(stat((directory_.path() + name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(LmdbKeyStoreTest, SecondOpenInTheSameProcessIsRefused) {
  {
    const auto store = Open().value();
    EXPECT_THAT(Open(), FailsAs(ErrorClass::kAlreadyExists));
    EXPECT_OK(Put(*store, "a", "1"));
  }
  EXPECT_OK(Open());
}

TEST_F(LmdbKeyStoreTest, MissingDirectoryIsUnavailable) {
  EXPECT_THAT(OpenLmdbKeyStore(directory_.path() + "/none"),
              FailsAs(ErrorClass::kUnavailable));
}

TEST_F(LmdbKeyStoreTest, FileOfSomethingElseIsCorrupt) {
  FILE* file = std::fopen((directory_.path() + "/data.mdb").c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(std::string(20000, 'x').c_str(), file);
  std::fclose(file);
  EXPECT_THAT(Open(), FailsAs(ErrorClass::kCorrupt));
}

TEST_F(LmdbKeyStoreTest, InterruptedMakingIsBegunAnew) {
  const std::string left = directory_.path() + "/new.mdb";
  FILE* file = std::fopen(left.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(std::string(6000, 'x').c_str(), file);
  std::fclose(file);
  ASSERT_OK(Put(*Open().value(), "a", "1"));
  EXPECT_NE(access(left.c_str(), F_OK), 0);
  EXPECT_EQ(Get(*Open().value(), "a"), "1");
}

// Overwrites bytes under a key of one of the databases, as other software could.
void Overwrite(const std::string& directory, const char* database, std::string key,
               std::string value) {
  MDB_env* environment = nullptr;
  ASSERT_EQ(mdb_env_create(&environment), 0);
  mdb_env_set_maxdbs(environment, 2);
  ASSERT_EQ(mdb_env_open(environment, directory.c_str(), 0, 0600), 0);
  MDB_txn* transaction = nullptr;
  ASSERT_EQ(mdb_txn_begin(environment, nullptr, 0, &transaction), 0);
  MDB_dbi opened = 0;
  ASSERT_EQ(mdb_dbi_open(transaction, database, 0, &opened), 0);
  MDB_val name{key.size(), key.data()};
  MDB_val bytes{value.size(), value.data()};
  ASSERT_EQ(mdb_put(transaction, opened, &name, &bytes, 0), 0);
  ASSERT_EQ(mdb_txn_commit(transaction), 0);
  mdb_env_close(environment);
}

TEST_F(LmdbKeyStoreTest, NewerLayoutIsRefused) {
  ASSERT_OK(Open());
  Overwrite(directory_.path(), "meta", "layout", std::string("\0\0\0\2", 4));
  EXPECT_THAT(Open(), FailsAs(ErrorClass::kUnsupported));
}

TEST_F(LmdbKeyStoreTest, RecordWithoutRevisionIsCorrupt) {
  ASSERT_OK(Put(*Open().value(), "a", "1"));
  Overwrite(directory_.path(), "records", "a", "short");
  const auto store = Open().value();
  const auto snapshot = store->Read().value();
  EXPECT_THAT(snapshot->Get("a"), FailsAs(ErrorClass::kCorrupt));
  EXPECT_THAT(snapshot->Scan("", "", 1), FailsAs(ErrorClass::kCorrupt));
}

TEST_F(LmdbKeyStoreTest, MapGrowsUnderConcurrentReaders) {
  const auto store = Open(std::size_t{1} << 18).value();
  const std::string value(50000, 'v');
  ASSERT_OK(Put(*store, "k0", value));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!stop)
        if (Get(*store, "k0") != value) ++wrong;
    });
  for (int i = 1; i < 100; ++i) EXPECT_OK(Put(*store, "k" + std::to_string(i), value));
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(store->Read().value()->Scan("k", "", 1000).value().size(), 100U);
}

// While the store waits for a reader to end, others cannot begin. So it waits now and
// then, not for each change anew.
TEST_F(LmdbKeyStoreTest, AReaderThatStaysIsWaitedForOnceInAWhile) {
  const auto store = Open(std::size_t{1} << 18).value();
  const std::string value(20000, 'v');
  ASSERT_OK(Put(*store, "k0", value));
  auto reader = store->Read().value();
  Result<Revision> put = Revision{0};
  for (int i = 1; put && i < 100; ++i) put = Put(*store, "k" + std::to_string(i), value);
  ASSERT_THAT(put, FailsAs(ErrorClass::kUnavailable));
  // Each would wait five seconds.
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Put(*store, "late", value), FailsAs(ErrorClass::kUnavailable));
    EXPECT_EQ(Get(*store, "k0"), value);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(40));
  reader.reset();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    put = Put(*store, "late", value);
  } while (!put && std::chrono::steady_clock::now() < until);
  EXPECT_OK(put);
}

TEST_F(LmdbKeyStoreTest, OtherProcessSeesTheGrownMap) {
  const auto store = Open().value();
  Helper other({"await", directory_.path(), "last"});
  ASSERT_TRUE(other.started());
  ASSERT_EQ(other.Line(), "open");
  for (int i = 0; i < 8; ++i)
    ASSERT_OK(Put(*store, "k" + std::to_string(i), std::string(1000000, 'v')));
  ASSERT_OK(Put(*store, "last", std::string(1000000, 'v')));
  EXPECT_EQ(other.Line(), "1000000");
  EXPECT_EQ(other.Join(), 0);
}

TEST_F(LmdbKeyStoreTest, FullStoreRefusesWritesUntilSomethingIsErased) {
  const auto store = Open(std::size_t{1} << 18, std::size_t{1} << 20).value();
  int written = 0;
  Result<Revision> put = Revision{0};
  while (put && written < 1000) {
    put = Put(*store, "k" + std::to_string(written), std::string(20000, 'v'));
    if (put) ++written;
  }
  EXPECT_THAT(put, FailsAs(ErrorClass::kUnavailable));
  ASSERT_GT(written, 10);
  EXPECT_EQ(store->Read().value()->Scan("k", "", 1000).value().size(),
            static_cast<std::size_t>(written));
  for (int i = 0; i < 10; ++i)
    EXPECT_OK(store->Update([&](Transaction& transaction) -> Result<void> {
      transaction.Erase("k" + std::to_string(i));
      return {};
    }));
  EXPECT_OK(Put(*store, "again", std::string(20000, 'v')));
}

TEST_F(LmdbKeyStoreTest, FullDiskRefusesWritesCleanlyThenRecovers) {
  Helper filler({"fill", directory_.path(), "1000000"});
  ASSERT_TRUE(filler.started());
  const std::string line = filler.Line();
  EXPECT_TRUE(line.starts_with("recovered after")) << line;
  EXPECT_EQ(filler.Join(), 0);
  EXPECT_EQ(Get(*Open().value(), "after"), "v");
}

TEST_F(LmdbKeyStoreTest, TwoProcessesIncrementOneCounter) {
  const auto store = Open().value();
  Helper other({"increment", directory_.path(), "150"});
  ASSERT_TRUE(other.started());
  for (int i = 0; i < 150; ++i)
    ASSERT_OK(store->Update([](Transaction& transaction) -> Result<void> {
      KMS_TRY(const auto found, transaction.Get("n"));
      const int count = found ? std::stoi(std::string(found->value)) : 0;
      transaction.Put("n", std::to_string(count + 1));
      return {};
    }));
  EXPECT_EQ(other.Join(), 0);
  EXPECT_EQ(Get(*store, "n"), "300");
  EXPECT_EQ(store->Read().value()->revision(), 300U);
}

TEST_F(LmdbKeyStoreTest, KilledProcessLosesNothingThatItAcknowledged) {
  std::minstd_rand random(7);
  for (int round = 0; round < 30; ++round) {
    std::uint64_t acknowledged = 0;
    {
      Helper writer({"acknowledge", directory_.path()});
      ASSERT_TRUE(writer.started());
      std::thread killer;
      const auto lines = 1 + random() % 12;
      for (std::size_t i = 0; i < lines; ++i) acknowledged = std::stoull(writer.Line());
      killer = std::thread([&, wait = std::chrono::microseconds(random() % 3000)] {
        std::this_thread::sleep_for(wait);
        writer.Kill();
      });
      for (std::string line = writer.Line(); !line.empty(); line = writer.Line())
        acknowledged = std::stoull(line);
      killer.join();
    }
    const auto store = Open().value();
    const auto last = std::stoull(Get(*store, "last"));
    EXPECT_GE(last, acknowledged);
    EXPECT_LE(last, acknowledged + 1);
    const auto snapshot = store->Read().value();
    EXPECT_EQ(snapshot->revision(), last);
    EXPECT_EQ(snapshot->Scan("record/", "", 100000).value().size(), last);
    const auto log = snapshot->Scan("log/", "", 100000).value();
    ASSERT_EQ(log.size(), last);
    EXPECT_EQ(log.back().value, std::to_string(last));
  }
}

}  // namespace
}  // namespace kms
