// Config: everything that an operator can set about kmsd, from flags, the environment
// (KMSD_…) and one configuration file, in this order of precedence.

#ifndef KMS_SERVER_KMSD_CONFIG_H_
#define KMS_SERVER_KMSD_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/site.h"
#include "http/server_config.h"
#include "kms/audit_log.h"
#include "kms/kms.h"
#include "kms/root_key.h"
#include "kms/signer.h"
#include "kmsd/hsm_config.h"

namespace kms::server {

struct Config {
  std::string data;
  ListenerConfig listen;
  std::optional<ListenerConfig> operator_listen;
  std::vector<ListenerConfig> access_point_listeners;
  std::vector<Vpc> vpcs;  // that listVpc and listSubnet answer
  std::vector<Subnet> subnets;
  CertificateFiles certificate;  // empty: a self-signed one is made
  SoftwareRootKeyFolders root_folders;
  std::vector<std::string> regions = {"local-1"};  // the first is the credentials' one
  HttpLimits http_limits;
  HttpDeadlines http_deadlines;
  std::size_t io_threads = 0;           // 0: one per processor
  std::size_t commit_threads = 16;      // wait for the disk, together
  std::size_t private_key_threads = 0;  // 0: processors - 1, at least 1
  std::size_t replay_megabytes = 64;
  TimeRule time_rule;
  int date_offset_minutes = 0;
  std::string date_zone = "UTC";
  Limits limits;
  HsmConfig hsm;
  AuditSettings audit;
  std::string log_level = "info";
  bool check_only = false;     // --check-config
  bool rewrap_only = false;    // --rewrap-root-key
  bool hsm_root_only = false;  // --new-hsm-root
};

struct ParsedConfig {
  std::optional<Config> config;  // absent: the process ends with exit_code
  int exit_code = 0;
};

// ParseConfig reads the command line, and prints help, the version, or what is wrong.
ParsedConfig ParseConfig(int argc, char** argv);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_CONFIG_H_
