// Every operation, as each kind of principal, through the dispatcher: who may, who may
// not, and that nobody learns of what is not theirs. Generated from the table.

#include "operations/permission_world.h"

namespace kms::server::testing {
namespace {

class PermissionMatrix : public ::testing::TestWithParam<const Operation*>,
                         protected PermissionWorld {
 protected:
  object BodyOf(bool there) const { return PermissionWorld::BodyOf(operation, there); }
  Answer Send(const Caller& caller, const object& parameters) {
    return PermissionWorld::Send(operation, caller, parameters);
  }
  Answer Send(const Caller& caller, bool there = true) {
    return Send(caller, BodyOf(there));
  }
  bool NamesSomething() const { return testing::NamesSomething(operation); }

  const Operation& operation = *GetParam();
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
  for (const std::string& secret :
       {key, certificate, usb_key_certificate, point, point_key, tag})
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
  for (const std::string& secret :
       {key, certificate, usb_key_certificate, point, point_key, tag})
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
  const Caller of_others = NewApplication(operation.action.starts_with("kms:cert:")
                                              ? AccessKeyScope::kKeys
                                              : AccessKeyScope::kCertificates,
                                          nothing);
  for (const Caller* const caller : {&of_other_actions, &of_others}) {
    EXPECT_EQ(Send(*caller).code(), "KMS.0913");
    EXPECT_EQ(Send(*caller), Send(*caller, false));
  }

  const Caller of_other_keys =
      NewApplication(AccessKeyScope::kFull, [&](Points& all, const std::string& id) {
        EXPECT_OK(all.ChangeResources(root.context, id, PolicyChange::kAllow,
                                      {.keys = others}));
      });
  const Answer hidden = Send(of_other_keys);
  if (NamesSomething()) {
    EXPECT_EQ(hidden, Send(of_other_keys, false));
    EXPECT_NE(hidden.status, 200) << hidden.text;
  }
  for (const std::string& secret : {key, certificate, usb_key_certificate})
    EXPECT_EQ(hidden.text.find(secret), std::string::npos) << hidden.text;

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
}  // namespace kms::server::testing
