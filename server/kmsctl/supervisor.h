// Supervisor: work in a process of its own, so that whatever ends it, this process goes
// on and puts things in order.
//
// Threads: the process has one.

#ifndef KMS_SERVER_KMSCTL_SUPERVISOR_H_
#define KMS_SERVER_KMSCTL_SUPERVISOR_H_

#include <csignal>
#include <functional>

#include "kms/result.h"

namespace kms::server {

// SIGINT, SIGTERM, SIGHUP and SIGQUIT do not end this process while a supervisor lives.
// Those that were ignored before are ignored; but SIGCHLD, which tells how a child ended,
// is not.
class Supervisor {
 public:
  Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  // Run runs `work` in a child process, and waits for it. Those signals end the child,
  // and so does the end of this process. Fails: as `work`; kUnavailable if it was
  // interrupted, or ended in any other way than `work` does.
  Result<void> Run(const std::function<Result<void>()>& work) const;

 private:
  sigset_t waited_{};
  sigset_t before_{};
  struct sigaction child_before_{};
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_SUPERVISOR_H_
