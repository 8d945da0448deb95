// Access points: their life, their access keys, and what their rules allow.

#include "kms/access_point_service.h"

#include "keys/fixture.h"
#include "kms/identity.h"

namespace kms::testing {
namespace {

constexpr std::string_view kEncrypt = "kms:cmk:encrypt";
constexpr std::string_view kDecrypt = "kms:cmk:decrypt";

class AccessPointTest : public KmsTest {
 protected:
  AccessPointTest() {
    policy = NewPrincipalPolicy(*users, *points);
    Reopen();
    point = MakePoint();
  }
  AccessPointService& service() { return kms->access_points(); }
  std::string MakePoint() {
    return service()
        .Create(me, {.name = "app", .vpc = "vpc-1", .subnet = "subnet-1"})
        .value()
        .id;
  }
  // The context of a request under an access key of the access point.
  RequestContext Caller(AccessKeyScope scope = AccessKeyScope::kFull) {
    RequestContext context = me;
    context.principal = {me.principal.account, "maker", "ak", true, point, scope};
    context.access_point_rules = service().Rules(context.principal, me.region).value();
    return context;
  }
  bool MayCall(std::string_view action, AccessKeyScope scope = AccessKeyScope::kFull) {
    return policy->MayAnywhere(Caller(scope), action).has_value();
  }
  bool MayUse(const std::string& key) {
    return kms->keys().Describe(Caller(), key).has_value();
  }
  Result<void> ChangeActions(PolicyChange change, std::vector<std::string_view> actions) {
    return service().ChangeActions(me, point, change, actions);
  }
  Result<void> ChangeResources(PolicyChange change,
                               const std::vector<std::string>& keys) {
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    return service().ChangeResources(me, point, change, {.keys = views});
  }

