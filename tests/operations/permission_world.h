// PermissionWorld: an account with users, keys, certificates and access points, another
// account, and a dispatcher that both can ask for any operation of the table.

#ifndef KMS_TESTS_OPERATIONS_PERMISSION_WORLD_H_
#define KMS_TESTS_OPERATIONS_PERMISSION_WORLD_H_

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/dispatcher.h"
#include "kms/encoding.h"
#include "kms/identity.h"
#include "support/matchers.h"
#include "x509/certificate.h"
#include "x509/outside_ca.h"

namespace kms::server::testing {

using boost::json::object;

// No key, and no certificate, has this id.
inline constexpr std::string_view kAbsentKey = "00000000-0000-4000-8000-000000000000";
inline constexpr std::string_view kName = "name-x";  // of what has no other
inline constexpr std::string_view kSubject = "CN=www.example.com,C=CN";
inline constexpr std::string_view kAbsentAccessKey = "00000000000000000000000000000000";

struct Caller {
  RequestContext context;
  SecretBytes secret;
};

struct Answer {
  int status = 0;
  std::string text;  // without the request's id
  std::string code() const {
    const object body = boost::json::parse(text).as_object();
    const auto* const found = body.if_contains("errorCode");
    return found == nullptr ? "" : std::string(found->as_string());
  }
  friend bool operator==(const Answer&, const Answer&) = default;
};

// An RSA public key, made once.
inline const std::string& PublicKey() {
  static const std::string base64 = [] {
    const auto root = NewEphemeralRootKey();
    const auto backend = NewBotanBackend(*root);
    return ToBase64(
        backend->Generate(KeySpec::kRsa2048, {"a", "b", "c", "d"}).value().public_key);
  }();
  return base64;
}

// Whether it is about a key, a certificate, an alias, a blob, an access point or one of
// its access keys that the request names.
inline bool NamesSomething(const Operation& operation) {
  return std::ranges::any_of(operation.parameters, [&](const Parameter& parameter) {
    return parameter.required && std::ranges::find(operation.resources, parameter.name) !=
                                     operation.resources.end();
  });
}

class PermissionWorld {
 public:
  using NewBackend = std::unique_ptr<CryptoBackend> (*)(const RootKey&);

  explicit PermissionWorld(std::unique_ptr<KeyStore> on = NewMemoryKeyStore(),
                           NewBackend new_backend = NewBotanBackend)
      : store(std::move(on)), backend(new_backend(*root_key)) {
    root = NewAccount();
    other_account = NewAccount();
    EXPECT_OK(kms->iam().projects.Create(root.context, "p1", {"p1", ""}));
    EXPECT_OK(kms->iam().projects.Create(root.context, "p2", {"p2", ""}));
    granted = NewUser("granted", "");
    elsewhere = NewUser("elsewhere", "p2");
    denied = NewUser("denied", "", false);
    NewKey wanted;
    wanted.project = "p1";
    wanted.alias = "alias-k";
    key = kms->keys().Create(root.context, wanted).value().id;
    certificate = kms->certificates()
                      .Create(root.context, {.spec = KeySpec::kSm2,
                                             .subject = std::string(kSubject),
                                             .project = "p1"})
                      .value()
                      .id;
    usb_key_certificate = NewUsbKeyCertificateIn("p1");
    NewAccessPoint application;
    application.project = "p1";
    point = kms->access_points().Create(root.context, application).value().id;
    point_key = kms->access_points()
                    .CreateKey(root.context, point, AccessKeyScope::kFull)
                    .value()
                    .id;
    tag = kms->tags().Create(root.context, kName, kName).value().id;
    EXPECT_OK(kms->tags().Bind(root.context, key, {tag, kName, kName}));
    blob = kms->compute().Encrypt(root.context, key, AsBytes("secret")).value().blob;
  }
  ~PermissionWorld() { lanes.Drain(); }

  Caller NewAccount() {
    Caller made;
    EXPECT_OK(identity.CreateAccount([&](const NewAccessKey& access_key) -> Result<void> {
      made.context.principal = access_key.principal;
      made.secret = SecretBytes::CopyOf(access_key.secret.Reveal());
      return {};
    }));
    made.context.region = "region-1";
    made.context.operation = "test";
    return made;
  }

  std::string NewUsbKeyCertificateIn(const std::string& project) {
    namespace outside = kms::x509::testing;
    const outside::Key holder = outside::NewKey("SM2");
    const std::string pem = x509::CertificatePem(outside::Read(outside::Issue(
        {.not_before = clock.Now() - outside::kDay}, holder, {"x", holder})));
    const std::string id = kms->usb_key_certificates()
                               .Import(root.context, {.name = "x", .certificate = pem})
                               .value();
    EXPECT_OK(kms->iam().projects.MoveCertificate(root.context, id, project));
    return id;
  }

