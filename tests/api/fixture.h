// ApiTest: a dispatcher over a small table of operations, a Kms in memory, and a client
// that signs.

#ifndef KMS_TESTS_API_FIXTURE_H_
#define KMS_TESTS_API_FIXTURE_H_

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <functional>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/arguments.h"
#include "api/call.h"
#include "api/dispatcher.h"
#include "support/matchers.h"

namespace kms::server::testing {

inline constexpr UnixMillis kStart = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
inline constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

// Lets the principals through that the test names.
class TestPolicy final : public Policy {
 public:
  Result<void> MayAnywhere(const RequestContext&,
                           std::string_view action) const override {
    if (action == denied) return Reason::kDenied;
    return {};
  }
  Result<void> May(const Reader&, const RequestContext&, std::string_view,
                   const Resource&) const override {
    return {};
  }
  Result<void> MayEverywhere(const Reader&, const RequestContext&, std::string_view,
                             std::string_view) const override {
    return {};
  }
  std::string denied = "kms:test:denied";
};

// The rows: each handler tells what it got.
std::span<const Operation* const> TestOperations();

// What /v1/test/hangs waits for, on the lane for the token, and what it saw when it went
// on: set by a test, which outlives the handler.
struct Hang {
  std::latch until{1};
  std::promise<std::string> text;
  bool went_on_before = false;
  bool went_on_after = true;
};
extern Hang* hang;

struct Sent {
  std::string method = "POST";
  std::string target = "/v1/test/echo";
  std::string body = "{}";
  std::string access_key = "ak-1";
  std::string secret{kSecret};
  std::string request_id;  // empty: a fresh one
  std::optional<UnixMillis> date;
  std::optional<std::string> region = "region-1";
  // Changes the headers after they were signed.
  std::function<void(std::map<std::string, std::string>&)> spoil = {};
  bool operator_listener = false;
};

struct Answered {
  int status = 0;
  std::string text;
  std::map<std::string, std::string> headers;
  boost::json::object json() const { return boost::json::parse(text).as_object(); }
  std::string error() const {
    const auto object = json();
    return object.contains("errorCode") ? std::string(object.at("errorCode").as_string())
                                        : std::string();
  }
  std::string message() const { return std::string(json().at("message").as_string()); }
  boost::json::object result() const {
    return json().at("returnObj").at("result").as_object();
  }
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() { MakeDispatcher(); }

  void MakeDispatcher(bool pages_apart = false, LanesConfig config = {},
                      std::chrono::milliseconds token_patience = {}) {
    dispatcher.reset();
    lanes = std::make_unique<Lanes>(config);
    dispatcher = std::make_unique<Dispatcher>(
        DispatcherParts{.kms = *kms,
                        .dialect = *dialect,
                        .authenticator = authenticator,
                        .policy = policy,
                        .clock = clock,
                        .lanes = *lanes,
                        .metrics = metrics,
                        .operations = TestOperations(),
                        .regions = {"region-1", "region-2"},
                        .probes = {{"store", [this] { return store_health; }},
                                   {"root key", [this] { return kms->Check(); }}},
                        .operator_pages_apart = pages_apart,
                        .token_patience = token_patience,
                        .audit = audit});
  }
  ~ApiTest() override { lanes->Drain(); }

  Answered Send(const Sent& sent) {
    std::map<std::string, std::string> headers;
    if (sent.region) headers["regionId"] = *sent.region;
    const std::size_t end = std::min(sent.target.find('?'), sent.target.size());
    RequestView view;
    view.method = sent.method;
    view.path = std::string_view(sent.target).substr(0, end);
    view.query =
        std::string_view(sent.target).substr(std::min(end + 1, sent.target.size()));
    view.body = AsBytes(sent.body);
    const std::string id =
        sent.request_id.empty() ? "id-" + std::to_string(++ids_) : sent.request_id;
    for (const SignedHeader& header :
         signer->Sign(view, sent.access_key, SecretBytes::CopyOf(AsBytes(sent.secret)),
                      sent.date.value_or(clock.Now()), id, {}))
      headers[header.name] = header.value;
    if (sent.spoil) sent.spoil(headers);
    return SendUnsigned(sent.method, sent.target, headers, sent.body,
                        sent.operator_listener);
  }

  Answered SendUnsigned(const std::string& method, const std::string& target,
                        const std::map<std::string, std::string>& headers = {},
                        const std::string& body = {}, bool operator_listener = false) {
    std::vector<HeaderView> views;
    for (const auto& [name, value] : headers) views.push_back({name, value});
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = views;
    request.body = AsBytes(body);
    request.peer = "192.0.2.1";
    request.operator_listener = operator_listener;
    std::promise<HttpResponse> promise;
    dispatcher->Handle(
        request, [&](HttpResponse response) { promise.set_value(std::move(response)); });
    const HttpResponse response = promise.get_future().get();
    Answered answered;
    answered.status = response.status;
    answered.text.assign(response.body.begin(), response.body.end());
    for (const auto& [name, value] : response.headers)
      answered.headers[std::string(name)] = value;
    return answered;
  }

  std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewBotanBackend(*root);
  FixedClock clock{kStart};
  TestPolicy policy;
  std::unique_ptr<Kms> kms = Kms::Open({.store = *store,
                                        .root = *root,
                                        .software = *backend,
                                        .policy = policy,
                                        .clock = clock})
                                 .value();
  Result<void> store_health;
  std::unique_ptr<Dialect> dialect = NewSeedDialect();
  std::unique_ptr<Signer> signer = NewEopSigner();
  ReplayGuard guard{1 << 20, Digest32{7}};
  Result<void> identity_health;
  Authenticator authenticator{
      {*signer, [this](std::string_view ak) { return Find(ak); }, guard, clock, {}}};
  Metrics metrics{TestOperations()};
  AuditLog* audit = nullptr;  // for the next MakeDispatcher
  std::unique_ptr<Lanes> lanes;
  std::unique_ptr<Dispatcher> dispatcher;

 private:
  Result<std::shared_ptr<const AccessKey>> Find(std::string_view name) const {
    if (!identity_health) return identity_health.error();
    if (name != "ak-1" && name != "ak-2" && name != "ak-off")
      return Reason::kAccessKeyNotFound;
    return std::make_shared<const AccessKey>(
        AccessKey{{"account-1", "user-1", std::string(name), true},
                  name != "ak-off",
                  SecretBytes::CopyOf(AsBytes(kSecret))});
  }
  int ids_ = 0;
};

}  // namespace kms::server::testing

#endif  // KMS_TESTS_API_FIXTURE_H_
