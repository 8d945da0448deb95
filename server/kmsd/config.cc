#include "kmsd/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>
#include <map>
#include <string_view>

#include "kms/encoding.h"
#include "kmsd/choice.h"
#include "kmsd/hsm_options.h"
#include "kmsd/layout.h"
#include "kmsd/pin.h"
#include "version.h"

namespace kms::server {
namespace {

// "HOST:PORT" or "[HOST]:PORT".
std::optional<ListenerConfig> ReadAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  ListenerConfig listener;
  listener.host = host;
  const auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), listener.port);
  if (error != std::errc() || end != port.data() + port.size() || host.empty())
    return std::nullopt;
  return listener;
}

// A literal address: what a name stands for is not ours to know.
bool IsLoopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string CheckAddress(const std::string& text) {
  return ReadAddress(text) ? "" : "is not HOST:PORT";
}

std::string CheckRegion(const std::string& text) {
  const bool good = !text.empty() && text.size() <= 64 &&
                    std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  return good ? "" : "is not 1 to 64 visible characters";
}

// "+08:00" as minutes.
std::optional<int> ReadOffset(const std::string& text) {
  int hours = 0;
  int minutes = 0;
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 6 || !digit(1) || !digit(2) || !digit(4) || !digit(5) ||
      (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
      std::from_chars(text.data() + 1, text.data() + 3, hours).ptr != text.data() + 3 ||
      std::from_chars(text.data() + 4, text.data() + 6, minutes).ptr != text.data() + 6 ||
      hours > 14 || minutes > 59)
    return std::nullopt;
  return (hours * 60 + minutes) * (text[0] == '-' ? -1 : 1);
}

struct Texts {
  std::string listen = "127.0.0.1:9091";
  std::string operator_listen;
  std::vector<std::string> access_point_listen;
  std::vector<std::string> vpcs;
  std::vector<std::string> subnets;
  bool http = false;
  std::string date_offset = "+00:00";
  std::int64_t window_minutes = 15;
  std::size_t cache_megabytes = 64;
  std::size_t all_bodies_megabytes = 64;
  HsmTexts hsm;
  std::int64_t audit_grace_seconds = 60;
  std::uint64_t audit_file_megabytes = 64;
  std::int64_t audit_file_hours = 24;
};

