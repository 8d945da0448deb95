#include "http/listener.h"

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace kms::server {
namespace {

using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;

// How long accepting rests when the process has no descriptor or memory left.
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

Listener::Listener(const ListenerConfig& config, std::shared_ptr<Worker> home,
                   const std::vector<std::shared_ptr<Worker>>& workers,
                   const SessionRules& rules, std::size_t max_connections,
                   boost::asio::ssl::context* tls)
    : config_(config),
      home_(std::move(home)),
      workers_(workers),
      rules_(rules),
      max_connections_(max_connections),
      tls_(tls),
      acceptor_(home_->context()),
      pause_(home_->context()) {}

Result<void> Listener::Bind() {
  const std::string place = config_.host + ":" + std::to_string(config_.port);
  const auto failed = [&place](const ErrorCode& error) {
    return Error(ErrorClass::kUnavailable, Reason::kInternal,
                 place + ": " + error.message());
  };
  ErrorCode error;
  tcp::resolver resolver(home_->context());
  const auto found = resolver.resolve(config_.host, std::to_string(config_.port),
                                      tcp::resolver::passive, error);
  if (error) return failed(error);
  if (found.empty()) return failed(boost::asio::error::host_not_found);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return failed(error);
  port_ = acceptor_.local_endpoint(error).port();
  return {};
}

void Listener::Start() {
  home_->Post([self = shared_from_this()] { self->Accept(); });
}

void Listener::Stop() {
  home_->Post([self = shared_from_this()] {
    ErrorCode ignored;
    self->acceptor_.close(ignored);
    self->pause_.cancel();
  });
}

void Listener::Accept() {
  if (!acceptor_.is_open()) return;
  const std::shared_ptr<Worker> worker = *std::min_element(
      workers_.begin(), workers_.end(),
      [](const auto& a, const auto& b) { return a->load() < b->load(); });
  acceptor_.async_accept(
      worker->context(),
      [self = shared_from_this(), worker](const ErrorCode& error, tcp::socket socket) {
        if (!error) {
          self->Serve(worker, std::move(socket));
          self->Accept();
        } else if (self->acceptor_.is_open()) {
          self->pause_.expires_after(kPause);
          self->pause_.async_wait([self](const ErrorCode&) { self->Accept(); });
        }
      });
}

void Listener::Serve(std::shared_ptr<Worker> worker, tcp::socket socket) {
  std::size_t open = 0;
  for (const auto& each : workers_) open += each->load();
  if (open >= max_connections_) return;  // closes it

  ErrorCode error;
  socket.set_option(tcp::no_delay(true), error);
  SessionOrigin origin{{}, config_.tls, config_.operator_listener, config_.access_point};
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (!error) origin.peer = peer.address().to_string();

  bool reserved = false;
  try {
    const std::shared_ptr<Session> session =
        config_.tls
            ? NewTlsSession(worker, rules_, std::move(origin), std::move(socket), *tls_)
            : NewPlainSession(worker, rules_, std::move(origin), std::move(socket));
    worker->Reserve();
    reserved = true;
    worker->Post([session] { session->Start(); });
  } catch (const std::exception&) {
    // Out of memory: this connection is dropped, the next one may find some.
    if (reserved) worker->Release();
  }
}

}  // namespace kms::server
