#include "api/service_pages.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace kms::server {
namespace {

constexpr std::string_view kHealth = "/healthz";
constexpr std::string_view kReadiness = "/readyz";
constexpr std::string_view kMetrics = "/metrics";
constexpr std::string_view kOpenApi = "/openapi.json";

HttpResponse Page(int status, std::string_view text,
                  std::string_view type = "application/json") {
  HttpResponse response;
  response.status = status;
  response.content_type = type;
  response.body.assign(text.begin(), text.end());
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

ServicePages::ServicePages(std::vector<Probe> probes, std::string openapi, bool apart,
                           const Metrics& metrics, Lanes& lanes)
    : probes_(std::move(probes)),
      openapi_(std::move(openapi)),
      apart_(apart),
      metrics_(metrics),
      lanes_(lanes) {}

bool ServicePages::Has(std::string_view path, bool operator_listener,
                       std::string_view access_point) const {
  if (path == kHealth) return true;
  if ((apart_ && !operator_listener) || !access_point.empty()) return false;
  return path == kReadiness || path == kMetrics || path == kOpenApi;
}

void ServicePages::Answer(std::string_view method, std::string_view path,
                          Respond respond) {
  if (method != "GET" && method != "HEAD") {
    HttpResponse refused = Page(405, R"({"status":"method not allowed"})");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    respond(std::move(refused));
  } else if (path == kHealth) {
    respond(Page(200, R"({"status":"live"})"));
  } else if (path == kMetrics) {
    respond(Page(200, metrics_.Write(), Metrics::content_type()));
  } else if (path == kOpenApi) {
    respond(Page(200, openapi_));
  } else {
    // Probes may wait, which I/O threads must not.
    const bool taken =
        lanes_.Submit(Lane::kCommit, [this, respond] { respond(Ready()); });
    if (!taken) respond(Page(503, R"({"status":"busy"})"));
  }
}

HttpResponse ServicePages::Ready() const {
  bool ready = true;
  boost::json::object parts;
  boost::json::object reasons;
  for (const Probe& probe : probes_) {
    std::optional<std::string> reason;
    try {
      if (const Result<void> checked = probe.check(); !checked)
        reason = checked.error().detail();
    } catch (const std::exception& error) {
      reason = error.what();
    }
    parts[probe.name] = reason ? "down" : "up";
    if (!reason) {
      if (probe.remark == nullptr) continue;
      if (const std::string remark = probe.remark(); !remark.empty())
        reasons[probe.name] = remark;
      continue;
    }
    ready = false;
    if (!reason->empty()) reasons[probe.name] = *reason;
  }
  boost::json::object page;
  page["status"] = ready ? "ready" : "not ready";
  page["parts"] = std::move(parts);
  if (!reasons.empty()) page["reasons"] = std::move(reasons);
  return Page(ready ? 200 : 503, boost::json::serialize(page));
}

}  // namespace kms::server