void AddAuditOptions(CLI::App& app, AuditSettings& audit, Texts& texts) {
  const auto add = [&](const std::string& name, auto& value, const std::string& text,
                       const std::string& environment) {
    return app.add_option(name, value, text)->envname(environment)->capture_default_str();
  };
  const std::map<std::string, AuditOnFailure> ways = {
      {"continue", AuditOnFailure::kContinue}, {"refuse", AuditOnFailure::kRefuse}};
  OneOf(app.add_option(
            "--audit-on-failure", audit.on_failure,
            "What calls that only compute do while the audit log cannot be written: "
            "continue for a time, or refuse"),
        ways)
      ->envname("KMSD_AUDIT_ON_FAILURE");
  add("--audit-grace-seconds", texts.audit_grace_seconds, "That time",
      "KMSD_AUDIT_GRACE_SECONDS")
      ->check(CLI::Range(0, 86'400));
  add("--audit-flush-millis", audit.flush_millis,
      "How long the line of a call that only computes may be on its way to the disk",
      "KMSD_AUDIT_FLUSH_MILLIS")
      ->check(CLI::Range(10, 60'000));
  add("--audit-queue-lines", audit.queue_lines,
      "Audit lines that may wait for the disk in memory", "KMSD_AUDIT_QUEUE_LINES")
      ->check(CLI::Range(100, 10'000'000));
  add("--audit-file-megabytes", texts.audit_file_megabytes,
      "How large a file of the audit log becomes", "KMSD_AUDIT_FILE_MEGABYTES")
      ->check(CLI::Range(1, 1'048'576));
  add("--audit-file-hours", texts.audit_file_hours, "How long it is written to",
      "KMSD_AUDIT_FILE_HOURS")
      ->check(CLI::Range(1, 8'760));
}

// "KMSD_HSM_MODULE" of "--hsm-module".
std::string VariableOf(const CLI::Option& option) {
  std::string name = "KMSD_";
  for (const char c : option.get_lnames().front())
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

void AddOptions(CLI::App& app, Config& config, Texts& texts) {
  const auto add = [&](const std::string& name, auto& value, const std::string& text,
                       const std::string& environment) {
    return app.add_option(name, value, text)->envname(environment)->capture_default_str();
  };
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_config("--config", "", "Read options from this file (INI or TOML)")
      ->envname("KMSD_CONFIG");
  app.add_flag("--check-config", config.check_only, "Check the configuration, and exit")
      ->configurable(false);
  app.add_flag("--rewrap-root-key", config.rewrap_only,
               "Wrap the root key anew, verify, drop the old wrapping, and exit")
      ->configurable(false);

  app.add_flag("--new-hsm-root", config.hsm_root_only,
               "Make a new root key in the token, for new keys, and exit")
      ->configurable(false);

  add("--data", config.data, "The folder that everything lives under", "KMSD_DATA")
      ->required();
  add("--listen", texts.listen, "HOST:PORT to serve", "KMSD_LISTEN")->check(CheckAddress);
  add("--operator-listen", texts.operator_listen,
      "HOST:PORT for /readyz, /metrics and /openapi.json, away from --listen",
      "KMSD_OPERATOR_LISTEN")
      ->check(CheckAddress);
  app.add_option("--access-point-listen", texts.access_point_listen,
                 "APPLICATION_ID=HOST:PORT to serve that access point alone; repeatable")
      ->envname("KMSD_ACCESS_POINT_LISTEN");
  app.add_option("--vpc", texts.vpcs,
                 "ID=NAME=CIDR of a network that listVpc answers; repeatable")
      ->envname("KMSD_VPC");
  app.add_option("--subnet", texts.subnets,
                 "ID=VPC_ID=NAME=CIDR of a subnet that listSubnet answers; repeatable")
      ->envname("KMSD_SUBNET");
  app.add_flag("--http", texts.http, "Plain HTTP; on loopback only")
      ->envname("KMSD_HTTP");
  add("--tls-certificate", config.certificate.certificate,
      "PEM file with the certificate and its chain; default: self-signed",
      "KMSD_TLS_CERTIFICATE");
  add("--tls-key", config.certificate.key, "PEM file with its private key",
      "KMSD_TLS_KEY");
  add("--regions", config.regions, "The region ids to serve", "KMSD_REGIONS")
      ->delimiter(',')
      ->check(CheckRegion);

  add("--root-key-folder", config.root_folders.root,
      "Where the encrypted root key is; default: under --data", "KMSD_ROOT_KEY_FOLDER");
  add("--root-private-folder", config.root_folders.private_key,
      "Where the encrypted private key for it is; default: under --data",
      "KMSD_ROOT_PRIVATE_FOLDER");
  add("--root-wrap-folder", config.root_folders.wrapping_key,
      "Where the symmetric key for that is; default: under --data",
      "KMSD_ROOT_WRAP_FOLDER");

  const std::map<std::string, TimeReading> readings = {
      {"both", TimeReading::kBoth},
      {"utc", TimeReading::kUtc},
      {"beijing", TimeReading::kBeijing}};
  OneOf(app.add_option("--eop-time", config.time_rule.reading,
                       "How clients' dates are read: both, utc or beijing"),
        readings)
      ->envname("KMSD_EOP_TIME");
  add("--eop-window-minutes", texts.window_minutes,
      "How far a client's clock may be off, either way", "KMSD_EOP_WINDOW_MINUTES")
      ->check(CLI::Range(1, 60));
  add("--replay-megabytes", config.replay_megabytes,
      "Memory for the ids of recent requests", "KMSD_REPLAY_MEGABYTES")
      ->check(CLI::Range(1, 65536));
  add("--date-offset", texts.date_offset, "Offset of the dates in answers, as +08:00",
      "KMSD_DATE_OFFSET");
  add("--date-zone", config.date_zone, "Name of that zone in long dates, as CST",
      "KMSD_DATE_ZONE");

  add("--asymmetric-versions", config.limits.asymmetric_versions,
      "Versions of asymmetric keys per account and region", "KMSD_ASYMMETRIC_VERSIONS")
      ->check(CLI::Range(1, 1'000'000));
  add("--import-tokens", config.limits.import_tokens, "Live import tokens per key",
      "KMSD_IMPORT_TOKENS")
      ->check(CLI::Range(1, 10'000));
  add("--access-points", config.limits.access_points,
      "Access points per account and region", "KMSD_ACCESS_POINTS")
      ->check(CLI::Range(1, 10'000));
  add("--certificates", config.limits.certificates,
      "Certificates per account and region, and as many of USB keys", "KMSD_CERTIFICATES")
      ->check(CLI::Range(1, 1'000'000));
  add("--default-keys", config.limits.default_keys,
      "Default keys of products per account and region", "KMSD_DEFAULT_KEYS")
      ->check(CLI::Range(1, 10'000));
  add("--cache-megabytes", texts.cache_megabytes, "Memory for keys in use",
      "KMSD_CACHE_MEGABYTES")
      ->check(CLI::Range(1, 65536));

  for (CLI::Option* const option :
       AddHsmOptions(app,
                     "Where keys of HSM level live: auto (a SoftHSM under --data, if it "
                     "is installed), none, or pkcs11 (the token that is named)",
                     config.hsm, texts.hsm))
    option->envname(VariableOf(*option));
  add("--hsm-sessions", config.hsm.sessions, "Calls into the token at once",
      "KMSD_HSM_SESSIONS")
      ->check(CLI::Range(1, 64));
  add("--hsm-token-threads", config.hsm.threads,
      "Requests that wait for the token at once", "KMSD_HSM_TOKEN_THREADS")
      ->check(CLI::Range(1, 1024));

  add("--max-connections", config.http_limits.connections, "Open connections in all",
      "KMSD_MAX_CONNECTIONS")
      ->check(CLI::Range(1, 1'000'000));
  add("--max-body-bytes", config.http_limits.body_bytes, "The longest request body",
      "KMSD_MAX_BODY_BYTES")
      ->check(CLI::Range(65536, 64 * 1024 * 1024));
  add("--all-bodies-megabytes", texts.all_bodies_megabytes,
      "Memory for request bodies on their way, together", "KMSD_ALL_BODIES_MEGABYTES")
      ->check(CLI::Range(1, 1024 * 1024));
  add("--head-timeout-millis", config.http_deadlines.head_millis,
      "For the headers of a request to arrive", "KMSD_HEAD_TIMEOUT_MILLIS")
      ->check(CLI::Range(100, 600'000));
  add("--body-timeout-millis", config.http_deadlines.body_millis,
      "For its body to arrive", "KMSD_BODY_TIMEOUT_MILLIS")
      ->check(CLI::Range(100, 600'000));
  add("--idle-timeout-millis", config.http_deadlines.idle_millis,
      "Between two requests of a connection", "KMSD_IDLE_TIMEOUT_MILLIS")
      ->check(CLI::Range(100, 3'600'000));
  add("--stop-timeout-millis", config.http_deadlines.stop_millis,
      "For what is in flight when kmsd is told to stop", "KMSD_STOP_TIMEOUT_MILLIS")
      ->check(CLI::Range(100, 600'000));
  add("--io-threads", config.io_threads, "0: one per processor", "KMSD_IO_THREADS")
      ->check(CLI::Range(0, 1024));
  add("--commit-threads", config.commit_threads, "Changes that wait for the disk at once",
      "KMSD_COMMIT_THREADS")
      ->check(CLI::Range(1, 1024));
  add("--private-key-threads", config.private_key_threads,
      "0: one less than there are processors", "KMSD_PRIVATE_KEY_THREADS")
      ->check(CLI::Range(0, 1024));
  AddAuditOptions(app, config.audit, texts);
  add("--log-level", config.log_level, "trace, debug, info, warning, error or off",
      "KMSD_LOG_LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}));
}

// Splits at '=' into exactly `count` parts that are not empty; none otherwise.
std::vector<std::string> SplitParts(std::string_view text, std::size_t count) {
  std::vector<std::string> parts;
  while (parts.size() + 1 < count && text.find('=') != text.npos) {
    parts.emplace_back(text.substr(0, text.find('=')));
    text.remove_prefix(parts.back().size() + 1);
  }
  parts.emplace_back(text);
  const bool good = parts.size() == count &&
                    std::ranges::none_of(parts, &std::string::empty) &&
                    text.find('=') == text.npos;
  return good ? parts : std::vector<std::string>();
}

// Fails with a text.
std::string CompleteAccessPoints(Config& config, const Texts& texts) {
  for (const std::string& text : texts.access_point_listen) {
    const auto parts = SplitParts(text, 2);
    const auto address = parts.empty() ? std::nullopt : ReadAddress(parts[1]);
    if (!address || !IsUuid(parts[0]))
      return "--access-point-listen " + text + " is not APPLICATION_ID=HOST:PORT";
    ListenerConfig listener = *address;
    listener.tls = !texts.http;
    listener.access_point = parts[0];
    if (texts.http && !IsLoopback(listener.host))
      return "--access-point-listen: plain HTTP is served on loopback only";
    if (std::ranges::find(config.access_point_listeners, listener.access_point,
                          &ListenerConfig::access_point) !=
        config.access_point_listeners.end())
      return "--access-point-listen names " + parts[0] + " twice";
    config.access_point_listeners.push_back(std::move(listener));
  }
  for (const std::string& text : texts.vpcs) {
    auto parts = SplitParts(text, 3);
    if (parts.empty()) return "--vpc " + text + " is not ID=NAME=CIDR";
    config.vpcs.push_back(
        {std::move(parts[0]), std::move(parts[1]), std::move(parts[2])});
  }
  for (const std::string& text : texts.subnets) {
    auto parts = SplitParts(text, 4);
    if (parts.empty()) return "--subnet " + text + " is not ID=VPC_ID=NAME=CIDR";
    config.subnets.push_back({std::move(parts[0]), std::move(parts[1]),
                              std::move(parts[2]), std::move(parts[3])});
  }
  return {};
}

// What no option can tell by itself.
std::string Complete(Config& config, Texts& texts) {
  config.listen = *ReadAddress(texts.listen);
  config.listen.tls = !texts.http;
  if (texts.http && !IsLoopback(config.listen.host))
    return "--http: plain HTTP is served on a loopback address only (127.0.0.1, ::1); "
           "leave --http"
           " out for TLS";
  if (!texts.operator_listen.empty()) {
    config.operator_listen = *ReadAddress(texts.operator_listen);
    config.operator_listen->tls = !texts.http;
    config.operator_listen->operator_listener = true;
    if (texts.http && !IsLoopback(config.operator_listen->host))
      return "--operator-listen: plain HTTP is served on loopback only";
  }
  if (std::string wrong = CompleteAccessPoints(config, texts); !wrong.empty())
    return wrong;
  config.http_limits.all_bodies_bytes = texts.all_bodies_megabytes << 20;
  if (config.http_limits.all_bodies_bytes < config.http_limits.body_bytes)
    return "--all-bodies-megabytes is less than --max-body-bytes";
  if (config.certificate.certificate.empty() != config.certificate.key.empty())
    return "--tls-certificate and --tls-key go together";
  const auto offset = ReadOffset(texts.date_offset);
  if (!offset) return "--date-offset is not like +08:00";
  config.date_offset_minutes = *offset;
  config.time_rule.window_millis = texts.window_minutes * 60'000;
  config.audit.grace_millis = texts.audit_grace_seconds * 1000;
  config.audit.segment_bytes = texts.audit_file_megabytes << 20;
  config.audit.segment_millis = texts.audit_file_hours * 3'600'000;
  config.limits.cache_bytes = texts.cache_megabytes << 20;
  const SoftwareRootKeyFolders standard = DataLayout(config.data).root_folders();
  if (config.root_folders.root.empty()) config.root_folders.root = standard.root;
  if (config.root_folders.private_key.empty())
    config.root_folders.private_key = standard.private_key;
  if (config.root_folders.wrapping_key.empty())
    config.root_folders.wrapping_key = standard.wrapping_key;
  return config.rewrap_only ? std::string() : CompleteHsm(config.hsm, texts.hsm);
}

}  // namespace

ParsedConfig ParseConfig(int argc, char** argv) {
  CLI::App app("kmsd: a key management service with AES, RSA, SM2, SM3 and SM4");
  app.set_version_flag("--version", std::string("kmsd ") + kVersion);
  Config config;
  Texts texts;
  texts.hsm.pin = TakePin(kPinVariable);
  AddOptions(app, config, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error)};
  }
  if (const std::string wrong = Complete(config, texts); !wrong.empty()) {
    std::cerr << "kmsd: " << wrong << '\n';
    return {std::nullopt, 2};
  }
  return {std::move(config), 0};
}

}  // namespace kms::server
