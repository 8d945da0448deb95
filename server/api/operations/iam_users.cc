// Operations of users and their access keys.

#include <string_view>

#include "api/operations/groups.h"
#include "api/operations/iam_shared.h"
#include "kms/bytes.h"

namespace kms::server {

void WriteUser(Call& call, const UserDescription& user, boost::json::object& result) {
  Put(result, "userId", user.id);
  Put(result, "userName", user.name);
  Put(result, "description", user.description);
  result["enabled"] = user.enabled;
  result["isRoot"] = user.root;
  PutDate(call, result, "createdTime", user.created);
  boost::json::array& groups = result["groupIds"].emplace_array();
  for (const std::string& group : user.groups) groups.emplace_back(group);
}

namespace {

using boost::json::object;

constexpr Parameter kUser[] = {IdParameter("userId", "the user")};
constexpr Parameter kNewUser[] = {NameParameter("userName"), NotesParameter()};
constexpr Parameter kUserAndKey[] = {IdParameter("userId", "whose access key it is"),
                                     IdParameter("accessKey", "the access key")};

constexpr std::string_view kUserResult[] = {
    "userId", "userName", "description", "enabled", "isRoot", "createdTime", "groupIds"};
constexpr std::string_view kUsersResult[] = {
    "content[]: userId userName description enabled isRoot createdTime groupIds",
    "pageNumber",
    "pageSize",
    "totalCount",
    "number",
    "size",
    "totalElements"};
constexpr std::string_view kNewKeyResult[] = {"accessKey", "userId", "enabled",
                                              "createdTime", "secretKey"};
constexpr std::string_view kKeysResult[] = {
    "content[]: accessKey userId enabled createdTime"};

constexpr std::string_view kCreateUserPaths[] = {"/v1/iam/createUser"};
constexpr std::string_view kDescribeUserPaths[] = {"/v1/iam/describeUser"};
constexpr std::string_view kListUsersPaths[] = {"/v1/iam/listUsers"};
constexpr std::string_view kEnableUserPaths[] = {"/v1/iam/enableUser"};
constexpr std::string_view kDisableUserPaths[] = {"/v1/iam/disableUser"};
constexpr std::string_view kDeleteUserPaths[] = {"/v1/iam/deleteUser"};
constexpr std::string_view kCreateAccessKeyPaths[] = {"/v1/iam/createAccessKey"};
constexpr std::string_view kListAccessKeysPaths[] = {"/v1/iam/listAccessKeys"};
constexpr std::string_view kEnableAccessKeyPaths[] = {"/v1/iam/enableAccessKey"};
constexpr std::string_view kDisableAccessKeyPaths[] = {"/v1/iam/disableAccessKey"};
constexpr std::string_view kDeleteAccessKeyPaths[] = {"/v1/iam/deleteAccessKey"};

Result<object> CreateUser(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto user,
          call.kms.iam().users.Create(call.context, NewNamedOf(arguments, "userName")));
  object result(call.storage);
  WriteUser(call, user, result);
  return result;
}

Result<object> DescribeUser(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto user,
          call.kms.iam().users.Describe(call.context, arguments.Text("userId")));
  object result(call.storage);
  WriteUser(call, user, result);
  return result;
}

Result<object> ListUsers(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.iam().users.List(call.context, page.request));
  return WriteList(call, page, listed, WriteUser);
}

Result<object> EnableUser(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(
      call.kms.iam().users.SetEnabled(call.context, arguments.Text("userId"), true));
  return object(call.storage);
}

Result<object> DisableUser(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(
      call.kms.iam().users.SetEnabled(call.context, arguments.Text("userId"), false));
  return object(call.storage);
}

Result<object> DeleteUser(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().users.Delete(call.context, arguments.Text("userId")));
  return object(call.storage);
}

void WriteAccessKey(Call& call, const AccessKeyDescription& key, object& result) {
  Put(result, "accessKey", key.id);
  Put(result, "userId", key.user);
  result["enabled"] = key.enabled;
  PutDate(call, result, "createdTime", key.created);
}

Result<object> CreateAccessKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto created,
          call.kms.iam().access_keys.Create(call.context, arguments.Text("userId")));
  object result(call.storage);
  WriteAccessKey(call, created.description, result);
  if (created.secret) Put(result, "secretKey", AsText(created.secret->Reveal()));
  return result;
}

Result<object> ListAccessKeys(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto keys,
          call.kms.iam().access_keys.List(call.context, arguments.Text("userId")));
  object result(call.storage);
  boost::json::array& content = result["content"].emplace_array();
  for (const AccessKeyDescription& key : keys)
    WriteAccessKey(call, key,
                   content.emplace_back(boost::json::object_kind).get_object());
  return result;
}

Result<object> EnableAccessKey(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().access_keys.SetEnabled(
      call.context, arguments.Text("userId"), arguments.Text("accessKey"), true));
  return object(call.storage);
}

Result<object> DisableAccessKey(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().access_keys.SetEnabled(
      call.context, arguments.Text("userId"), arguments.Text("accessKey"), false));
  return object(call.storage);
}

Result<object> DeleteAccessKey(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().access_keys.Delete(call.context, arguments.Text("userId"),
                                                 arguments.Text("accessKey")));
  return object(call.storage);
}

constexpr Operation kOperations[] = {
    IamChange("createUser", kCreateUserPaths, "kms:iam:createUser",
              "Makes a user, who may do nothing yet.", CreateUser, kNewUser, kUserResult),
    IamRead("describeUser", kDescribeUserPaths, "kms:iam:describeUser",
            "Tells what is known of a user.", DescribeUser, kUser, kUserResult),
    IamRead("listUsers", kListUsersPaths, "kms:iam:listUsers",
            "Lists the users of the account, the root user first, then the oldest.",
            ListUsers, kIamPage, kUsersResult),
    IamChange("enableUser", kEnableUserPaths, "kms:iam:enableUser",
              "Lets the access keys of a user count again.", EnableUser, kUser),
    IamChange("disableUser", kDisableUserPaths, "kms:iam:disableUser",
              "Keeps the access keys of a user from counting.", DisableUser, kUser),
    IamChange("deleteUser", kDeleteUserPaths, "kms:iam:deleteUser",
              "Deletes a user, its access keys and its memberships.", DeleteUser, kUser),
    IamChange("createAccessKey", kCreateAccessKeyPaths, "kms:iam:createAccessKey",
              "Makes an access key, whose secret is shown in this answer only.",
              CreateAccessKey, kUser, kNewKeyResult),
    IamRead("listAccessKeys", kListAccessKeysPaths, "kms:iam:listAccessKeys",
            "Lists the access keys of a user, oldest first.", ListAccessKeys, kUser,
            kKeysResult),
    IamChange("enableAccessKey", kEnableAccessKeyPaths, "kms:iam:enableAccessKey",
              "Lets an access key count again.", EnableAccessKey, kUserAndKey),
    IamChange("disableAccessKey", kDisableAccessKeyPaths, "kms:iam:disableAccessKey",
              "Keeps an access key from counting.", DisableAccessKey, kUserAndKey),
    IamChange("deleteAccessKey", kDeleteAccessKeyPaths, "kms:iam:deleteAccessKey",
              "Deletes an access key.", DeleteAccessKey, kUserAndKey),
};

}  // namespace

std::span<const Operation> IamUserOperations() { return kOperations; }

}  // namespace kms::server
