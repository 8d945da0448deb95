// Connection: one HTTP/1.1 connection to a server, over TLS or plain, with a deadline
// for each step.
//
// Threads: one at a time. Built with separately compiled Asio and Beast.

#ifndef KMS_SERVER_KMSCTL_CONNECTION_H_
#define KMS_SERVER_KMSCTL_CONNECTION_H_

#include <boost/asio/ssl/context.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>

#include "http/wiped_string.h"
#include "kmsctl/client.h"

namespace kms::server {

using WipedBody = boost::beast::http::vector_body<char, WipingAllocator<char>>;
using ClientRequest = boost::beast::http::request<WipedBody>;
using ClientResponse = boost::beast::http::response<WipedBody>;

class Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection();

  virtual boost::system::error_code Open(const Endpoint& endpoint) = 0;

  // Exchange sends `request` and reads `response`. `started` tells whether any byte of
  // an answer came.
  virtual boost::system::error_code Exchange(ClientRequest& request,
                                             ClientResponse& response, bool& started) = 0;

 protected:
  Connection() = default;
};

// `tls` is null for a plain connection, and otherwise outlives the connection.
std::unique_ptr<Connection> NewConnection(boost::asio::ssl::context* tls, bool verify,
                                          std::chrono::seconds timeout);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_CONNECTION_H_
