// Users, access keys, groups, policies and projects: what is kept, and what is refused.

#include "fixture.h"

namespace kms {
namespace {

using testing::Fails;
using testing::IamTest;

class Services : public IamTest {
 protected:
  Result<void> DisableRootKey() {
    return iam.access_keys.SetEnabled(root_context, root_context.principal.user,
                                      root_context.principal.access_key, false);
  }
};

TEST_F(Services, UsersAreListedInOrder) {
  for (const char* name : {"c", "a", "b"})
    EXPECT_OK(iam.users.Create(root_context, {name, "text"}));
  const auto listed = iam.users.List(root_context, {0, 10}).value();
  ASSERT_EQ(listed.total, 4U);
  EXPECT_TRUE(listed.items.at(0).root);
  EXPECT_EQ(listed.items.at(1).name, "c");
  EXPECT_EQ(listed.items.at(3).name, "b");
  EXPECT_EQ(iam.users.List(root_context, {1, 3}).value().items.at(0).name, "b");
}

TEST_F(Services, NamesAreUniqueAndWellFormed) {
  EXPECT_OK(iam.users.Create(root_context, {"a", ""}));
  EXPECT_THAT(iam.users.Create(root_context, {"a", ""}), Fails(Reason::kNameTaken));
  EXPECT_OK(iam.groups.Create(root_context, {"a", ""}));
  EXPECT_OK(iam.users.Create(other_root, {"a", ""}));
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string(65, 'a')})
    EXPECT_THAT(iam.users.Create(root_context, {name, ""}), Fails(Reason::kBadParameter));
  const auto again = iam.users.Create(root_context, {"x", ""}).value();
  EXPECT_OK(iam.users.Delete(root_context, again.id));
  EXPECT_OK(iam.users.Create(root_context, {"x", ""}));
}

TEST_F(Services, AnAccessKeySignsUntilItIsDisabled) {
  const RequestContext user = NewUser("a");
  const std::string& id = user.principal.user;
  const auto made = iam.access_keys.Create(root_context, id).value();
  ASSERT_TRUE(made.secret);
  const std::string& name = made.description.id;
  const auto enabled = [&] { return identity.Find(name).value()->enabled; };
  EXPECT_TRUE(ConstantTimeEqual(identity.Find(name).value()->secret.Reveal(),
                                made.secret->Reveal()));
  EXPECT_EQ(identity.Find(name).value()->principal.user, id);
  EXPECT_FALSE(identity.Find(name).value()->principal.root);
  EXPECT_OK(iam.access_keys.SetEnabled(root_context, id, name, false));
  EXPECT_FALSE(enabled());
  EXPECT_OK(iam.access_keys.SetEnabled(root_context, id, name, true));
  EXPECT_TRUE(enabled());
  EXPECT_OK(iam.users.SetEnabled(root_context, id, false));
  EXPECT_FALSE(enabled());
  EXPECT_OK(iam.users.SetEnabled(root_context, id, true));
  EXPECT_TRUE(enabled());
  EXPECT_EQ(iam.access_keys.List(root_context, id).value().size(), 2U);
  EXPECT_OK(iam.users.Delete(root_context, id));
  EXPECT_THAT(identity.Find(name), Fails(Reason::kAccessKeyNotFound));
}

TEST_F(Services, ARepeatedCreationTellsNoSecret) {
  RequestContext asked = root_context;
  const std::string user = iam.users.Create(root_context, {"a", ""}).value().id;
  asked.request_id = "r1";
  const auto first = iam.access_keys.Create(asked, user).value();
  const auto second = iam.access_keys.Create(asked, user).value();
  EXPECT_TRUE(first.secret);
  EXPECT_FALSE(second.secret);
  EXPECT_EQ(first.description.id, second.description.id);
  EXPECT_EQ(iam.access_keys.List(root_context, user).value().size(), 1U);
}

