// Housekeeper: the thread that does what dates ask for, hands audit events on, and counts
// what the metrics tell of the store.

#ifndef KMS_SERVER_KMSD_HOUSEKEEPER_H_
#define KMS_SERVER_KMSD_HOUSEKEEPER_H_

#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>

#include "kms/audit_log.h"
#include "kms/kms.h"

namespace kms::server {

class Housekeeper {
 public:
  // All three outlive the housekeeper, which starts at once.
  Housekeeper(Kms& kms, AuditLog& audit, spdlog::logger& log);
  // Hands on what is left, and ends the thread.
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  // Certificates whose time ends within thirty days, as of the last minute. From any
  // thread.
  std::size_t ending_certificates() const { return ending_certificates_; }

 private:
  void Run();
  // Returns whether there is more to do at once.
  bool Round();
  void LogAudit();
  void CountNow();

  Kms& kms_;
  AuditLog& audit_;
  spdlog::logger& log_;
  AuditHealth audit_was_;
  bool drain_worked_ = true;
  std::chrono::steady_clock::time_point counted_{};
  std::atomic<std::size_t> ending_certificates_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_HOUSEKEEPER_H_
