// Housekeeper: the thread that does what dates ask for, and hands audit events on.

#ifndef KMS_SERVER_KMSD_HOUSEKEEPER_H_
#define KMS_SERVER_KMSD_HOUSEKEEPER_H_

#include <spdlog/logger.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "kms/kms.h"

namespace kms::server {

class Housekeeper {
 public:
  // All three outlive the housekeeper, which starts at once.
  Housekeeper(Kms& kms, AuditSink& audit, spdlog::logger& log);
  // Hands on what is left, and ends the thread.
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  // Whether the audit sink took the events of the last round. For readiness.
  bool audit_works() const { return audit_works_; }

 private:
  void Run();
  // Returns whether there is more to do at once.
  bool Round();

  Kms& kms_;
  AuditSink& audit_;
  spdlog::logger& log_;
  std::atomic<bool> audit_works_ = true;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_HOUSEKEEPER_H_
