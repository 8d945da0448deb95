// Listener: takes connections on one port, and gives each to the least busy worker.

#ifndef KMS_SERVER_HTTP_LISTENER_H_
#define KMS_SERVER_HTTP_LISTENER_H_

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "http/server_config.h"
#include "http/session.h"
#include "http/worker.h"
#include "kms/result.h"

namespace kms::server {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // `home` runs the accepting; `workers` get the connections. `tls` may be null.
  Listener(const ListenerConfig& config, std::shared_ptr<Worker> home,
           const std::vector<std::shared_ptr<Worker>>& workers, const SessionRules& rules,
           std::size_t max_connections, boost::asio::ssl::context* tls);

  // Bind fails with kUnavailable.
  Result<void> Bind();
  std::uint16_t port() const { return port_; }

  // Start begins to accept; Stop ends it. Both return at once.
  void Start();
  void Stop();

 private:
  void Accept();
  void Serve(std::shared_ptr<Worker> worker, boost::asio::ip::tcp::socket socket);

  const ListenerConfig config_;
  const std::shared_ptr<Worker> home_;
  const std::vector<std::shared_ptr<Worker>>& workers_;
  const SessionRules& rules_;
  const std::size_t max_connections_;
  boost::asio::ssl::context* const tls_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::uint16_t port_ = 0;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_LISTENER_H_