  const std::unique_ptr<Policy> users = NewRootPolicy();
  const std::unique_ptr<Policy> points = NewAccessPointPolicy();
  std::string point;
};

TEST_F(AccessPointTest, AreListedInOrderAndCounted) {
  const std::string other = MakePoint();
  const auto listed = service().List(me, {0, 1}).value();
  EXPECT_EQ(listed.total, 2U);
  ASSERT_EQ(listed.items.size(), 1U);
  EXPECT_EQ(listed.items[0].id, point);
  EXPECT_EQ(listed.items[0].vpc, "vpc-1");
  EXPECT_EQ(service().List(me, {1, 1}).value().items.at(0).id, other);
  EXPECT_OK(service().Delete(me, point));
  EXPECT_THAT(service().Delete(me, point), Fails(Reason::kAccessPointNotFound));
  EXPECT_EQ(service().List(me, {}).value().total, 1U);
}

TEST_F(AccessPointTest, HaveAQuotaPerAccountAndRegion) {
  limits.access_points = 2;
  Reopen();
  MakePoint();
  EXPECT_THAT(service().Create(me, {}), Fails(Reason::kQuotaUsedUp));
  EXPECT_OK(service().Create(ContextOf("account-1", "region-2"), {}));
  EXPECT_OK(service().Create(ContextOf("account-2"), {}));
  EXPECT_OK(service().Delete(me, point));
  EXPECT_OK(service().Create(me, {}));
  EXPECT_THAT(service().Create(me, {.project = "no blanks"}),
              Fails(Reason::kBadParameter));
}

TEST_F(AccessPointTest, BelongToAnAccountAndARegion) {
  const std::string key = service().CreateKey(me, point, {}).value().id;
  for (const RequestContext& other :
       {ContextOf("account-2"), ContextOf("account-1", "region-2")}) {
    EXPECT_THAT(service().Delete(other, point), Fails(Reason::kAccessPointNotFound));
    EXPECT_THAT(service().CreateKey(other, point, {}),
                Fails(Reason::kAccessPointNotFound));
    EXPECT_THAT(service().HasOpenCheck(other, point),
                Fails(Reason::kAccessPointNotFound));
    EXPECT_THAT(service().DisableKey(other, key), Fails(Reason::kAccessKeyNotFound));
    EXPECT_EQ(service().List(other, {}).value().total, 0U);
  }
}

TEST_F(AccessPointTest, HaveAccessKeysThatAreFound) {
  const Identity identity(store, *root, *backend, clock);
  const NewPointKey made = service().CreateKey(me, point, AccessKeyScope::kKeys).value();
  EXPECT_EQ(made.id.size(), 32U);
  ASSERT_TRUE(made.secret);
  EXPECT_EQ(made.secret->size(), 32U);
  const auto found = identity.Find(made.id).value();
  EXPECT_TRUE(found->secret == *made.secret);
  EXPECT_EQ(found->principal.access_point, point);
  EXPECT_EQ(found->principal.scope, AccessKeyScope::kKeys);
  EXPECT_EQ(found->principal.user, me.principal.user);
  EXPECT_EQ(found->principal.root, me.principal.root);
  EXPECT_EQ(found->region, me.region);

  EXPECT_OK(service().DisableKey(me, made.id));
  EXPECT_FALSE(identity.Find(made.id).value()->enabled);
  EXPECT_FALSE(service().ListKeys(me, point, {}).value().items.at(0).enabled);
  EXPECT_OK(service().EnableKey(me, made.id));
  EXPECT_TRUE(identity.Find(made.id).value()->enabled);
  EXPECT_OK(service().DeleteKey(me, made.id));
  EXPECT_THAT(identity.Find(made.id), Fails(Reason::kAccessKeyNotFound));
  EXPECT_EQ(service().ListKeys(me, point, {}).value().total, 0U);

  const std::string last = service().CreateKey(me, point, {}).value().id;
  EXPECT_OK(service().Delete(me, point));
  EXPECT_THAT(identity.Find(last), Fails(Reason::kAccessKeyNotFound));
}

TEST_F(AccessPointTest, ShowASecretOnce) {
  me.request_id = "id-1";
  const NewPointKey first = service().CreateKey(me, point, {}).value();
  const NewPointKey second = service().CreateKey(me, point, {}).value();
  EXPECT_TRUE(first.secret);
  EXPECT_FALSE(second.secret);
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(service().ListKeys(me, point, {}).value().total, 1U);
}

TEST_F(AccessPointTest, KnowNoAccessKeysOfUsers) {
  Identity identity(store, *root, *backend, clock);
  std::string root_key, account;
  EXPECT_OK(identity.CreateAccount([&](const NewAccessKey& key) -> Result<void> {
    root_key = key.principal.access_key;
    account = key.principal.account;
    return {};
  }));
  const RequestContext owner = ContextOf(account);
  EXPECT_THAT(service().DeleteKey(owner, root_key), Fails(Reason::kAccessKeyNotFound));
  EXPECT_THAT(service().DisableKey(owner, root_key), Fails(Reason::kAccessKeyNotFound));
}

TEST_F(AccessPointTest, AllowEverythingOnKeysAndCertificatesAtFirst) {
  const std::string key = MakeKey();
  EXPECT_FALSE(service().HasOpenCheck(me, point).value());
  EXPECT_TRUE(MayUse(key));
  for (const std::string_view action : {kEncrypt, std::string_view("kms:cert:create")})
    EXPECT_TRUE(MayCall(action));
  for (const char* action :
       {"kms:accessPoint:listVpc", "kms:ak:createUserAk", "kms:kmsService:describe",
        "kms:iam:createUser", "kms:cmk", ""})
    EXPECT_FALSE(MayCall(action)) << action;
}

TEST_F(AccessPointTest, TheScopeOfAnAccessKeyLimitsItsActions) {
  EXPECT_TRUE(MayCall(kEncrypt, AccessKeyScope::kKeys));
  EXPECT_FALSE(MayCall(kEncrypt, AccessKeyScope::kCertificates));
  EXPECT_FALSE(MayCall("kms:cert:create", AccessKeyScope::kKeys));
  EXPECT_TRUE(MayCall("kms:cert:create", AccessKeyScope::kCertificates));
}

TEST_F(AccessPointTest, AllowingFirstAllowsNothingElse) {
  EXPECT_OK(ChangeActions(PolicyChange::kAllow, {kEncrypt}));
  EXPECT_TRUE(service().HasOpenCheck(me, point).value());
  EXPECT_TRUE(MayCall(kEncrypt));
  EXPECT_FALSE(MayCall(kDecrypt));
  EXPECT_OK(ChangeActions(PolicyChange::kAllow, {kDecrypt, kDecrypt}));
  EXPECT_TRUE(MayCall(kEncrypt));
  EXPECT_TRUE(MayCall(kDecrypt));
  EXPECT_OK(ChangeActions(PolicyChange::kDeny, {kEncrypt}));
  EXPECT_FALSE(MayCall(kEncrypt));
  EXPECT_TRUE(MayCall(kDecrypt));
  EXPECT_OK(service().CloseChecks(me, point));
  EXPECT_FALSE(service().HasOpenCheck(me, point).value());
  EXPECT_TRUE(MayCall(kEncrypt));
}

TEST_F(AccessPointTest, DenyingFirstAllowsAllElse) {
  EXPECT_OK(ChangeActions(PolicyChange::kDeny, {kEncrypt, kDecrypt}));
  EXPECT_FALSE(MayCall(kEncrypt));
  EXPECT_TRUE(MayCall("kms:cmk:describe"));
  EXPECT_OK(ChangeActions(PolicyChange::kAllow, {kEncrypt}));
  EXPECT_TRUE(MayCall(kEncrypt));
  EXPECT_FALSE(MayCall(kDecrypt));
  const std::vector<std::string_view> asked = {kEncrypt, kDecrypt};
  EXPECT_EQ(service().AllowedActions(me, point, asked).value(),
            (std::vector<bool>{true, false}));
}

TEST_F(AccessPointTest, RefuseActionsThatTheyDoNotOffer) {
  const auto refused =
      ChangeActions(PolicyChange::kAllow, {kEncrypt, "kms:ak:createUserAk"});
  EXPECT_THAT(refused, Fails(Reason::kBadParameter));
  EXPECT_EQ(refused.error().parameter(), "policyList");
  EXPECT_FALSE(service().HasOpenCheck(me, point).value());
}

TEST_F(AccessPointTest, AKeyThatIsNotAllowedIsAbsent) {
  const std::string allowed = MakeKey({.alias = "alias/a"});
  const std::string hidden = MakeKey({.alias = "alias/b"});
  const auto blob = kms->compute().Encrypt(me, hidden, AsBytes("x")).value().blob;
  EXPECT_OK(ChangeResources(PolicyChange::kAllow, {"alias/a"}));
  const RequestContext caller = Caller();
  EXPECT_OK(kms->compute().Encrypt(caller, "alias/a", AsBytes("x")));
  for (const std::string& name : {hidden, std::string("alias/b")}) {
    EXPECT_THAT(kms->keys().Describe(caller, name), Fails(Reason::kKeyNotFound));
    EXPECT_THAT(kms->keys().Disable(caller, name), Fails(Reason::kKeyNotFound));
    EXPECT_THAT(kms->compute().Encrypt(caller, name, AsBytes("x")),
                Fails(Reason::kKeyNotFound));
  }
  EXPECT_THAT(kms->compute().Decrypt(caller, blob), Fails(Reason::kKeyNotFound));
  EXPECT_THAT(kms->aliases().Delete(caller, "alias/b"), Fails(Reason::kAliasNotFound));

  const auto keys = kms->keys().List(caller, {}, {}).value();
  ASSERT_EQ(keys.total, 1U);
  EXPECT_EQ(keys.items.at(0).id, allowed);
  const auto aliases = kms->aliases().List(caller, {}).value();
  ASSERT_EQ(aliases.total, 1U);
  EXPECT_EQ(aliases.items.at(0).name, "alias/a");

  const auto listed = service().AllResources(me, point).value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_TRUE(listed[0].allowed);
  EXPECT_EQ(listed[0].alias, "alias/a");
  EXPECT_FALSE(listed[1].allowed);
  EXPECT_EQ(service().AllowedResources(me, point).value().size(), 1U);
}

TEST_F(AccessPointTest, DenyingKeysLeavesNewOnesAllowed) {
  const std::string denied = MakeKey();
  EXPECT_OK(ChangeResources(PolicyChange::kDeny, {denied}));
  EXPECT_FALSE(MayUse(denied));
  EXPECT_TRUE(MayUse(MakeKey()));
  EXPECT_EQ(kms->keys().List(Caller(), {}, {}).value().total, 1U);
  EXPECT_OK(ChangeResources(PolicyChange::kAllow, {denied}));
  EXPECT_TRUE(MayUse(denied));
}

TEST_F(AccessPointTest, ChecksCertificatesOnTheSameList) {
  const auto make = [&] {
    return kms->certificates()
        .Create(me, {.spec = KeySpec::kSm2, .subject = "CN=x,C=CN"})
        .value()
        .id;
  };
  const std::string allowed = make(), other = make(), key = MakeKey();
  const std::string_view views[] = {allowed};
  EXPECT_OK(service().ChangeResources(me, point, PolicyChange::kAllow,
                                      {.certificates = views}));
  EXPECT_OK(kms->certificates().Describe(Caller(), allowed));
  EXPECT_THAT(kms->certificates().Describe(Caller(), other),
              Fails(Reason::kCertificateNotFound));
  EXPECT_FALSE(MayUse(key));
  EXPECT_EQ(kms->certificates().List(Caller(), {}, {}).value().total, 1U);
  const auto listed = service().AllResources(me, point).value();
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].id, key);
  EXPECT_EQ(listed[1].kind, PointResourceKind::kCertificate);
  EXPECT_EQ(listed[1].id, allowed);
  EXPECT_TRUE(listed[1].allowed);
  EXPECT_FALSE(listed[2].allowed);
  const std::string_view no_certificate[] = {key};
  const auto refused = service().ChangeResources(me, point, PolicyChange::kAllow,
                                                 {.certificates = no_certificate});
  EXPECT_THAT(refused, Fails(Reason::kBadParameter));
  EXPECT_EQ(refused.error().parameter(), "certList");
}

