// Access points in an account with users: who may have them, and what their access keys
// may.

#include "fixture.h"

namespace kms {
namespace {

using testing::Fails;
using testing::IamTest;

class AccessPointsOfUsers : public IamTest {
 protected:
  std::string NewPoint(const RequestContext& maker, const std::string& project) {
    NewAccessPoint wanted;
    wanted.project = project;
    return kms->access_points().Create(maker, wanted).value().id;
  }
  std::string NewKeyOf(const RequestContext& maker, const std::string& point) {
    return kms->access_points().CreateKey(maker, point, AccessKeyScope::kFull).value().id;
  }
  // A request under an access key of an access point.
  RequestContext With(const std::string& access_key) {
    RequestContext context = root_context;
    const auto found = identity.Find(access_key).value();
    context.principal = found->principal;
    context.access_point_rules =
        kms->access_points().Rules(context.principal, context.region).value();
    return context;
  }
};

TEST_F(AccessPointsOfUsers, AnAccessKeyMayNoMoreThanItsMaker) {
  const RequestContext user = NewUser("a");
  NewProject("p1");
  const std::string inside = NewKey("p1");
  const std::string outside = NewKey();
  Grant(user, "KMSFullAccess", "p1");
  const RequestContext caller = With(NewKeyOf(user, NewPoint(user, "p1")));
  EXPECT_OK(kms->compute().Encrypt(caller, inside, AsBytes("x")));
  EXPECT_THAT(kms->compute().Encrypt(caller, outside, AsBytes("x")),
              Fails(Reason::kKeyNotFound));
  EXPECT_EQ(kms->keys().List(caller, {}, {}).value().total, 1U);
  EXPECT_THAT(policy->MayAnywhere(caller, "kms:iam:listUsers"), Fails(Reason::kDenied));
  EXPECT_OK(iam.users.Delete(root_context, user.principal.user));
  EXPECT_THAT(kms->compute().Encrypt(caller, inside, AsBytes("x")),
              Fails(Reason::kKeyNotFound));
}

TEST_F(AccessPointsOfUsers, ThoseThatTheRootUserMadeMayWhatTheirRulesAllow) {
  const RequestContext caller =
      With(NewKeyOf(root_context, NewPoint(root_context, "default")));
  EXPECT_OK(kms->compute().Encrypt(caller, NewKey(), AsBytes("x")));
  EXPECT_THAT(iam.users.List(caller, {}), Fails(Reason::kDenied));
  EXPECT_THAT(iam.access_keys.Create(caller, root_context.principal.user),
              Fails(Reason::kDenied));
}

TEST_F(AccessPointsOfUsers, AccessKeysOfAnAccessPointAreNotTheMakers) {
  const std::string key = NewKeyOf(root_context, NewPoint(root_context, "default"));
  const std::string& root_user = root_context.principal.user;
  EXPECT_THAT(iam.access_keys.Delete(root_context, root_user, key),
              Fails(Reason::kAccessKeyNotFound));
  EXPECT_THAT(iam.access_keys.SetEnabled(root_context, root_user, key, false),
              Fails(Reason::kAccessKeyNotFound));
  EXPECT_EQ(iam.access_keys.List(root_context, root_user).value().size(), 1U);
  // Nor does one of them administer the account.
  EXPECT_THAT(
      iam.access_keys.Delete(root_context, root_user, root_context.principal.access_key),
      Fails(Reason::kLastAdministrator));
}

TEST_F(AccessPointsOfUsers, AreOfAProject) {
  const RequestContext user = NewUser("a");
  NewProject("p1");
  NewAccessPoint wanted;
  wanted.project = "p2";
  EXPECT_THAT(kms->access_points().Create(root_context, wanted),
              Fails(Reason::kBadParameter));
  Grant(user, "KMSFullAccess", "p1");
  wanted.project = "default";
  EXPECT_THAT(kms->access_points().Create(user, wanted), Fails(Reason::kDenied));
  const std::string outside = NewPoint(root_context, "default");
  EXPECT_THAT(kms->access_points().Delete(user, outside),
              Fails(Reason::kAccessPointNotFound));
  const std::string inside = NewPoint(user, "p1");
  EXPECT_EQ(kms->access_points().List(user, {}).value().total, 1U);
  EXPECT_OK(iam.policies.Revoke(root_context, {GroupOf(user), "KMSFullAccess", "p1"}));
  EXPECT_THAT(iam.projects.Delete(root_context, "p1"), Fails(Reason::kStillInUse));
  EXPECT_OK(kms->access_points().Delete(root_context, inside));
  EXPECT_OK(iam.projects.Delete(root_context, "p1"));
}

TEST_F(AccessPointsOfUsers, ArePartOfPolicies) {
  const RequestContext user = NewUser("a");
  const std::string mine = NewPoint(root_context, "default");
  const std::string other = NewPoint(root_context, "default");
  Grant(user, NewPolicy("p", R"({"Effect": "Allow", "Action": "kms:ak:*",
                                 "Resource": "accessPoint/)" +
                                 mine + R"("})"));
  EXPECT_OK(kms->access_points().CreateKey(user, mine, AccessKeyScope::kFull));
  EXPECT_THAT(kms->access_points().CreateKey(user, other, AccessKeyScope::kFull),
              Fails(Reason::kAccessPointNotFound));
}

}  // namespace
}  // namespace kms
