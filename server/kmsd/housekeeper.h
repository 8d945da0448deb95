// Housekeeper: the thread that does what dates ask for, hands audit events on, and counts
// what the metrics tell of the store.

#ifndef KMS_SERVER_KMSD_HOUSEKEEPER_H_
#define KMS_SERVER_KMSD_HOUSEKEEPER_H_

#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <thread>

#include "kms/audit_log.h"
#include "kms/kms.h"

namespace kms::server {

class Housekeeper {
 public:
  // All three outlive the housekeeper, which starts at once.
  Housekeeper(Kms& kms, AuditLog& audit, spdlog::logger& log);
  // Its end waits for one piece of due work at most, and hands on the audit events that
  // are left.
  ~Housekeeper() = default;
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  // Certificates whose time ends within thirty days, as of the last minute. From any
  // thread.
  std::size_t ending_certificates() const { return ending_certificates_; }

 private:
  void Run(const std::stop_token& stop);
  // Returns whether there is more to do at once.
  bool Round(const std::stop_token& stop);
  void LogAudit();
  void CountNow();

  Kms& kms_;
  AuditLog& audit_;
  spdlog::logger& log_;
  AuditHealth audit_was_;
  bool drain_worked_ = true;
  std::chrono::steady_clock::time_point counted_{};
  std::atomic<std::size_t> ending_certificates_{0};
  std::jthread thread_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_HOUSEKEEPER_H_