  Caller NewUser(const std::string& name, const std::string& project, bool grant = true) {
    IamService& iam = kms->iam();
    const auto user = iam.users.Create(root.context, {name, ""}).value();
    const auto group = iam.groups.Create(root.context, {name, ""}).value();
    EXPECT_OK(iam.groups.AddUser(root.context, group.id, user.id));
    if (grant) {
      EXPECT_OK(iam.policies.Grant(root.context, {group.id, "KMSFullAccess", project}));
    }
    auto made = iam.access_keys.Create(root.context, user.id).value();
    Caller caller;
    caller.context.principal = {root.context.principal.account, user.id,
                                made.description.id, false};
    caller.secret = *std::move(made.secret);
    return caller;
  }

  // An access key of an access point of its own, which `restrict` may restrict.
  template <typename Restrict>
  Caller NewApplication(AccessKeyScope scope, Restrict restrict) {
    AccessPointService& points = kms->access_points();
    const std::string id = points.Create(root.context, {}).value().id;
    restrict(points, id);
    NewPointKey made = points.CreateKey(root.context, id, scope).value();
    Caller caller;
    caller.context.principal.access_key = made.id;
    caller.secret = *std::move(made.secret);
    return caller;
  }

  // The head of a blob says which key it is of.
  std::string BlobOf(std::string_view of_key) const {
    std::string names = std::string(of_key) + "&" + std::string(kAbsentKey);
    const std::string head = "0064" + ToBase64(AsBytes(names));
    Bytes changed(head.begin(), head.end());
    changed.insert(changed.end(), blob.begin() + static_cast<std::ptrdiff_t>(head.size()),
                   blob.end());
    return ToBase64(changed);
  }

  // Something that each parameter can be; what names a resource is there, or is not.
  std::string ValueOf(const Operation& operation, const Parameter& parameter,
                      bool there) const {
    if (parameter.name == "applicationId") return there ? point : std::string(kAbsentKey);
    if (parameter.name == "userAk")
      return there ? point_key : std::string(kAbsentAccessKey);
    if (parameter.name == "labelId") return tag;
    if (parameter.name == "plaintexts" || parameter.name == "digests")
      return ToBase64(Bytes(32, 1));
    if (parameter.name == "policyList") return "kms:cmk:encrypt";
    if (parameter.name == "ips") return "192.0.2.0/24";
    if (parameter.name == "cmkList") return key;
    if (parameter.name == "regionId") return "region-1";
    if (parameter.name == "protectionLevel") return "1";
    if (parameter.name == "hmac") return std::string(64, '0');
    if (parameter.name == "userId" && operation.group != "iam")
      return root.context.principal.account;
    if (parameter.name == "passPhrase") return "correct horse";
    if (parameter.name == "subject") return std::string(kSubject);
    if (parameter.name == "policyDocument")
      return R"({"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": "*"}]})";
    switch (parameter.kind) {
      case Kind::kText:
      case Kind::kTexts:
      case Kind::kTextMap:
        return parameter.name == "epId" ? "p2" : std::string(kName);
      case Kind::kInteger:
        return std::to_string(parameter.min);
      case Kind::kBoolean:
        return "false";
      case Kind::kChoice:
        return std::string(parameter.choices.front().spelling);
      case Kind::kBase64:
        if (parameter.name == "ciphertextBlob")
          return there ? ToBase64(blob) : BlobOf(kAbsentKey);
        return ToBase64(Bytes(32, 1));
      case Kind::kKey:
        return there ? key : std::string(kAbsentKey);
      case Kind::kAlias:
        return !operation.resources.empty() &&
                       operation.resources.front() == "aliasName" && !there
                   ? "alias-n"
                   : "alias-k";
      case Kind::kCertificate:
        if (!there) return std::string(kAbsentKey);
        return operation.group == "usb-key certificates" ? usb_key_certificate
                                                         : certificate;
      case Kind::kVersion:
        return std::string(kAbsentKey);
      case Kind::kDays:
        return std::to_string(parameter.min) + "d";
      case Kind::kUnixTime:
        return "0";
      case Kind::kPublicKey:
        return PublicKey();
    }
    return {};
  }

  object BodyOf(const Operation& operation, bool there) const {
    object body;
    for (const Parameter& parameter : operation.parameters) {
      // Of two lists one is needed.
      if (!parameter.required && parameter.name != "cmkList") continue;
      if (parameter.kind == Kind::kTexts) {
        body[parameter.name] =
            boost::json::array{boost::json::string(ValueOf(operation, parameter, there))};
      } else {
        body[parameter.name] = ValueOf(operation, parameter, there);
      }
    }
    return body;
  }

