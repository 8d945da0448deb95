#include "api/service_pages.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <memory>
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

bool ServicePages::Has(std::string_view path, bool operator_listener) const {
  if (path == kHealth) return true;
  if (apart_ && !operator_listener) return false;
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
  for (const Probe& probe : probes_) {
    bool good = false;
    try {
      good = probe.check().has_value();
    } catch (const std::exception&) {
      // Not ready; which part is what the page tells.
    }
    parts[probe.name] = good ? "up" : "down";
    ready = ready && good;
  }
  boost::json::object page;
  page["status"] = ready ? "ready" : "not ready";
  page["parts"] = std::move(parts);
  return Page(ready ? 200 : 503, boost::json::serialize(page));
}

}  // namespace kms::server
