// Dispatcher: a request becomes a call of its operation's handler, and the result an
// answer.
//
// Everything up to the handler is done on the I/O thread, in this order, and the first
// refusal counts: the syntax of the signature's headers, the route, the time, the
// access key and its signature, a repeated request id, permission for the action, the
// region, the body, the parameters. Then the handler runs on its lane; if it finds that
// it has to wait for the HSM, it ends before it has changed anything, and runs once more,
// on the lane for that. If the HSM's module hangs there, the request is answered without
// it, and whatever comes of it later is dropped.
//
// With an audit log, a call that manages something is answered once its line is on disk,
// from the thread that writes it; no thread waits for that.
//
// Threads: Handle may be called from many threads at once. The lanes must be drained
// before the dispatcher is destroyed.

#ifndef KMS_SERVER_API_DISPATCHER_H_
#define KMS_SERVER_API_DISPATCHER_H_

#include <spdlog/logger.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/dialect.h"
#include "api/lanes.h"
#include "api/late_watch.h"
#include "api/metrics.h"
#include "api/operation.h"
#include "api/outstanding.h"
#include "api/request_log.h"
#include "api/service_pages.h"
#include "api/site.h"
#include "auth/authenticator.h"
#include "http/message.h"
#include "kms/audit_log.h"
#include "kms/kms.h"
#include "kms/policy.h"

namespace kms::server {

// How requests of one signature scheme are checked and answered.
struct Scheme {
  const Authenticator& authenticator;
  const Dialect& dialect;
};

// What is referred to outlives the dispatcher.
struct DispatcherParts {
  Kms& kms;
  const Dialect& dialect;
  const Authenticator& authenticator;
  const Policy& policy;
  const Clock& clock;
  Lanes& lanes;
  Metrics& metrics;
  std::span<const Operation* const> operations;
  std::vector<std::string> regions;   // that are served
  std::vector<Probe> probes = {};     // for readiness
  bool operator_pages_apart = false;  // the public listener answers /healthz alone
  std::shared_ptr<spdlog::logger> log = nullptr;
  // How long a request may be with the HSM. Zero: until it comes back.
  std::chrono::milliseconds token_patience{0};
  // Of requests with the headers of access points. None: they are refused as unsigned.
  std::optional<Scheme> access_points = std::nullopt;
  Site site = {};
  AuditLog* audit = nullptr;  // none: no call leaves a line
};

class Dispatcher final : public HttpHandler {
 public:
  explicit Dispatcher(DispatcherParts parts);
  ~Dispatcher() override;

  void Handle(const HttpRequest& request, Respond respond) override;
  HttpResponse Refuse(int status, const Error& error) override;

 private:
  struct Job;
  // What a line names, of an answer or of an item in it.
  struct Said {
    std::string_view key;
    std::string_view version;
    std::string_view code;
    auto operator<=>(const Said&) const = default;
  };

  Result<Lane> Prepare(Job& job) const;
  Result<void> ReadParameters(Job& job) const;
  Result<void> CheckRegion(Job& job) const;
  void Start(std::shared_ptr<Job> job);
  // `watched`, if any, is of a job that waits for the HSM.
  void Run(const std::shared_ptr<Job>& job, LateWatch::Ticket* watched = nullptr);
  void RunOnToken(const std::shared_ptr<Job>& job);
  void Send(Lane lane, const std::shared_ptr<Job>& job);
  static bool Claim(Job& job);
  void Succeed(Job& job, const boost::json::object& result);
  void Fail(Job& job, const Error& error);
  void Finish(Job& job, HttpResponse response, const Error* error);
  void Tell(Job& job, HttpResponse response, const Error* error);
  // The line of a request; the views in it are those of the job.
  AuditCall LineOf(Job& job, const Error* error) const;
  static Said SaidBy(const boost::json::object& answer);
  static void Note(Job& job, const Said& said);
  // Of a batch there is a line for each key, version and code among its items.
  Result<void> TellItems(Job& job, const boost::json::array& items);
  void Abandon(const Job& job) const;
  void Conclude(Job& job, HttpResponse response, const Error* error);
  HttpResponse WordFailure(const Job& job, const Error& error) const;

  const DispatcherParts parts_;
  const RequestLog log_;
  ServicePages pages_;
  Outstanding telling_;    // answers that wait for their lines
  LateWatch token_watch_;  // ended before telling_: it answers too
  using Routes = std::unordered_map<std::string_view, const Operation*>;
  Routes routes_;
  Routes access_point_routes_;  // canonical paths without their version
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_DISPATCHER_H_
