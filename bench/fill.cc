// Fills the store of a kmsd that does not run with keys and versions, through the
// library: keys are made at a time in the past, and rotate as its clock comes nearer.
// For measuring start-up, memory and latency with a store that is not small.

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kms/clock.h"
#include "kms/kms.h"
#include "kmsctl/credentials.h"
#include "kmsctl/offline_store.h"
#include "kmsd/files.h"
#include "kmsd/layout.h"

namespace kms::bench {
namespace {

constexpr int kRotationDays = 7;
constexpr std::int64_t kDayMillis = 24LL * 60 * 60 * 1000;

struct Options {
  std::string data;
  int keys = 1000;
  int versions = 10;  // of each
  int threads = 32;   // commits of many threads share one flush
};

// Nobody is to read of them later.
class NoAudit final : public AuditSink {
 public:
  Result<void> Write(std::span<const AuditEvent>) override { return {}; }
};

Result<void> Forget(Kms& kms) {
  NoAudit nobody;
  for (;;) {
    KMS_TRY(const std::size_t drained, kms.DrainAudit(nobody));
    if (drained == 0) return {};
  }
}

Result<void> MakeKeys(Kms& kms, const RequestContext& me, const Options& options) {
  std::atomic<int> left{options.keys};
  std::mutex mutex;
  std::optional<Error> failed;
  std::vector<std::thread> threads;
  for (int i = 0; i < options.threads; ++i)
    threads.emplace_back([&] {
      NewKey wanted;
      if (options.versions > 1) wanted.rotation_days = kRotationDays;
      while (left.fetch_sub(1) > 0) {
        if (const auto made = kms.keys().Create(me, wanted); !made) {
          const std::lock_guard lock(mutex);
          failed = made.error();
          return;
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  if (failed) return *failed;
  return Forget(kms);
}

// A round does a bounded part of what is due.
Result<std::size_t> Rotate(Kms& kms) {
  std::size_t rotated = 0;
  for (;;) {
    KMS_TRY(const DueWork done, kms.RunDueWork());
    rotated += done.rotated;
    if (done.rotated == 0) break;
    KMS_CHECK_OK(Forget(kms));
  }
  return rotated;
}

Result<void> Fill(const Options& options) {
  const server::DataLayout layout(options.data);
  KMS_TRY(const auto lock, server::LockFile(layout.lock(), "kmsd is running"));
  KMS_TRY(const auto opened, server::OpenOfflineStore(options.data, {}));
  KMS_TRY(const auto credentials, server::ReadCredentials(layout.credentials()));
  const auto backend = NewSoftwareBackend(*opened.root);
  const auto policy = NewRootPolicy();
  FixedClock clock(NewSystemClock()->Now() -
                   (options.versions - 1) * kRotationDays * kDayMillis);
  KMS_TRY(const auto kms, Kms::Open({.store = *opened.store,
                                     .root = *opened.root,
                                     .software = *backend,
                                     .policy = *policy,
                                     .clock = clock}));
  RequestContext me;
  me.principal = {credentials.account, credentials.user, credentials.access_key, true};
  me.region = credentials.region;
  const auto began = std::chrono::steady_clock::now();
  KMS_CHECK_OK(MakeKeys(*kms, me, options));
  auto made = static_cast<std::size_t>(options.keys);
  for (int version = 1; version < options.versions; ++version) {
    clock.Advance(kRotationDays * kDayMillis);
    KMS_TRY(const std::size_t rotated, Rotate(*kms));
    made += rotated;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%d keys, %zu versions in %.1f s\n", options.keys, made, took.count());
  return {};
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Fills the store of a kmsd that does not run");
  app.add_option("DATA", options.data,
                 "Data directory of kmsd, as its first start left it")
      ->required();
  app.add_option("--keys", options.keys, "How many keys")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--versions", options.versions, "Versions of each")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--threads", options.threads, "Threads")->check(CLI::Range(1, 1024));
  CLI11_PARSE(app, argc, argv);
  const Result<void> filled = Fill(options);
  if (filled) return EXIT_SUCCESS;
  std::fprintf(stderr, "fill: %s\n", filled.error().detail().c_str());
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace kms::bench

int main(int argc, char** argv) { return kms::bench::Main(argc, argv); }