TEST_F(Services, TheRootUserIsItsOwn) {
  const std::string& id = root_context.principal.user;
  EXPECT_THAT(iam.users.SetEnabled(root_context, id, false), Fails(Reason::kBuiltIn));
  EXPECT_THAT(iam.users.Delete(root_context, id), Fails(Reason::kBuiltIn));
  const RequestContext admin = NewUser("a");
  Grant(admin, "KMSFullAccess");
  EXPECT_THAT(iam.access_keys.Create(admin, id), Fails(Reason::kDenied));
  EXPECT_THAT(iam.groups.AddUser(root_context, GroupOf(admin), id),
              Fails(Reason::kBuiltIn));
}

TEST_F(Services, SomebodyCanAlwaysAdminister) {
  EXPECT_THAT(DisableRootKey(), Fails(Reason::kLastAdministrator));
  EXPECT_THAT(iam.access_keys.Delete(root_context, root_context.principal.user,
                                     root_context.principal.access_key),
              Fails(Reason::kLastAdministrator));
  const RequestContext admin = NewUser("a");
  Grant(admin, "KMSReadOnlyAccess");
  EXPECT_THAT(DisableRootKey(), Fails(Reason::kLastAdministrator));
  Grant(admin, "KMSFullAccess");
  EXPECT_OK(DisableRootKey());
  // Now it is the user who has to stay, by whichever way one could be rid of it.
  const std::string& id = admin.principal.user;
  EXPECT_THAT(iam.users.Delete(root_context, id), Fails(Reason::kLastAdministrator));
  EXPECT_THAT(iam.users.SetEnabled(root_context, id, false),
              Fails(Reason::kLastAdministrator));
  EXPECT_THAT(iam.access_keys.Delete(root_context, id, admin.principal.access_key),
              Fails(Reason::kLastAdministrator));
  EXPECT_THAT(iam.groups.RemoveUser(root_context, GroupOf(admin), id),
              Fails(Reason::kLastAdministrator));
  EXPECT_THAT(iam.policies.Revoke(root_context, {GroupOf(admin), "KMSFullAccess", ""}),
              Fails(Reason::kLastAdministrator));
  const std::string deny = NewPolicy("p", R"({"Effect": "Deny", "Action": "kms:iam:*"})");
  EXPECT_THAT(iam.policies.Grant(root_context, {GroupOf(admin), deny, ""}),
              Fails(Reason::kLastAdministrator));
  EXPECT_OK(iam.access_keys.SetEnabled(root_context, root_context.principal.user,
                                       root_context.principal.access_key, true));
  EXPECT_OK(iam.users.Delete(root_context, id));
}

TEST_F(Services, WhatIsInUseStays) {
  const RequestContext user = NewUser("a");
  const std::string group = GroupOf(user);
  const std::string custom = NewPolicy("p", R"({"Effect": "Allow", "Action": "*"})");
  NewProject("p1");
  Grant(user, custom, "p1");
  EXPECT_THAT(iam.groups.Delete(root_context, group), Fails(Reason::kStillInUse));
  EXPECT_THAT(iam.policies.Delete(root_context, custom), Fails(Reason::kStillInUse));
  EXPECT_THAT(iam.projects.Delete(root_context, "p1"), Fails(Reason::kStillInUse));
  EXPECT_OK(iam.policies.Revoke(root_context, {group, custom, "p1"}));
  const std::string key = NewKey("p1");
  EXPECT_THAT(iam.projects.Delete(root_context, "p1"), Fails(Reason::kStillInUse));
  EXPECT_OK(iam.projects.MoveKey(root_context, key, "default"));
  const std::string certificate =
      kms->certificates()
          .Create(root_context,
                  {.spec = KeySpec::kSm2, .subject = "CN=x,C=CN", .project = "p1"})
          .value()
          .id;
  EXPECT_THAT(iam.projects.Delete(root_context, "p1"), Fails(Reason::kStillInUse));
  EXPECT_THAT(iam.projects.MoveCertificate(root_context, key, "default"),
              Fails(Reason::kCertificateNotFound));
  EXPECT_THAT(iam.projects.MoveCertificate(root_context, certificate, "x"),
              Fails(Reason::kBadParameter));
  EXPECT_OK(iam.projects.MoveCertificate(root_context, certificate, "default"));
  EXPECT_EQ(kms->certificates().Describe(root_context, certificate)->summary.project,
            "default");
  EXPECT_EQ(kms->keys().Describe(root_context, key).value().project, "default");
  EXPECT_OK(iam.projects.Delete(root_context, "p1"));
  EXPECT_OK(iam.policies.Delete(root_context, custom));
  EXPECT_THAT(iam.groups.Delete(root_context, group), Fails(Reason::kStillInUse));
  EXPECT_OK(iam.users.Delete(root_context, user.principal.user));
  EXPECT_OK(iam.groups.Delete(root_context, group));
}

