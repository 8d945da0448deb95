// kms-load: signed requests at a KMS over HTTP, as many as it takes or at a fixed rate,
// and what they cost on both sides.

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/load/processor_time.h"
#include "bench/load/report.h"
#include "bench/load/targets.h"
#include "bench/load/worker.h"
#include "kms/clock.h"
#include "kms/signer.h"
#include "kmsctl/credentials.h"
#include "kmsctl/failure.h"

namespace kms::load {
namespace {

using server::Credentials;
using server::UsageError;

constexpr double kNanosPerSecond = 1e9;

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// False: a signal came first.
bool SleepUntil(std::int64_t nanos) {
  const sigset_t signals = StopSignals();
  for (;;) {
    const std::int64_t left = nanos - SteadyNanos();
    if (left <= 0) return true;
    const timespec sleep = {.tv_sec = left / 1'000'000'000,
                            .tv_nsec = left % 1'000'000'000};
    if (::sigtimedwait(&signals, nullptr, &sleep) > 0) return false;
  }
}

// Every connection is a descriptor.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<Credentials> FindCredentials(const Options& options) {
  Credentials found;
  if (!options.credentials.empty()) {
    KMS_TRY(found, server::ReadCredentials(options.credentials));
    if (found.access_point)
      return UsageError("--credentials: only the scheme eop is signed here");
  }
  if (!options.url.empty()) found.endpoint = options.url;
  if (!options.ca.empty()) found.ca_file = options.ca;
  return found;
}

// What one signature takes.
double MeasureSigning(const Credentials& credentials) {
  constexpr int kTimes = 2000;
  if (credentials.access_key.empty()) return 0;
  EopStamp stamp(credentials.access_key, credentials.secret_key);
  const UnixMillis now = NewSystemClock()->Now();
  const std::string hash(64, '0');
  const std::int64_t began = SteadyNanos();
  for (int i = 0; i < kTimes; ++i) stamp.Next(now, hash);
  return static_cast<double>(SteadyNanos() - began) / kTimes;
}

Result<std::vector<std::unique_ptr<Worker>>> OpenWorkers(const Options& options,
                                                         const WorkerParts& common) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t i = 0; i < options.threads; ++i) {
    WorkerParts parts = common;
    parts.connections = options.connections / options.threads +
                        (i < options.connections % options.threads ? 1 : 0);
    parts.pipeline = options.pipeline;
    parts.seed = i + 1;
    if (options.rate > 0) {
      const double between = kNanosPerSecond / options.rate;
      parts.interval_nanos = between * static_cast<double>(options.threads);
      parts.offset_nanos = between * static_cast<double>(i);
    }
    KMS_TRY(auto worker, Worker::Open(parts));
    workers.push_back(std::move(worker));
  }
  return workers;
}

// Runs the load and reads the clocks at both ends of the window.
void Run(const Options& options, std::vector<std::unique_ptr<Worker>>& workers,
         Window& window, const std::optional<ProcessorTime>& server, Measured& measured) {
  const auto nanos = [](double seconds) {
    return static_cast<std::int64_t>(seconds * kNanosPerSecond);
  };
  window.start = SteadyNanos();
  window.begin = window.start + nanos(options.warmup_seconds);
  window.end = window.begin + nanos(options.seconds);
  std::vector<std::thread> threads;
  for (const auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });

  const ProcessorTime own;
  bool whole = SleepUntil(window.begin);
  if (!whole) window.begin = SteadyNanos();
  measured.client_cpu_nanos = -own.Nanos();
  if (server) measured.server_cpu_nanos = -server->Nanos();
  whole = whole && SleepUntil(window.end);
  if (!whole) window.end = SteadyNanos();
  measured.client_cpu_nanos += own.Nanos();
  if (server) *measured.server_cpu_nanos += server->Nanos();
  for (std::thread& thread : threads) thread.join();

  measured.seconds = static_cast<double>(window.end - window.begin) / kNanosPerSecond;
  measured.outcomes.resize(measured.operations.size());
  for (const auto& worker : workers)
    for (std::size_t i = 0; i < measured.outcomes.size(); ++i)
      measured.outcomes[i].Merge(worker->outcomes()[i]);
}

Result<std::vector<Target>> MakeTargets(const Options& options, LoadKeys* keys,
                                        server::Session* session) {
  std::vector<Target> targets;
  if (!session) {
    targets.push_back(HealthTarget(1));
    return targets;
  }
  KMS_CHECK_OK(keys->ReadGiven());
  for (const Share& share : options.operations) {
    KMS_TRY(Target target, MakeTarget(share, options.size, *keys, *session));
    targets.push_back(std::move(target));
  }
  return targets;
}

Result<void> Measure(const Options& options) {
  for (const Share& share : options.operations)
    KMS_CHECK_OK(CheckOperation(share.operation));
  KMS_TRY(Credentials found, FindCredentials(options));
  KMS_TRY(const server::Endpoint endpoint, server::ParseEndpoint(found.endpoint));
  std::optional<ProcessorTime> server;
  if (options.pid != 0) {
    KMS_TRY(server, ProcessorTime::Of(options.pid));
  }

  // The set-up goes the way of kmsctl.
  const auto signer = NewEopSigner();
  const auto clock = NewSystemClock();
  std::unique_ptr<server::Client> client;
  std::optional<server::Session> session;
  std::optional<LoadKeys> keys;
  if (!found.access_key.empty()) {
    KMS_TRY(client, server::Client::New(std::move(found), {.insecure = options.insecure},
                                        *signer, *clock));
    session.emplace(*client);
    keys.emplace(options, *session);
  }
  const Credentials& credentials = client ? client->credentials() : found;
  KMS_TRY(const std::vector<Target> targets,
          MakeTargets(options, keys ? &*keys : nullptr, session ? &*session : nullptr));

  const Addressing addressing{endpoint.authority, credentials.access_key,
                              credentials.region};
  KMS_TRY(const Dialler dialler,
          Dialler::New(endpoint, credentials.ca_file, options.insecure));
  Window window;
  Complaints complaints;
  KMS_TRY(auto workers,
          OpenWorkers(options, {dialler, targets, addressing, credentials.secret_key,
                                window, complaints}));
  Measured measured;
  for (const Target& target : targets) measured.operations.push_back(target.operation);
  measured.signing_nanos = MeasureSigning(credentials);
  Run(options, workers, window, server, measured);
  const std::string report =
      options.json ? WriteJson(options, measured) : WriteText(options, measured);
  std::fputs(report.c_str(), stdout);
  std::fflush(stdout);
  return {};
}

int Main(std::span<const char* const> arguments) {
  const auto options = ParseOptions(arguments);
  if (options && options->help) {
    std::fputs(std::string(Usage()).c_str(), stdout);
    return 0;
  }
  ::signal(SIGPIPE, SIG_IGN);
  // For SleepUntil alone.
  const sigset_t signals = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  RaiseDescriptorLimit();
  const Result<void> done = options ? Measure(*options) : options.error();
  if (done) return 0;
  std::fprintf(stderr, "kms-load: %s\n", done.error().detail().c_str());
  return done.error().error_class() == ErrorClass::kInvalidArgument ? 2 : 1;
}

}  // namespace
}  // namespace kms::load

int main(int argc, char** argv) {
  try {
    return kms::load::Main({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kms-load: %s\n", error.what());
    return 1;
  }
}