TEST_F(AccessPointTest, AListWithAnUnknownKeyChangesNothing) {
  const std::string key = MakeKey();
  const auto refused = ChangeResources(PolicyChange::kAllow,
                                       {key, "241ede22-6261-4617-9caf-10d89990516c"});
  EXPECT_THAT(refused, Fails(Reason::kBadParameter));
  EXPECT_EQ(refused.error().parameter(), "cmkList");
  EXPECT_FALSE(service().HasOpenCheck(me, point).value());
}

TEST_F(AccessPointTest, WithoutRulesNothingIsAllowed) {
  RequestContext caller = Caller();
  caller.access_point_rules.reset();
  EXPECT_THAT(policy->MayAnywhere(caller, kEncrypt), Fails(Reason::kDenied));
  EXPECT_OK(service().Delete(me, point));
  EXPECT_THAT(service().Rules(caller.principal, me.region),
              Fails(Reason::kAccessPointNotFound));
}

TEST_F(AccessPointTest, AWhitelistCountsAtOnceWhenItIsOn) {
  EXPECT_TRUE(Caller().access_point_rules->AllowsAddress("203.0.113.9"));
  EXPECT_OK(service().SetWhitelist(me, point, "", {true, {"192.0.2.0/24", "::1"}}));
  const auto rules = Caller().access_point_rules;
  for (const char* good : {"192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7", "::1"})
    EXPECT_TRUE(rules->AllowsAddress(good)) << good;
  for (const char* bad : {"192.0.3.0", "203.0.113.9", "::2", "", "nowhere", "192.0.2"})
    EXPECT_FALSE(rules->AllowsAddress(bad)) << bad;
  EXPECT_OK(service().SetWhitelist(me, point, "", {false, {"::1"}}));
  EXPECT_TRUE(Caller().access_point_rules->AllowsAddress("203.0.113.9"));
  EXPECT_EQ(service().Whitelist(me, point).value().blocks,
            std::vector<std::string>{"::1"});
  EXPECT_THAT(service().SetWhitelist(me, point, "another", {true, {"::1"}}),
              Fails(Reason::kBadParameter));
}

