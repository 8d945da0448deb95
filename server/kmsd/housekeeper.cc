#include "kmsd/housekeeper.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>

#include "kmsd/log.h"

namespace kms::server {
namespace {

constexpr std::chrono::seconds kInterval{1};
constexpr std::chrono::minutes kCountInterval{1};
constexpr std::chrono::milliseconds kSoon = std::chrono::hours(30 * 24);

}  // namespace

Housekeeper::Housekeeper(Kms& kms, AuditLog& audit, spdlog::logger& log)
    : kms_(kms),
      audit_(audit),
      log_(log),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void Housekeeper::Run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    if (Round(stop)) continue;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kInterval, [] { return false; });
  }
  if (const auto drained = kms_.DrainAudit(audit_); !drained)
    LogMessage(log_, spdlog::level::err,
               "audit events are left in the store: " + drained.error().detail());
}

bool Housekeeper::Round(const std::stop_token& stop) {
  const auto work = kms_.RunDueWork(stop);
  if (!work) {
    LogMessage(log_, spdlog::level::err,
               "due work could not be done: " + work.error().detail());
  } else {
    if (work->rotated + work->deleted + work->expired > 0)
      LogMessage(log_, spdlog::level::info,
                 "due work: " + std::to_string(work->rotated) + " keys rotated, " +
                     std::to_string(work->deleted) + " deleted, " +
                     std::to_string(work->expired) + " expired");
    if (work->failed > 0)
      LogMessage(
          log_, spdlog::level::warn,
          "due work: " + std::to_string(work->failed) + " left for the next round");
  }
  const auto drained = kms_.DrainAudit(audit_);
  if (!drained && drain_worked_)
    LogMessage(log_, spdlog::level::err,
               "audit events stay in the store: " + drained.error().detail());
  drain_worked_ = drained.has_value();
  LogAudit();
  CountNow();
  return work && work->forgotten > 0 && work->failed == 0;
}

void Housekeeper::CountNow() {
  const auto now = std::chrono::steady_clock::now();
  if (counted_ != std::chrono::steady_clock::time_point() &&
      now - counted_ < kCountInterval)
    return;
  // A store that cannot be read is told of elsewhere; the last count stays.
  if (const auto count = kms_.CountEndingCertificates(kSoon.count()))
    ending_certificates_ = *count;
  counted_ = now;
}

// Once for each change of the audit log's health.
void Housekeeper::LogAudit() {
  AuditHealth now = audit_.Health();
  if (!now.works && audit_was_.works)
    LogMessage(log_, spdlog::level::err, "audit lines cannot be written: " + now.reason);
  if (now.works && !audit_was_.works)
    LogMessage(log_, spdlog::level::info, "audit lines are written again");
  if (now.remark != audit_was_.remark && !now.remark.empty())
    LogMessage(log_, spdlog::level::err, "audit trail: " + now.remark);
  audit_was_ = std::move(now);
}

}  // namespace kms::server
