// kmsd: wires the parts together, serves until it is told to stop.

#include <signal.h>
#include <spdlog/spdlog.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "api/dispatcher.h"
#include "auth/authenticator.h"
#include "http/self_signed.h"
#include "http/server.h"
#include "kms/identity.h"
#include "kmsd/admin_socket.h"
#include "kmsd/config.h"
#include "kmsd/credentials.h"
#include "kmsd/data_directory.h"
#include "kmsd/hardening.h"
#include "kmsd/housekeeper.h"
#include "kmsd/hsm.h"
#include "kmsd/log.h"

namespace kms::server {
namespace {

std::string AddressText(const ListenerConfig& listener, std::uint16_t port) {
  const bool v6 = listener.host.find(':') != std::string::npos;
  return std::string(listener.tls ? "https://" : "http://") + (v6 ? "[" : "") +
         listener.host + (v6 ? "]" : "") + ":" + std::to_string(port);
}

Site SiteOf(const Config& config) {
  Site site;
  site.url = AddressText(config.listen, config.listen.port);
  for (const ListenerConfig& own : config.access_point_listeners)
    site.access_point_urls[own.access_point] = AddressText(own, own.port);
  site.vpcs = config.vpcs;
  site.subnets = config.subnets;
  return site;
}

// The account and its first access key, if there is none yet. An interrupted first
// start is finished here.
Result<void> EnsureAccount(Identity& identity, const DataLayout& layout,
                           const CredentialsContent& content) {
  const std::string first = layout.first_credentials();
  KMS_TRY(const bool has_accounts, identity.HasAccounts());
  if (!has_accounts) {
    KMS_CHECK_OK(identity.CreateAccount([&](const NewAccessKey& key) -> Result<void> {
      return WriteCredentials(first, key, content);
    }));
  }
  return FileExists(first) ? PublishCredentials(first, layout) : Result<void>();
}

// What changes keep of the time before this process: their ids stay used.
Result<void> RememberRequests(const Kms& kms, UnixMillis now, ReplayGuard& guard) {
  return kms.ForEachKeptRequest(
      [&](std::string_view access_key, std::string_view request_id, UnixMillis until) {
        if (until > now) guard.Insert(access_key, request_id, now, until);
      });
}

// The key of the replay guard: secret, and fresh in each process.
Result<Digest32> FreshKey(CryptoBackend& backend) {
  KMS_TRY(const SecretBytes random, backend.Random(32));
  return Digest(DigestAlgorithm::kSha256, random.Reveal());
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Returns when a signal asks for it, or fails when the store takes no more updates: what
// is on the disk is then for the next start to find out.
Result<void> WaitForTheEnd(const KeyStore& store, Hsm& hsm, spdlog::logger& log) {
  const sigset_t signals = StopSignals();
  for (;;) {
    const timespec second = {.tv_sec = 1, .tv_nsec = 0};
    const int signal = ::sigtimedwait(&signals, nullptr, &second);
    if (signal > 0) {
      LogMessage(log, spdlog::level::info,
                 "stopping after signal " + std::to_string(signal));
      return {};
    }
    KMS_CHECK_OK(store.Check());
    hsm.LogChanges(log);
  }
}

std::vector<Probe> Probes(const Kms& kms, const AuditLog& audit, const Hsm& hsm) {
  std::vector<Probe> probes = hsm.Probes();
  probes.push_back({"store and root key", [&kms] { return kms.Check(); }});
  probes.push_back({"audit",
                    [&audit]() -> Result<void> {
                      AuditHealth health = audit.Health();
                      if (health.works) return {};
                      return Error(Reason::kStoreUnavailable, std::move(health.reason));
                    },
                    [&audit] { return audit.Health().remark; }});
  return probes;
}

void AddAuditGauges(Metrics& metrics, const AuditLog& audit) {
  const auto add = [&](const char* name, const char* help, auto AuditHealth::* value) {
    metrics.AddGauge(std::string("kms_audit_") + name, help, [&audit, value] {
      return static_cast<double>(audit.Health().*value);
    });
  };
  add("up", "Whether audit lines can be written", &AuditHealth::works);
  add("lines_total", "Lines of calls that were written", &AuditHealth::lines);
  add("bytes_total", "Bytes that were written", &AuditHealth::bytes);
  add("flushes_total", "Batches that were written", &AuditHealth::flushes);
  add("failures_total", "Attempts to write that failed", &AuditHealth::failures);
  add("refused_total", "Calls that were refused because no line could be kept",
      &AuditHealth::refused);
  add("waiting_lines", "Lines that wait for the disk, and calls that have room for one",
      &AuditHealth::waiting);
  add("file", "The number of the file that is written to", &AuditHealth::segment);
}

void TellFailure(const Result<void>& result) {
  if (!result)
    std::fprintf(stderr, "kmsd: %s %s\n",
                 std::string(CodeOf(result.error().reason())).c_str(),
                 result.error().detail().c_str());
}

// A request hangs in the token's module with all that it uses, so that nothing of it may
// be taken down. The audit log is left as well, but ended: the lines of calls that were
// answered are on disk. What changes have left for it, the next start will write.
[[noreturn]] void EndWithoutToken(const Result<void>& ended, AuditLog& audit,
                                  spdlog::logger& log) {
  audit.End();
  LogMessage(log, spdlog::level::err, "a call hangs in the module of the token");
  spdlog::shutdown();  // writes what is queued
  TellFailure(ended);
  ::_exit(ended ? 0 : 1);
}

Result<void> ServeFrom(const DataDirectory& data, Hsm& hsm, const Clock& clock,
                       const Config& config, const std::shared_ptr<spdlog::logger>& log) {
  const auto backend = NewSoftwareBackend(data.root());
  KMS_CHECK_OK(backend->SelfTest());
  const ActionTable actions = ActionsOf(AllOperations());
  const auto users = NewIamPolicy(data.store(), clock, actions);
  const auto access_points = NewAccessPointPolicy();
  const auto policy = NewPrincipalPolicy(*users, *access_points);
  KMS_TRY(const auto kms, Kms::Open({.store = data.store(),
                                     .root = data.root(),
                                     .software = *backend,
                                     .hsm = hsm.backend(),
                                     .policy = *policy,
                                     .clock = clock,
                                     .limits = config.limits,
                                     .actions = &actions}));
  KMS_TRY(const auto audit, OpenAuditLog({.folder = data.layout().audit(),
                                          .store = data.store(),
                                          .root = data.root(),
                                          .backend = *backend,
                                          .clock = clock},
                                         config.audit));

  HttpServerConfig http;
  http.listeners.push_back(config.listen);
  if (config.operator_listen) http.listeners.push_back(*config.operator_listen);
  for (const ListenerConfig& own : config.access_point_listeners)
    http.listeners.push_back(own);
  http.io_threads = config.io_threads;
  http.limits = config.http_limits;
  http.deadlines = config.http_deadlines;
  http.certificate = config.certificate;
  CredentialsContent content;
  content.region = config.regions.front();
  content.endpoint = AddressText(config.listen, config.listen.port);
  if (config.listen.tls && config.certificate.certificate.empty()) {
    KMS_TRY(http.certificate,
            EnsureCertificate(data.layout().tls(), config.listen.host, clock.Now()));
    content.ca_file = std::filesystem::absolute(http.certificate.certificate).string();
  }

  Identity identity(data.store(), data.root(), *backend, clock);
  KMS_CHECK_OK(EnsureAccount(identity, data.layout(), content));

  KMS_CHECK_OK(data.MarkInitialised());
  if (FileExists(data.layout().rotated_credentials()))
    LogMessage(*log, spdlog::level::warn,
               "a rotation of the root access key was interrupted, or is under way: " +
                   data.layout().rotated_credentials() + " may hold it; rotate it again");

  const auto signer = NewEopSigner();
  KMS_TRY(const Digest32 replay_key, FreshKey(*backend));
  ReplayGuard guard(config.replay_megabytes << 20, replay_key);
  KMS_CHECK_OK(RememberRequests(*kms, clock.Now(), guard));
  const auto find = [&](std::string_view access_key) {
    return identity.Find(access_key);
  };
  const auto find_rules = [&](const Principal& principal, std::string_view region) {
    return kms->access_points().Rules(principal, region);
  };
  const Authenticator authenticator({.signer = *signer,
                                     .find = find,
                                     .guard = guard,
                                     .clock = clock,
                                     .time = config.time_rule,
                                     .find_rules = find_rules});
  const auto access_point_signer = NewAccessPointSigner();
  const Authenticator access_point_authenticator({.signer = *access_point_signer,
                                                  .find = find,
                                                  .guard = guard,
                                                  .clock = clock,
                                                  .time = config.time_rule,
                                                  .find_rules = find_rules,
                                                  .for_access_points = true});
  const auto access_point_dialect =
      NewAccessPointDialect(config.date_offset_minutes, config.date_zone);
  const auto dialect = NewSeedDialect(config.date_offset_minutes, config.date_zone);
  Metrics metrics(AllOperations());
  // Its threads go into the token's module themselves, because the dispatcher answers for
  // those that hang there. A request is several calls at the most.
  const std::chrono::milliseconds token_patience(2 * config.hsm.timeout_millis);
  Lanes lanes({.commit_threads = config.commit_threads,
               .private_key_threads = config.private_key_threads,
               .token_threads = config.hsm.threads,
               .on_token_thread =
                   [](const LanesConfig::Run& run) {
                     const DirectCalls direct;
                     run();
                   },
               .token_patience = token_patience});
  Housekeeper housekeeper(*kms, *audit, *log);
  Dispatcher dispatcher(
      {.kms = *kms,
       .dialect = *dialect,
       .authenticator = authenticator,
       .policy = *policy,
       .clock = clock,
       .lanes = lanes,
       .metrics = metrics,
       .operations = AllOperations(),
       .regions = config.regions,
       .probes = Probes(*kms, *audit, hsm),
       .operator_pages_apart = config.operator_listen.has_value(),
       .log = log,
       .token_patience = token_patience,
       .access_points = Scheme{access_point_authenticator, *access_point_dialect},
       .site = SiteOf(config),
       .audit = audit.get()});
  for (const auto& [name, lane] :
       {std::pair("commit", Lane::kCommit), std::pair("private_key", Lane::kPrivateKey),
        std::pair("batch", Lane::kBatch), std::pair("token", Lane::kToken)})
    metrics.AddGauge(
        std::string("kms_lane_") + name + "_waiting",
        std::string("Requests that wait for a thread of the lane ") + name,
        [&lanes, of = lane] { return static_cast<double>(lanes.waiting(of)); });
  metrics.AddGauge("kms_replay_ids", "Request ids that are kept in memory",
                   [&] { return static_cast<double>(guard.size()); });
  metrics.AddGauge("kms_replay_ids_capacity", "How many there is room for",
                   [&] { return static_cast<double>(guard.capacity()); });

  metrics.AddGauge(
      "kms_certificates_expiring",
      "Active and inactive certificates whose time ends within thirty days",
      [&] { return static_cast<double>(housekeeper.ending_certificates()); });
  hsm.AddGauges(metrics);
  AddAuditGauges(metrics, *audit);

  KMS_TRY(const auto admin,
          AdminSocket::Open(data.layout().admin_socket(), identity, content, *log));
  KMS_TRY(const auto server, HttpServer::Start(http, dispatcher));
  metrics.AddGauge("kms_connections", "Open connections",
                   [&] { return static_cast<double>(server->connections()); });
  LogMessage(*log, spdlog::level::info,
             "serving on " + AddressText(config.listen, server->port(0)));

  Result<void> ended = WaitForTheEnd(data.store(), hsm, *log);
  server->Stop();
  if (!lanes.Drain()) EndWithoutToken(ended, *audit, *log);
  return ended;
}

// `hangs` says afterwards that a call hangs in the token's module, which a process with
// exit handlers does not survive.
Result<void> Serve(const Config& config, const std::shared_ptr<spdlog::logger>& log,
                   bool& hangs) {
  const auto clock = NewSystemClock();
  KMS_TRY(const DataDirectory data, DataDirectory::Open(config));
  // A store of another root key is not to get a root key of this token.
  const auto belongs = CheckRootKey(data.store(), data.root());
  if (!belongs && belongs.error().error_class() != ErrorClass::kNotFound)
    return belongs.error();
  hangs = true;  // for all that is known, if the opening fails
  KMS_TRY(const auto hsm, Hsm::Open(config, data.store(), *clock, *log));
  Result<void> ended = ServeFrom(data, *hsm, *clock, config, log);
  hangs = !hsm->Close();
  return ended;
}

Error NoDataDirectory(const Config& config) {
  return Error(ErrorClass::kNotFound, Reason::kInternal,
               config.data + " is no data directory of a kmsd");
}

// Holds the lock of the data directory all the while: no server may read what is
// replaced.
Result<void> Rewrap(const Config& config) {
  if (!FileExists(DataLayout(config.data).initialised())) return NoDataDirectory(config);
  KMS_TRY(const DataDirectory data, DataDirectory::Open(config));
  KMS_CHECK_OK(CheckRootKey(data.store(), data.root()));
  return RewrapSoftwareRootKey(config.root_folders);
}

// Likewise: the running server would not know of the new root key.
Result<void> AddHsmRoot(const Config& config, spdlog::logger& log, bool& hangs) {
  if (!FileExists(DataLayout(config.data).initialised())) return NoDataDirectory(config);
  const auto clock = NewSystemClock();
  KMS_TRY(const DataDirectory data, DataDirectory::Open(config));
  KMS_CHECK_OK(CheckRootKey(data.store(), data.root()));
  hangs = true;  // for all that is known, if the opening fails
  KMS_TRY(const auto hsm, Hsm::Open(config, data.store(), *clock, log));
  Result<void> added = hsm->AddRoot();
  hangs = !hsm->Close();
  return added;
}

int Main(int argc, char** argv) {
  const ParsedConfig parsed = ParseConfig(argc, argv);
  if (!parsed.config) return parsed.exit_code;
  const Config& config = *parsed.config;
  if (config.check_only) {
    std::puts("the configuration is sound");
    return 0;
  }
  // Before any thread starts, the log's included: one that does not block them would let
  // the process be killed. What comes during the start waits until it is complete.
  const sigset_t signals = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto undone = HardenProcess();
  ReturnLargePieces();
  if (const auto prepared = Hsm::PrepareEnvironment(config); !prepared) {
    std::fprintf(stderr, "kmsd: %s\n", prepared.error().detail().c_str());
    return 1;
  }
  auto log = StartLog(config.log_level);
  for (const std::string& what : undone) LogMessage(*log, spdlog::level::warn, what);

  bool hangs = false;
  const Result<void> result = config.rewrap_only     ? Rewrap(config)
                              : config.hsm_root_only ? AddHsmRoot(config, *log, hangs)
                                                     : Serve(config, log, hangs);
  log.reset();
  spdlog::shutdown();  // writes what is queued
  TellFailure(result);
  const int status = result ? 0 : 1;
  if (hangs) ::_exit(status);
  return status;
}

}  // namespace
}  // namespace kms::server

int main(int argc, char** argv) { return kms::server::Main(argc, argv); }
