// Another process on a store, for the tests of several processes and of crashes:
//
//   store_helper acknowledge DIR        commits pairs for ever, prints each number
//   store_helper increment DIR TIMES    increments the counter "n"
//   store_helper fill DIR BYTES         writes until a file would pass BYTES, then
//                                       lifts the limit; prints what happened
//   store_helper await DIR KEY          prints "open", waits for the key, and
//                                       prints the size of its value
//   store_helper churn DIR THREADS      writes and erases for ever on so many threads;
//                                       prints "THREAD STEP" for what was acknowledged,
//                                       "refused THREAD STEP" for what was not and has
//                                       changed nothing, and "failed" before it ends,
//                                       when the store takes no more
//   store_helper verify DIR THREADS     compares all records with those that so many
//                                       threads leave, prints "THREAD STEP" for their
//                                       last steps, and writes once more

#include <signal.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "kms/key_store.h"

namespace kms {
namespace {

Result<std::uint64_t> Number(const Reader& reader, std::string_view key) {
  KMS_TRY(const auto found, reader.Get(key));
  std::uint64_t number = 0;
  if (found)
    std::from_chars(found->value.data(), found->value.data() + found->value.size(),
                    number);
  return number;
}

Result<void> Acknowledge(KeyStore& store) {
  for (;;) {
    std::uint64_t number = 0;
    KMS_TRY(const Revision revision,
            store.Update([&](Transaction& transaction) -> Result<void> {
              KMS_TRY(number, Number(transaction, "last"));
              ++number;
              transaction.Put("last", std::to_string(number));
              transaction.Put("record/" + std::to_string(number), "value");
              transaction.Append("log/", std::to_string(number));
              return {};
            }));
    std::printf("%llu %llu\n", static_cast<unsigned long long>(number),
                static_cast<unsigned long long>(revision));
    std::fflush(stdout);
  }
}

Result<void> Increment(KeyStore& store, int times) {
  for (int i = 0; i < times; ++i)
    KMS_CHECK_OK(store.Update([](Transaction& transaction) -> Result<void> {
      KMS_TRY(const auto number, Number(transaction, "n"));
      transaction.Put("n", std::to_string(number + 1));
      return {};
    }));
  return {};
}

// Returns how many records were written before the first refusal.
Result<int> WriteUntilRefused(KeyStore& store) {
  for (int i = 0; i < 1000; ++i) {
    const auto put = store.Update([&](Transaction& transaction) -> Result<void> {
      transaction.Put("fill/" + std::to_string(i), std::string(20000, 'x'));
      return {};
    });
    if (put) continue;
    if (put.error().error_class() != ErrorClass::kUnavailable) return put.error();
    return i;
  }
  return Error(Reason::kInternal, "the limit was never met");
}

Result<void> Fill(KeyStore& store, rlim_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
  KMS_TRY(const int written, WriteUntilRefused(store));
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(const auto records, snapshot->Scan("fill/", "", 10000));
  if (records.size() != static_cast<std::size_t>(written))
    return Error(Reason::kInternal, "refused or acknowledged records differ");
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_FSIZE, &limit);
  KMS_CHECK_OK(store.Update([](Transaction& transaction) -> Result<void> {
    transaction.Put("after", "v");
    return {};
  }));
  std::printf("recovered after %d\n", written);
  return {};
}

Result<void> Await(KeyStore& store, const std::string& key) {
  std::puts("open");
  std::fflush(stdout);
  Revision seen = 0;
  for (int i = 0; i < 100; ++i) {
    KMS_TRY(seen, store.WaitForChange(seen, std::chrono::seconds(10)));
    KMS_TRY(const auto snapshot, store.Read());
    KMS_TRY(const auto found, snapshot->Get(key));
    if (!found) continue;
    std::printf("%zu\n", found->value.size());
    return {};
  }
  return Error(Reason::kInternal, "the key never came");
}

// What a thread does in a step follows from the two, so that whoever knows how far it got
// knows all its records.
struct Step {
  std::string key;
  std::string value;  // empty: the record is erased
};

Step StepOf(int thread, std::uint64_t number) {
  constexpr std::uint64_t kKeys = 40;
  std::uint64_t z = number * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(thread);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  Step step{"churn/" + std::to_string(thread) + "/" + std::to_string(z % kKeys), {}};
  if ((z >> 8) % 4 == 0) return step;
  // Some go on pages of their own, some are large.
  const std::size_t size = (z >> 16) % ((z >> 12) % 16 == 0 ? 30000 : 3000);
  step.value = std::to_string(number) + std::string(size, static_cast<char>(z >> 40));
  return step;
}

std::string LastOf(int thread) { return "last/" + std::to_string(thread); }
std::string LogOf(int thread) { return "log/" + std::to_string(thread) + "/"; }

Result<void> Take(KeyStore& store, int thread, std::uint64_t number) {
  const Step step = StepOf(thread, number);
  KMS_TRY([[maybe_unused]] const Revision revision,
          store.Update([&](Transaction& transaction) -> Result<void> {
            if (step.value.empty())
              transaction.Erase(step.key);
            else
              transaction.Put(step.key, step.value);
            transaction.Put(LastOf(thread), std::to_string(number));
            transaction.Append(LogOf(thread), std::to_string(number));
            return {};
          }));
  return {};
}

Result<std::uint64_t> LastStep(KeyStore& store, int thread) {
  KMS_TRY(const auto snapshot, store.Read());
  return Number(*snapshot, LastOf(thread));
}

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::_Exit(1);
}