  // A signed request and what its views point into.
  struct SignedRequest {
    std::string id;
    std::string body;
    std::map<std::string, std::string> headers;
    std::vector<HeaderView> views;
    HttpRequest http;
  };

  std::unique_ptr<SignedRequest> Sign(const Operation& operation, const Caller& caller,
                                      const object& parameters) {
    auto made = std::make_unique<SignedRequest>();
    made->body = boost::json::serialize(parameters);
    made->id = "id-" + std::to_string(10'000 + ++ids);
    RequestView view;
    view.method = "POST";
    view.path = operation.paths.front();
    view.body = AsBytes(made->body);
    made->headers = {{"regionId", "region-1"}};
    for (const SignedHeader& header :
         signer->Sign(view, caller.context.principal.access_key, caller.secret,
                      clock.Now(), made->id, {}))
      made->headers[header.name] = header.value;
    for (const auto& [name, value] : made->headers) made->views.push_back({name, value});
    made->http.method = "POST";
    made->http.target = view.path;
    made->http.headers = made->views;
    made->http.body = view.body;
    made->http.peer = "192.0.2.1";
    return made;
  }

  // Settle returns when the lanes have put away what they have answered.
  void Settle() {
    for (const Lane lane : {Lane::kCommit, Lane::kPrivateKey, Lane::kBatch}) {
      std::promise<void> idle;  // each has one thread
      EXPECT_TRUE(lanes.Submit(lane, [&] { idle.set_value(); }));
      idle.get_future().get();
    }
  }

  HttpResponse Exchange(const HttpRequest& request) {
    std::promise<HttpResponse> promise;
    dispatcher.Handle(
        request, [&](HttpResponse response) { promise.set_value(std::move(response)); });
    return promise.get_future().get();
  }

  Answer Send(const Operation& operation, const Caller& caller,
              const object& parameters) {
    const auto request = Sign(operation, caller, parameters);
    const HttpResponse response = Exchange(request->http);
    Answer answer{response.status, {response.body.begin(), response.body.end()}};
    if (const std::size_t at = answer.text.find(request->id); at != std::string::npos)
      answer.text.replace(at, request->id.size(), "ID");
    return answer;
  }

  std::map<std::string, std::string> Records() const {
    std::map<std::string, std::string> all;
    for (const Record& record : store->Read().value()->Scan({}, {}, 100'000).value())
      all[record.key] = record.value;
    return all;
  }

  const std::unique_ptr<KeyStore> store;
  std::unique_ptr<RootKey> root_key = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend;
  FixedClock clock{1'767'225'600'000};
  const ActionTable actions = ActionsOf(AllOperations());
  std::unique_ptr<Policy> user_policy = NewIamPolicy(*store, clock, actions);
  std::unique_ptr<Policy> point_policy = NewAccessPointPolicy();
  std::unique_ptr<Policy> policy = NewPrincipalPolicy(*user_policy, *point_policy);
  std::unique_ptr<Kms> kms = Kms::Open({.store = *store,
                                        .root = *root_key,
                                        .software = *backend,
                                        .policy = *policy,
                                        .clock = clock,
                                        .actions = &actions})
                                 .value();
  Identity identity{*store, *root_key, *backend, clock};
  std::unique_ptr<Dialect> dialect = NewSeedDialect();
  std::unique_ptr<Signer> signer = NewEopSigner();
  ReplayGuard guard{1 << 20, Digest32{7}};
  Authenticator authenticator{
      {*signer,
       [this](std::string_view ak) { return identity.Find(ak); },
       guard,
       clock,
       {},
       [this](const Principal& principal, std::string_view region) {
         return kms->access_points().Rules(principal, region);
       }}};
  Metrics metrics{AllOperations()};
  // One thread each, so that who runs what is the same each time.
  Lanes lanes{{.commit_threads = 1, .private_key_threads = 1}};
  Dispatcher dispatcher{DispatcherParts{.kms = *kms,
                                        .dialect = *dialect,
                                        .authenticator = authenticator,
                                        .policy = *policy,
                                        .clock = clock,
                                        .lanes = lanes,
                                        .metrics = metrics,
                                        .operations = AllOperations(),
                                        .regions = {"region-1"}}};
  Caller root, other_account, granted, elsewhere, denied;
  std::string key, certificate, usb_key_certificate, point, point_key, tag;
  Bytes blob;
  int ids = 0;
};

}  // namespace kms::server::testing

#endif  // KMS_TESTS_OPERATIONS_PERMISSION_WORLD_H_
