#include "kmsd/housekeeper.h"

#include <chrono>
#include <string>

#include "kmsd/log.h"

namespace kms::server {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

Housekeeper::Housekeeper(Kms& kms, AuditSink& audit, spdlog::logger& log)
    : kms_(kms), audit_(audit), log_(log), thread_([this] { Run(); }) {}

Housekeeper::~Housekeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Housekeeper::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const bool more = Round();
    lock.lock();
    if (!more) wake_.wait_for(lock, kInterval, [this] { return stopping_; });
  }
  lock.unlock();
  if (const auto drained = kms_.DrainAudit(audit_); !drained)
    LogMessage(log_, spdlog::level::err,
               "audit events are left in the store: " + drained.error().detail());
}

bool Housekeeper::Round() {
  const auto work = kms_.RunDueWork();
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
  if (!drained && audit_works_)
    LogMessage(log_, spdlog::level::err,
               "audit events cannot be written: " + drained.error().detail());
  audit_works_ = drained.has_value();
  return work && work->forgotten > 0 && work->failed == 0;
}

}  // namespace kms::server
