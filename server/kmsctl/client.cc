#include "kmsctl/client.h"

#include <openssl/rand.h>

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/verify_mode.hpp>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "kms/encoding.h"
#include "kmsctl/connection.h"
#include "kmsctl/failure.h"

namespace kms::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

Result<std::string> NewRequestId() {
  std::array<std::uint8_t, 16> random{};
  if (RAND_bytes(random.data(), random.size()) != 1)
    return Error(Reason::kRandomFailed, "no random bytes");
  return ToUuid(random);
}

}  // namespace

class Client::Impl {
 public:
  Impl(Credentials credentials, Endpoint endpoint, const ClientOptions& options,
       const Signer& signer, const Clock& clock)
      : credentials_(std::move(credentials)),
        endpoint_(std::move(endpoint)),
        options_(options),
        signer_(signer),
        clock_(clock) {}

  Result<void> PrepareTls() {
    if (!endpoint_.tls) return {};
    error_code error;
    tls_.emplace(asio::ssl::context::tls_client);
    tls_->set_options(asio::ssl::context::default_workarounds |
                          asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                      error);
    if (options_.insecure) {
      tls_->set_verify_mode(asio::ssl::verify_none, error);
      return {};
    }
    tls_->set_verify_mode(asio::ssl::verify_peer, error);
    if (credentials_.ca_file.empty()) {
      tls_->set_default_verify_paths(error);
    } else {
      tls_->load_verify_file(credentials_.ca_file, error);
    }
    if (error) return UsageError(credentials_.ca_file + ": " + error.message());
    return {};
  }

  ClientRequest Begin(http::verb method, std::string_view path) const {
    ClientRequest request(method, {path.data(), path.size()}, 11);
    request.set(http::field::host, endpoint_.authority);
    request.set(http::field::user_agent, "kmsctl");
    return request;
  }

  Result<void> Sign(ClientRequest& request) const {
    request.set("regionId", credentials_.region);
    const std::array<HeaderView, 1> headers = {
        HeaderView{"regionId", credentials_.region}};
    const std::string path(request.target());
    const RequestView view{
        .method = "POST",
        .path = path,
        .query = {},
        .headers = headers,
        .body = AsBytes({request.body().data(), request.body().size()})};
    KMS_TRY(const std::string id, NewRequestId());
    constexpr std::array<std::string_view, 1> kAlso = {"regionid"};
    for (const SignedHeader& header :
         signer_.Sign(view, credentials_.access_key, credentials_.secret_key,
                      clock_.Now(), id, kAlso))
      request.set(header.name, header.value);
    return {};
  }

  Result<HttpAnswer> Send(ClientRequest request) {
    request.prepare_payload();
    const bool reused = connection_ != nullptr;
    for (bool again = reused;; again = false) {
      if (!connection_) {
        connection_ = NewConnection(tls_ ? &*tls_ : nullptr, !options_.insecure,
                                    std::chrono::seconds(options_.timeout_seconds));
        if (const error_code error = connection_->Open(endpoint_)) {
          connection_.reset();
          return ConnectionError("cannot connect to " + endpoint_.authority + ": " +
                                 error.message());
        }
      }
      ClientResponse response;
      bool started = false;
      const error_code error = connection_->Exchange(request, response, started);
      if (!error) {
        if (!response.keep_alive()) connection_.reset();
        return HttpAnswer{static_cast<int>(response.result_int()),
                          std::move(response.body())};
      }
      connection_.reset();
      if (!again || started || error == boost::beast::error::timeout)
        return ConnectionError("no answer from " + endpoint_.authority + ": " +
                               error.message());
    }
  }

  const Credentials& credentials() const { return credentials_; }

 private:
  const Credentials credentials_;
  const Endpoint endpoint_;
  const ClientOptions options_;
  const Signer& signer_;
  const Clock& clock_;
  std::optional<asio::ssl::context> tls_;
  std::unique_ptr<Connection> connection_;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

const Credentials& Client::credentials() const { return impl_->credentials(); }

Result<std::unique_ptr<Client>> Client::New(Credentials credentials,
                                            const ClientOptions& options,
                                            const Signer& signer, const Clock& clock) {
  KMS_TRY(Endpoint endpoint, ParseEndpoint(credentials.endpoint));
  try {
    auto impl = std::make_unique<Impl>(std::move(credentials), std::move(endpoint),
                                       options, signer, clock);
    KMS_CHECK_OK(impl->PrepareTls());
    return std::unique_ptr<Client>(new Client(std::move(impl)));
  } catch (const boost::system::system_error& error) {
    return UsageError(std::string("TLS: ") + error.what());
  }
}

Result<HttpAnswer> Client::Post(std::string_view path, WipedString body) {
  try {
    ClientRequest request = impl_->Begin(http::verb::post, path);
    request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    KMS_CHECK_OK(impl_->Sign(request));
    return impl_->Send(std::move(request));
  } catch (const std::exception& error) {
    return ConnectionError(error.what());
  }
}

Result<HttpAnswer> Client::Get(std::string_view path) {
  try {
    return impl_->Send(impl_->Begin(http::verb::get, path));
  } catch (const std::exception& error) {
    return ConnectionError(error.what());
  }
}

}  // namespace kms::server
