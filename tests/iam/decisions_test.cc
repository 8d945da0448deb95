// What users may do, and when that begins and ends to count.

#include "fixture.h"

namespace kms {
namespace {

using testing::Fails;
using testing::FailsAs;
using testing::IamTest;

class Decisions : public IamTest {};

TEST_F(Decisions, ANewUserMayDoNothing) {
  const RequestContext user = NewUser("a");
  const std::string key = NewKey();
  EXPECT_THAT(policy->MayAnywhere(user, "kms:cmk:describe"), Fails(Reason::kDenied));
  EXPECT_THAT(kms->keys().Describe(user, key), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(kms->keys().Create(user, {}), Fails(Reason::kDenied));
  EXPECT_THAT(iam.users.List(user, {}), Fails(Reason::kDenied));
  EXPECT_THAT(kms->keys().List(user, {}, {}), Fails(Reason::kDenied));
}

TEST_F(Decisions, AGrantCountsAtOnceAndUntilItIsRevoked) {
  const RequestContext user = NewUser("a");
  const std::string key = NewKey();
  Grant(user, "KMSReadOnlyAccess");
  EXPECT_OK(kms->keys().Describe(user, key));
  EXPECT_OK(policy->MayAnywhere(user, "kms:cmk:describe"));
  EXPECT_THAT(kms->keys().Disable(user, key), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(policy->MayAnywhere(user, "kms:cmk:disable"), Fails(Reason::kDenied));
  EXPECT_OK(iam.policies.Revoke(root_context, {GroupOf(user), "KMSReadOnlyAccess", ""}));
  EXPECT_THAT(kms->keys().Describe(user, key), Fails(Reason::kKeyNotFound));
}

TEST_F(Decisions, EveryKindOfChangeCountsAtOnce) {
  const RequestContext user = NewUser("a");
  const std::string key = NewKey();
  const auto may = [&] { return kms->keys().Describe(user, key).has_value(); };
  const std::string custom =
      NewPolicy("p", R"({"Effect": "Allow", "Action": "kms:cmk:describe"})");
  Grant(user, custom);
  EXPECT_TRUE(may());
  EXPECT_OK(iam.policies.Update(
      root_context, custom, {},
      R"({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:cmk:list"}]})"));
  EXPECT_FALSE(may());
  Grant(user, "KMSFullAccess");
  EXPECT_TRUE(may());
  EXPECT_OK(iam.groups.RemoveUser(root_context, GroupOf(user), user.principal.user));
  EXPECT_FALSE(may());
  EXPECT_OK(iam.groups.AddUser(root_context, GroupOf(user), user.principal.user));
  EXPECT_TRUE(may());
  EXPECT_OK(iam.users.SetEnabled(root_context, user.principal.user, false));
  EXPECT_FALSE(may());
  EXPECT_OK(iam.users.SetEnabled(root_context, user.principal.user, true));
  EXPECT_TRUE(may());
  EXPECT_OK(iam.users.Delete(root_context, user.principal.user));
  EXPECT_FALSE(may());
}

TEST_F(Decisions, ADenyWinsOverEveryGrant) {
  const RequestContext user = NewUser("a");
  const std::string secret = NewKey();
  const std::string open = NewKey();
  Grant(user, "KMSFullAccess");
  Grant(user, NewPolicy("p", R"({"Effect": "Deny", "Action": "kms:cmk:*",
                                 "Resource": "cmk/)" +
                                 secret + R"("})"));
  EXPECT_THAT(kms->keys().Describe(user, secret), Fails(Reason::kKeyNotFound));
  EXPECT_OK(kms->keys().Describe(user, open));
  const auto listed = kms->keys().List(user, {}, {}).value();
  ASSERT_EQ(listed.total, 1U);
  EXPECT_EQ(listed.items.at(0).id, open);
  Grant(user, NewPolicy("q", R"({"Effect": "Deny", "Action": "*"})"));
  EXPECT_THAT(policy->MayAnywhere(user, "kms:cmk:describe"), Fails(Reason::kDenied));
  EXPECT_OK(kms->keys().Describe(root_context, secret));
}

TEST_F(Decisions, AGrantWithinAProjectEndsThere) {
  const RequestContext user = NewUser("a");
  NewProject("p1");
  NewProject("p2");
  const std::string inside = NewKey("p1");
  const std::string outside = NewKey("p2");
  EXPECT_OK(kms->aliases().Create(root_context, inside, "inside"));
  EXPECT_OK(kms->aliases().Create(root_context, outside, "outside"));
  Grant(user, "KMSFullAccess", "p1");
  EXPECT_OK(kms->keys().Describe(user, "inside"));
  EXPECT_THAT(kms->keys().Describe(user, "outside"), Fails(Reason::kKeyNotFound));
  EXPECT_EQ(kms->keys().List(user, {}, {}).value().items.at(0).id, inside);
  EXPECT_EQ(kms->keys().List(user, {}, {}).value().total, 1U);
  const auto aliases = kms->aliases().List(user, {}).value();
  ASSERT_EQ(aliases.total, 1U);
  EXPECT_EQ(aliases.items.at(0).name, "inside");
  kms::NewKey wanted;
  wanted.project = "p1";
  EXPECT_OK(kms->keys().Create(user, wanted));
  wanted.project = "p2";
  EXPECT_THAT(kms->keys().Create(user, wanted), Fails(Reason::kDenied));
  // What belongs to the account as a whole is in no project.
  EXPECT_THAT(iam.users.List(user, {}), Fails(Reason::kDenied));
  // A key takes its permissions with it.
  EXPECT_THAT(iam.projects.MoveKey(user, inside, "p2"), Fails(Reason::kDenied));
  EXPECT_OK(iam.projects.MoveKey(root_context, inside, "p2"));
  EXPECT_THAT(kms->keys().Describe(user, inside), Fails(Reason::kKeyNotFound));
}

TEST_F(Decisions, ConditionsAreThoseOfTheRequest) {
  RequestContext user = NewUser("a");
  const std::string key = NewKey();
  Grant(user, NewPolicy("p", R"({"Effect": "Allow", "Action": "kms:cmk:*", "Condition": {
            "IpAddress": {"kms:SourceIp": "10.0.0.0/8"},
            "DateLessThan": {"kms:CurrentTime": "2026-01-02T00:00:00Z"},
            "Bool": {"kms:SecureTransport": "true"}}})"));
  const auto may = [&] { return kms->keys().Describe(user, key).has_value(); };
  EXPECT_FALSE(may());
  user.source = "10.1.1.1";
  EXPECT_FALSE(may());
  user.tls = true;
  EXPECT_TRUE(may());
  clock.Advance(24LL * 60 * 60 * 1000);
  EXPECT_FALSE(may());
}

TEST_F(Decisions, AccountsDoNotSeeOneAnother) {
  const RequestContext user = NewUser("a");
  const std::string key = NewKey();
  EXPECT_OK(kms->aliases().Create(root_context, key, "mine"));
  for (const std::string& name : {key, std::string("mine")})
    EXPECT_THAT(kms->keys().Describe(other_root, name), Fails(Reason::kKeyNotFound));
  EXPECT_EQ(kms->keys().List(other_root, {}, {}).value().total, 0U);
  EXPECT_EQ(kms->aliases().List(other_root, {}).value().total, 0U);
  const auto sealed = kms->compute().Encrypt(root_context, key, AsBytes("x")).value();
  EXPECT_THAT(kms->compute().Decrypt(other_root, sealed.blob),
              Fails(Reason::kKeyNotFound));
  EXPECT_THAT(iam.users.Describe(other_root, user.principal.user),
              Fails(Reason::kUserNotFound));
  EXPECT_THAT(iam.access_keys.Delete(other_root, other_root.principal.user,
                                     user.principal.access_key),
              Fails(Reason::kAccessKeyNotFound));
  EXPECT_EQ(iam.users.List(other_root, {}).value().total, 1U);
}

TEST_F(Decisions, SimulationNamesWhatDecides) {
  const RequestContext user = NewUser("a");
  NewProject("p1");
  const std::string key = NewKey("p1");
  const std::string& id = user.principal.user;
  const auto simulate = [&](std::string_view action) {
    return iam.simulator.Run(root_context, {.user = id, .action = action, .key = key})
        .value();
  };
  EXPECT_FALSE(simulate("kms:cmk:encrypt").allowed);
  EXPECT_EQ(simulate("kms:cmk:encrypt").policy, "");
  const std::string custom = NewPolicy("p", R"({"Effect": "Allow", "Action": "kms:cmk:*"},
              {"Sid": "never", "Effect": "Deny", "Action": "kms:cmk:decrypt"})");
  Grant(user, custom, "p1");
  const auto allowed = simulate("kms:cmk:encrypt");
  EXPECT_TRUE(allowed.allowed);
  EXPECT_EQ(allowed.policy, custom);
  EXPECT_EQ(allowed.project, "p1");
  EXPECT_EQ(allowed.statement, 1U);
  const auto denied = simulate("kms:cmk:decrypt");
  EXPECT_TRUE(denied.denied);
  EXPECT_EQ(denied.statement, 2U);
  EXPECT_EQ(denied.sid, "never");
  EXPECT_THAT(iam.simulator.Run(root_context, {.user = id, .action = "kms:cmk:fly"}),
              Fails(Reason::kBadParameter));
  EXPECT_TRUE(iam.simulator
                  .Run(root_context,
                       {.user = root_context.principal.user, .action = "kms:cmk:encrypt"})
                  .value()
                  .allowed);
}

TEST_F(Decisions, ADryRunChecksAndChangesNothing) {
  RequestContext user = NewUser("a");
  Grant(user, "KMSFullAccess");
  const std::string key = NewKey();
  const auto before = store->Read().value()->revision();
  user.dry_run = true;
  user.request_id = "r1";
  EXPECT_THAT(kms->keys().Create(user, {}), FailsAs(ErrorClass::kDryRun));
  EXPECT_THAT(kms->keys().Disable(user, key), FailsAs(ErrorClass::kDryRun));
  EXPECT_THAT(kms->compute().Encrypt(user, key, AsBytes("x")),
              FailsAs(ErrorClass::kDryRun));
  EXPECT_THAT(iam.users.Create(user, {"b", ""}), FailsAs(ErrorClass::kDryRun));
  EXPECT_THAT(kms->keys().Disable(user, "absent"), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(iam.users.Create(user, {"a", ""}), Fails(Reason::kNameTaken));
  EXPECT_EQ(store->Read().value()->revision(), before);
}

}  // namespace
}  // namespace kms