TEST_F(AccessPointTest, EveryStoreCallMayFailAndNothingIsHalfDone) {
  for (int n = 1; n <= 2; ++n) {
    me.request_id = "id-" + std::to_string(n);
    store.FailCall(n);
    EXPECT_THAT(service().CreateKey(me, point, {}), Fails(Reason::kStoreUnavailable));
    store.FailCall(0);
    EXPECT_EQ(service().ListKeys(me, point, {}).value().total, 0U);
    EXPECT_TRUE(service().CreateKey(me, point, {}).value().secret);
    EXPECT_OK(
        service().DeleteKey(me = ContextOf("account-1"),
                            service().ListKeys(me, point, {}).value().items.at(0).id));
  }
  store.FailCall(1);
  EXPECT_THAT(service().Delete(me, point), Fails(Reason::kStoreUnavailable));
  EXPECT_EQ(service().List(me, {}).value().total, 1U);
}

TEST(AddressBlocks, AreReadStrictly) {
  for (const char* good : {"0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "::/0",
                           "2001:db8::/32", "::ffff:10.0.0.0/104", "fe80::1"})
    EXPECT_OK(ParseAddressBlock(good)) << good;
  for (const char* bad :
       {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.1/8", "10.0.0/8",
        "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "2001:db8::1/32", "host", " 10.0.0.1"})
    EXPECT_THAT(ParseAddressBlock(bad), Fails(Reason::kBadParameter)) << bad;
}

}  // namespace
}  // namespace kms::testing
