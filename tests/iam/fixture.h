// IamTest: an account with its root user, and another one, under the policy that kmsd
// has.

#ifndef KMS_TESTS_IAM_FIXTURE_H_
#define KMS_TESTS_IAM_FIXTURE_H_

#include <map>
#include <memory>
#include <string>

#include "kms/identity.h"
#include "kms/kms.h"
#include "support/matchers.h"

namespace kms::testing {

inline const ActionTable& IamActions() {
  static const ActionTable table({{"kms:cmk:create", true},
                                  {"kms:cmk:describe"},
                                  {"kms:cmk:list"},
                                  {"kms:cmk:listAlias"},
                                  {"kms:cmk:createAlias", true},
                                  {"kms:cmk:disable", true},
                                  {"kms:cmk:encrypt", true, true},
                                  {"kms:cmk:decrypt", true, true},
                                  {"kms:accessPoint:createApplicationAccessPoint", true},
                                  {"kms:accessPoint:deleteApplicationAccessPoint", true},
                                  {"kms:accessPoint:listApplicationAccessPoint"},
                                  {"kms:ak:createUserAk", true},
                                  {"kms:iam:createUser", true},
                                  {"kms:iam:listUsers"},
                                  {"kms:iam:moveKey", true}});
  return table;
}

class IamTest : public ::testing::Test {
 protected:
  IamTest() {
    root_context = NewAccount();
    other_root = NewAccount();
  }

  RequestContext NewAccount() {
    RequestContext context;
    EXPECT_OK(identity.CreateAccount([&](const NewAccessKey& key) -> Result<void> {
      context.principal = key.principal;
      return {};
    }));
    context.region = "region-1";
    context.source = "192.0.2.1";
    context.operation = "test";
    return context;
  }

  // A user with an access key, in a group of its own.
  RequestContext NewUser(const std::string& name) {
    const auto user = iam.users.Create(root_context, {name, ""}).value();
    const auto group = iam.groups.Create(root_context, {name, ""}).value();
    EXPECT_OK(iam.groups.AddUser(root_context, group.id, user.id));
    RequestContext context = root_context;
    context.principal = {root_context.principal.account, user.id, "", false};
    context.principal.access_key =
        iam.access_keys.Create(root_context, user.id).value().description.id;
    groups[user.id] = group.id;
    return context;
  }
  std::string GroupOf(const RequestContext& user) {
    return groups.at(user.principal.user);
  }

  void Grant(const RequestContext& user, const std::string& granted,
             const std::string& project = "") {
    EXPECT_OK(iam.policies.Grant(root_context, {GroupOf(user), granted, project}));
  }
  std::string NewPolicy(const std::string& name, const std::string& statements) {
    return iam.policies
        .Create(root_context, {name, ""},
                R"({"Version": "1.1", "Statement": [)" + statements + "]}")
        .value()
        .id;
  }
  void NewProject(const std::string& id) {
    EXPECT_OK(iam.projects.Create(root_context, id, {id, ""}));
  }
  std::string NewKey(const std::string& project = "default") {
    kms::NewKey wanted;
    wanted.project = project;
    return kms->keys().Create(root_context, wanted).value().id;
  }

  std::unique_ptr<KeyStore> store = NewMemoryKeyStore();
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewBotanBackend(*root);
  FixedClock clock{1'767'225'600'000};
  std::unique_ptr<Policy> users = NewIamPolicy(*store, clock, IamActions());
  std::unique_ptr<Policy> access_points = NewAccessPointPolicy();
  std::unique_ptr<Policy> policy = NewPrincipalPolicy(*users, *access_points);
  std::unique_ptr<Kms> kms = Kms::Open({.store = *store,
                                        .root = *root,
                                        .software = *backend,
                                        .policy = *policy,
                                        .clock = clock,
                                        .actions = &IamActions()})
                                 .value();
  IamService& iam = kms->iam();
  Identity identity{*store, *root, *backend, clock};
  std::map<std::string, std::string> groups;
  RequestContext root_context;
  RequestContext other_root;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_IAM_FIXTURE_H_
