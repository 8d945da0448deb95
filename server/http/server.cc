#include "http/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "http/listener.h"
#include "http/session.h"
#include "http/tls_context.h"
#include "http/worker.h"

namespace kms::server {
namespace {

// Deadlines are looked at often enough to be late by a quarter at most.
std::chrono::milliseconds TickOf(const HttpDeadlines& deadlines) {
  const std::int64_t shortest =
      std::min({deadlines.handshake_millis, deadlines.head_millis, deadlines.body_millis,
                deadlines.idle_millis, deadlines.write_millis, deadlines.linger_millis});
  return std::chrono::milliseconds(std::clamp<std::int64_t>(shortest / 4, 5, 100));
}

// Connections must not take the descriptors that the store and the log need.
std::size_t MaxConnections(const HttpLimits& limits) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
    return limits.connections;
  }
  const std::size_t spare =
      std::min<std::size_t>(limits.spare_descriptors, files.rlim_cur);
  return std::min<std::size_t>(limits.connections, files.rlim_cur - spare);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpServerConfig& config, HttpHandler& handler)
      : bodies_(config.limits.all_bodies_bytes),
        rules_{config.limits, config.deadlines, handler, bodies_} {}

  ~Impl() { Stop(); }

  Result<void> Start(const HttpServerConfig& config) {
    const bool with_tls =
        std::any_of(config.listeners.begin(), config.listeners.end(),
                    [](const ListenerConfig& each) { return each.tls; });
    if (with_tls) {
      KMS_TRY(tls_, NewTlsContext(config.certificate));
    }
    const std::size_t threads = config.io_threads != 0
                                    ? config.io_threads
                                    : std::max(1u, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < threads; ++i) {
      workers_.push_back(std::make_shared<Worker>(TickOf(config.deadlines)));
    }
    const std::size_t most = MaxConnections(config.limits);
    for (const ListenerConfig& each : config.listeners) {
      listeners_.push_back(
          std::make_shared<Listener>(each, workers_[listeners_.size() % threads],
                                     workers_, rules_, most, tls_.get()));
      KMS_CHECK_OK(listeners_.back()->Bind());
    }
    running_ = true;
    for (const auto& worker : workers_) worker->Run();
    for (const auto& listener : listeners_) listener->Start();
    return {};
  }

  std::uint16_t port(std::size_t index) const { return listeners_.at(index)->port(); }

  std::size_t connections() const {
    std::size_t open = 0;
    for (const auto& worker : workers_) open += worker->load();
    return open;
  }

  void Stop() {
    if (!std::exchange(running_, false)) return;
    const TimePoint deadline = std::chrono::steady_clock::now() +
                               std::chrono::milliseconds(rules_.deadlines.stop_millis);
    for (const auto& listener : listeners_) listener->Stop();
    for (const auto& worker : workers_) worker->BeginStop();
    for (const auto& worker : workers_) worker->WaitUntilEmpty(deadline);
    // Listeners first: those that still wait for a connection belong to the loops.
    listeners_.clear();
    for (const auto& worker : workers_) worker->Finish();
  }

 private:
  BodyBudget bodies_;
  const SessionRules rules_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::vector<std::shared_ptr<Worker>> workers_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  bool running_ = false;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerConfig& config,
                                                      HttpHandler& handler) {
  auto impl = std::make_unique<Impl>(config, handler);
  KMS_CHECK_OK(impl->Start(config));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port(std::size_t index) const { return impl_->port(index); }
std::size_t HttpServer::connections() const { return impl_->connections(); }
void HttpServer::Stop() { impl_->Stop(); }

}  // namespace kms::server