// The end of a store that takes no more, or of one that `fault` is found with.
[[noreturn]] void EndOf(const KeyStore& store, const std::string& fault) {
  if (store.Check()) Die(fault);
  std::puts("failed");
  std::fflush(stdout);
  std::exit(3);
}

void ChurnOn(KeyStore& store, int thread) {
  const auto last = LastStep(store, thread);
  if (!last) EndOf(store, last.error().detail());
  std::uint64_t number = *last + 1;
  for (int refusals = 0; refusals < 1000;) {
    const auto taken = Take(store, thread, number);
    if (taken) {
      std::printf("%d %llu\n", thread, static_cast<unsigned long long>(number));
      std::fflush(stdout);
      ++number;
      refusals = 0;
      continue;
    }
    if (taken.error().error_class() != ErrorClass::kUnavailable)
      Die("refused as " + taken.error().detail());
    if (!store.Check()) EndOf(store, "");
    const auto now = LastStep(store, thread);
    if (!now) EndOf(store, now.error().detail());
    if (*now != number - 1) EndOf(store, "a refused step was taken");
    ++refusals;
    std::printf("refused %d %llu\n", thread, static_cast<unsigned long long>(number));
    std::fflush(stdout);
  }
  Die("the store does not come back");
}

Result<void> Churn(KeyStore& store, int threads) {
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread)
    running.emplace_back([&store, thread] { ChurnOn(store, thread); });
  for (std::thread& thread : running) thread.join();
  return {};
}

Result<void> VerifyThread(const Snapshot& snapshot, int thread) {
  KMS_TRY(const std::uint64_t last, Number(snapshot, LastOf(thread)));
  std::map<std::string, std::string> expected;
  for (std::uint64_t number = 1; number <= last; ++number) {
    const Step step = StepOf(thread, number);
    if (step.value.empty())
      expected.erase(step.key);
    else
      expected[step.key] = step.value;
  }
  const std::string prefix = "churn/" + std::to_string(thread) + "/";
  KMS_TRY(const auto records, snapshot.Scan(prefix, "", 1'000'000));
  std::map<std::string, std::string> found;
  for (const Record& record : records) found[record.key] = record.value;
  if (found != expected) return Error(Reason::kInternal, "records differ");
  KMS_TRY(const auto log, snapshot.Scan(LogOf(thread), "", 10'000'000));
  if (log.size() != last) return Error(Reason::kInternal, "the log has gaps");
  for (std::size_t i = 0; i < log.size(); ++i)
    if (log[i].value != std::to_string(i + 1))
      return Error(Reason::kInternal, "the log is out of order");
  std::printf("%d %llu\n", thread, static_cast<unsigned long long>(last));
  return {};
}

Result<void> Verify(KeyStore& store, int threads) {
  {
    KMS_TRY(const auto snapshot, store.Read());
    for (int thread = 0; thread < threads; ++thread)
      KMS_CHECK_OK(VerifyThread(*snapshot, thread));
  }
  KMS_CHECK_OK(store.Update([](Transaction& transaction) -> Result<void> {
    KMS_TRY(const auto number, Number(transaction, "verified"));
    transaction.Put("verified", std::to_string(number + 1));
    return {};
  }));
  return {};
}

Result<void> Run(int argc, char** argv) {
  if (argc < 3) return Error(Reason::kInternal, "usage");
  const std::string what = argv[1];
  LmdbOptions options;
  options.map_size_bytes = std::size_t{1} << 20;
  KMS_TRY(const auto store, OpenLmdbKeyStore(argv[2], options));
  if (what == "acknowledge") return Acknowledge(*store);
  if (argc < 4) return Error(Reason::kInternal, "usage");
  if (what == "increment") return Increment(*store, std::stoi(argv[3]));
  if (what == "fill") return Fill(*store, std::stoul(argv[3]));
  if (what == "await") return Await(*store, argv[3]);
  if (what == "churn") return Churn(*store, std::stoi(argv[3]));
  if (what == "verify") return Verify(*store, std::stoi(argv[3]));
  return Error(Reason::kInternal, "usage");
}

}  // namespace
}  // namespace kms

int main(int argc, char** argv) {
  const auto result = kms::Run(argc, argv);
  if (result) return 0;
  std::fprintf(stderr, "%s\n", result.error().detail().c_str());
  return 1;
}