TEST_F(Services, WhatTheSystemProvidesStays) {
  EXPECT_THAT(iam.policies.Delete(root_context, "KMSFullAccess"),
              Fails(Reason::kBuiltIn));
  EXPECT_THAT(iam.policies.Update(root_context, "KMSFullAccess", "x", {}),
              Fails(Reason::kBuiltIn));
  EXPECT_THAT(iam.projects.Delete(root_context, "default"), Fails(Reason::kBuiltIn));
  EXPECT_THAT(iam.policies.Create(root_context, {"KMSFullAccess", ""},
                                  R"({"Version":"1","Statement":[{"Effect":"Deny",
                                      "Action":"*"}]})"),
              Fails(Reason::kNameTaken));
  const auto listed = iam.policies.List(root_context, {}).value();
  EXPECT_EQ(listed.total, 5U);
  EXPECT_TRUE(listed.items.at(0).system);
}

TEST_F(Services, WhatIsNotThere) {
  EXPECT_THAT(iam.users.Describe(root_context, "x"), Fails(Reason::kUserNotFound));
  EXPECT_THAT(iam.groups.Delete(root_context, "x"), Fails(Reason::kGroupNotFound));
  EXPECT_THAT(iam.policies.Describe(root_context, "x"), Fails(Reason::kPolicyNotFound));
  EXPECT_THAT(iam.projects.Delete(root_context, "x"), Fails(Reason::kProjectNotFound));
  const RequestContext user = NewUser("a");
  EXPECT_THAT(iam.policies.Grant(root_context, {"x", "KMSFullAccess", ""}),
              Fails(Reason::kGroupNotFound));
  EXPECT_THAT(iam.policies.Grant(root_context, {GroupOf(user), "x", ""}),
              Fails(Reason::kPolicyNotFound));
  EXPECT_THAT(iam.policies.Grant(root_context, {GroupOf(user), "KMSFullAccess", "x"}),
              Fails(Reason::kBadParameter));
  EXPECT_THAT(iam.access_keys.Create(root_context, "x"), Fails(Reason::kUserNotFound));
  EXPECT_THAT(iam.projects.MoveKey(root_context, NewKey(), "x"),
              Fails(Reason::kBadParameter));
}

TEST_F(Services, AnAccountHasLimits) {
  const std::string user = iam.users.Create(root_context, {"a", ""}).value().id;
  for (std::size_t i = 0; i < IamLimits{}.access_keys_per_user; ++i)
    EXPECT_OK(iam.access_keys.Create(root_context, user));
  EXPECT_THAT(iam.access_keys.Create(root_context, user), Fails(Reason::kQuotaUsedUp));
  for (std::size_t i = 0; i < IamLimits{}.projects; ++i)
    NewProject("p" + std::to_string(i));
  EXPECT_THAT(iam.projects.Create(root_context, "q", {"q", ""}),
              Fails(Reason::kQuotaUsedUp));
}

}  // namespace
}  // namespace kms
