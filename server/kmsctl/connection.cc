#include "kmsctl/connection.h"

#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace kms::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::uint64_t kMaxAnswer = 16 << 20;

template <typename Stream>
class StreamConnection final : public Connection {
 public:
  template <typename... Arguments>
  StreamConnection(bool verify, std::chrono::seconds timeout, Arguments&... arguments)
      : verify_(verify), timeout_(timeout), stream_(context_, arguments...) {}

  error_code Open(const Endpoint& endpoint) override {
    error_code error;
    asio::ip::tcp::resolver resolver(context_);
    const auto found = resolver.resolve(endpoint.host, endpoint.port, error);
    if (error) return error;
    auto& tcp = beast::get_lowest_layer(stream_);
    tcp.expires_after(timeout_);
    error = Run([&](auto done) {
      tcp.async_connect(found, [done](error_code e, const auto&) { done(e); });
    });
    if (error) return error;
    tcp.socket().set_option(asio::ip::tcp::no_delay(true), error);
    if constexpr (std::is_same_v<Stream, beast::tcp_stream>)
      return {};
    else
      return Greet(endpoint);
  }

  error_code Exchange(ClientRequest& request, ClientResponse& response,
                      bool& started) override {
    started = false;
    beast::get_lowest_layer(stream_).expires_after(timeout_);
    error_code error = Run([&](auto done) {
      beast::http::async_write(stream_, request,
                               [done](error_code e, std::size_t) { done(e); });
    });
    if (error) return error;
    beast::http::response_parser<WipedBody> parser;
    parser.body_limit(kMaxAnswer);
    error = Run([&](auto done) {
      beast::http::async_read(stream_, buffer_, parser,
                              [done](error_code e, std::size_t) { done(e); });
    });
    started = parser.got_some();
    if (!error) response = parser.release();
    return error;
  }

 private:
  // The deadlines of a Beast stream hold for asynchronous calls only; so each call is
  // one, and is waited for.
  template <typename Start>
  error_code Run(Start start) {
    error_code result = asio::error::operation_aborted;
    start([&result](error_code error) { result = error; });
    context_.restart();
    context_.run();
    return result;
  }

  error_code Greet(const Endpoint& endpoint) {
    error_code error;
    asio::ip::make_address(endpoint.host, error);
    const bool is_name = static_cast<bool>(error);
    if (is_name &&
        SSL_set_tlsext_host_name(stream_.native_handle(), endpoint.host.c_str()) != 1)
      return asio::error::invalid_argument;
    error = {};
    if (verify_)
      stream_.set_verify_callback(asio::ssl::host_name_verification(endpoint.host),
                                  error);
    if (error) return error;
    return Run([&](auto done) {
      stream_.async_handshake(asio::ssl::stream_base::client,
                              [done](error_code e) { done(e); });
    });
  }

  const bool verify_;
  const std::chrono::seconds timeout_;
  asio::io_context context_{1};
  Stream stream_;
  beast::basic_flat_buffer<WipingAllocator<char>> buffer_;
};

}  // namespace

Connection::~Connection() = default;

std::unique_ptr<Connection> NewConnection(asio::ssl::context* tls, bool verify,
                                          std::chrono::seconds timeout) {
  if (!tls) return std::make_unique<StreamConnection<beast::tcp_stream>>(verify, timeout);
  return std::make_unique<StreamConnection<beast::ssl_stream<beast::tcp_stream>>>(
      verify, timeout, *tls);
}

}  // namespace kms::server
