// Every operation, as each kind of principal, through the dispatcher: who may, who may
// not, and that nobody learns of what is not theirs. Generated from the table.

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <future>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/dispatcher.h"
#include "kms/encoding.h"
#include "kms/identity.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::string_view kAbsentKey = "00000000-0000-4000-8000-000000000000";
constexpr std::string_view kName = "name-x";  // of what has no other
constexpr std::string_view kAbsentAccessKey = "00000000000000000000000000000000";

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
const std::string& PublicKey() {
  static const std::string base64 = [] {
    const auto root = NewEphemeralRootKey();
    const auto backend = NewBotanBackend(*root);
    return ToBase64(
        backend->Generate(KeySpec::kRsa2048, {"a", "b", "c", "d"}).value().public_key);
  }();
  return base64;
}

class PermissionMatrix : public ::testing::TestWithParam<const Operation*> {
 protected:
  PermissionMatrix() {
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
  ~PermissionMatrix() override { lanes.Drain(); }

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
  std::string ValueOf(const Parameter& parameter, bool there) const {
    if (parameter.name == "applicationId") return there ? point : std::string(kAbsentKey);
    if (parameter.name == "userAk")
      return there ? point_key : std::string(kAbsentAccessKey);
    if (parameter.name == "labelId") return tag;
    if (parameter.name == "policyList") return "kms:cmk:encrypt";
    if (parameter.name == "ips") return "192.0.2.0/24";
    if (parameter.name == "cmkList") return key;
    if (parameter.name == "regionId") return "region-1";
    if (parameter.name == "protectionLevel") return "1";
    if (parameter.name == "hmac") return std::string(64, '0');
    if (parameter.name == "userId" && operation.group != "iam")
      return root.context.principal.account;
    if (parameter.name == "policyDocument")
      return R"({"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": "*"}]})";
    switch (parameter.kind) {
      case Kind::kText:
      case Kind::kTexts:
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

  object BodyOf(bool there) const {
    object body;
    for (const Parameter& parameter : operation.parameters) {
      // Of two lists one is needed.
      if (!parameter.required && parameter.name != "cmkList") continue;
      if (parameter.kind == Kind::kTexts) {
        body[parameter.name] =
            boost::json::array{boost::json::string(ValueOf(parameter, there))};
      } else {
        body[parameter.name] = ValueOf(parameter, there);
      }
    }
    return body;
  }

  Answer Send(const Caller& caller, const object& parameters) {
    const std::string body = boost::json::serialize(parameters);
    const std::string id = "id-" + std::to_string(10'000 + ++ids);
    RequestView view;
    view.method = "POST";
    view.path = operation.paths.front();
    view.body = AsBytes(body);
    std::map<std::string, std::string> headers = {{"regionId", "region-1"}};
    for (const SignedHeader& header :
         signer->Sign(view, caller.context.principal.access_key, caller.secret,
                      clock.Now(), id, {}))
      headers[header.name] = header.value;
    std::vector<HeaderView> views;
    for (const auto& [name, value] : headers) views.push_back({name, value});
    HttpRequest request;
    request.method = "POST";
    request.target = view.path;
    request.headers = views;
    request.body = view.body;
    request.peer = "192.0.2.1";
    std::promise<HttpResponse> promise;
    dispatcher.Handle(
        request, [&](HttpResponse response) { promise.set_value(std::move(response)); });
    const HttpResponse response = promise.get_future().get();
    Answer answer{response.status, {response.body.begin(), response.body.end()}};
    if (const std::size_t at = answer.text.find(id); at != std::string::npos)
      answer.text.replace(at, id.size(), "ID");
    return answer;
  }
  Answer Send(const Caller& caller, bool there = true) {
    return Send(caller, BodyOf(there));
  }

  std::map<std::string, std::string> Records() const {
    std::map<std::string, std::string> all;
    for (const Record& record : store->Read().value()->Scan({}, {}, 100'000).value())
      all[record.key] = record.value;
    return all;
  }

  // Whether it is about a key, an alias, a blob, an access point or one of its access
  // keys that the request names.
  bool NamesSomething() const {
    return std::ranges::any_of(operation.parameters, [&](const Parameter& parameter) {
      return parameter.required &&
             std::ranges::find(operation.resources, parameter.name) !=
                 operation.resources.end();
    });
  }

  const Operation& operation = *GetParam();
  std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  std::unique_ptr<RootKey> root_key = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewBotanBackend(*root_key);
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
  Lanes lanes{LanesConfig{}};
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
  std::string key, point, point_key, tag;
  Bytes blob;
  int ids = 0;
};

TEST_P(PermissionMatrix, AsRoot) {
  const Answer answer = Send(root);
  EXPECT_NE(answer.code(), "KMS.0913") << answer.text;
  if (NamesSomething()) {
    EXPECT_NE(answer.code(), Send(root, false).code()) << answer.text;
  }
}

TEST_P(PermissionMatrix, AsAGrantedUser) {
  const Answer answer = Send(granted);
  // Whose userId the request names, and whose access keys, is another matter.
  EXPECT_NE(answer.code(), "KMS.0913") << answer.text;
  if (NamesSomething()) {
    EXPECT_NE(answer.code(), Send(granted, false).code()) << answer.text;
  }
}

TEST_P(PermissionMatrix, AsAUserOfAnotherProject) {
  const Answer answer = Send(elsewhere);
  if (NamesSomething()) {
    EXPECT_EQ(answer, Send(elsewhere, false));
    EXPECT_NE(answer.status, 200) << answer.text;
  } else if (operation.group == "iam" || operation.group == "tags") {
    EXPECT_EQ(answer.code(), "KMS.0913") << answer.text;
  }
  for (const std::string& secret : {key, point, point_key, tag})
    EXPECT_EQ(answer.text.find(secret), std::string::npos) << answer.text;
}

TEST_P(PermissionMatrix, AsADeniedUser) {
  for (const bool there : {true, false})
    EXPECT_EQ(Send(denied, there).code(), "KMS.0913");
  EXPECT_EQ(Send(denied, true), Send(denied, false));
}

TEST_P(PermissionMatrix, AsAnotherAccount) {
  const Answer answer = Send(other_account);
  if (NamesSomething()) {
    EXPECT_EQ(answer, Send(other_account, false));
    EXPECT_NE(answer.status, 200) << answer.text;
  }
  for (const std::string& secret : {key, point, point_key, tag})
    EXPECT_EQ(answer.text.find(secret), std::string::npos) << answer.text;
}

TEST_P(PermissionMatrix, AsAnAccessPoint) {
  const auto nothing = [](AccessPointService&, const std::string&) {};
  const Caller open = NewApplication(AccessKeyScope::kFull, nothing);
  if (!IsAccessPointAction(operation.action)) {
    EXPECT_EQ(Send(open).code(), "KMS.0913");
    return;
  }
  const Answer allowed = Send(open);
  EXPECT_NE(allowed.code(), "KMS.0913") << allowed.text;
  if (NamesSomething()) {
    EXPECT_NE(allowed.code(), Send(open, false).code()) << allowed.text;
  }
}

TEST_P(PermissionMatrix, AsAnAccessPointThatChecks) {
  using Points = AccessPointService;
  const auto nothing = [](Points&, const std::string&) {};
  const std::string_view listed[] = {
      operation.action == "kms:cmk:encrypt" ? "kms:cmk:decrypt" : "kms:cmk:encrypt"};
  const std::string other = kms->keys().Create(root.context, {}).value().id;
  const std::string_view others[] = {other};

  const Caller of_other_actions =
      NewApplication(AccessKeyScope::kFull, [&](Points& all, const std::string& id) {
        EXPECT_OK(all.ChangeActions(root.context, id, PolicyChange::kAllow, listed));
      });
  const Caller of_certificates = NewApplication(AccessKeyScope::kCertificates, nothing);
  for (const Caller* const caller : {&of_other_actions, &of_certificates}) {
    EXPECT_EQ(Send(*caller).code(), "KMS.0913");
    EXPECT_EQ(Send(*caller), Send(*caller, false));
  }

  const Caller of_other_keys =
      NewApplication(AccessKeyScope::kFull, [&](Points& all, const std::string& id) {
        EXPECT_OK(all.ChangeResources(root.context, id, PolicyChange::kAllow, others));
      });
  const Answer hidden = Send(of_other_keys);
  if (NamesSomething()) {
    EXPECT_EQ(hidden, Send(of_other_keys, false));
    EXPECT_NE(hidden.status, 200) << hidden.text;
  }
  EXPECT_EQ(hidden.text.find(key), std::string::npos) << hidden.text;

  const Caller from_elsewhere =
      NewApplication(AccessKeyScope::kFull, [&](Points& all, const std::string& id) {
        EXPECT_OK(all.SetWhitelist(root.context, id, "", {true, {"198.51.100.0/24"}}));
      });
  EXPECT_EQ(Send(from_elsewhere).code(), "KMS.0914");

  const Caller disabled = NewApplication(AccessKeyScope::kFull, nothing);
  EXPECT_OK(kms->access_points().DisableKey(root.context,
                                            disabled.context.principal.access_key));
  EXPECT_EQ(Send(disabled).code(), "KMS.0912");
}

TEST_P(PermissionMatrix, AsADryRunChangesNothing) {
  const auto before = Records();
  object body = BodyOf(true);
  body["dryRun"] = true;
  const Answer dry = Send(root, body);
  EXPECT_EQ(Records(), before);
  const Answer real = Send(root);
  if (operation.mutates) {
    EXPECT_EQ(dry.code(), real.code()) << dry.text << real.text;
  }
  if (dry.status == 200) {
    EXPECT_THAT(dry.text, ::testing::HasSubstr(R"("dryRun":true)"));
  }
  body["dryRun"] = "maybe";
  EXPECT_EQ(Send(root, body).code(), "KMS.0921");
}

INSTANTIATE_TEST_SUITE_P(All, PermissionMatrix,
                         ::testing::ValuesIn(AllOperations().begin(),
                                             AllOperations().end()),
                         [](const auto& row) { return std::string(row.param->name); });

}  // namespace
}  // namespace kms::server
