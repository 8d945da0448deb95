// Another process on a store, for the tests of several processes and of crashes:
//
//   store_helper acknowledge DIR        commits pairs for ever, prints each number
//   store_helper increment DIR TIMES    increments the counter "n"
//   store_helper fill DIR BYTES         writes until a file would pass BYTES, then
//                                       lifts the limit; prints what happened
//   store_helper await DIR KEY          prints "open", waits for the key, and
//                                       prints the size of its value

#include <signal.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>

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
