// Operations of user groups.

#include <string_view>

#include "api/operations/groups.h"
#include "api/operations/iam_shared.h"
#include "kms/bytes.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Parameter kGroup[] = {IdParameter("groupId", "the group")};
constexpr Parameter kNewGroup[] = {NameParameter("groupName"), NotesParameter()};
constexpr Parameter kMember[] = {IdParameter("groupId", "the group"),
                                 IdParameter("userId", "the user")};
constexpr Parameter kGroupPage[] = {IdParameter("groupId", "the group"), kIamPageNumber,
                                    kIamPageSize};

constexpr std::string_view kGroupResult[] = {"groupId", "groupName", "description",
                                             "createdTime"};
constexpr std::string_view kGroupsResult[] = {
    "content[]: groupId groupName description createdTime",
    "pageNumber",
    "pageSize",
    "totalCount",
    "number",
    "size",
    "totalElements"};
constexpr std::string_view kUsersResult[] = {
    "content[]: userId userName description enabled isRoot createdTime groupIds",
    "pageNumber",
    "pageSize",
    "totalCount",
    "number",
    "size",
    "totalElements"};

constexpr std::string_view kCreateGroupPaths[] = {"/v1/iam/createGroup"};
constexpr std::string_view kListGroupsPaths[] = {"/v1/iam/listGroups"};
constexpr std::string_view kDeleteGroupPaths[] = {"/v1/iam/deleteGroup"};
constexpr std::string_view kAddUserToGroupPaths[] = {"/v1/iam/addUserToGroup"};
constexpr std::string_view kRemoveUserFromGroupPaths[] = {"/v1/iam/removeUserFromGroup"};
constexpr std::string_view kListGroupUsersPaths[] = {"/v1/iam/listGroupUsers"};

void WriteGroup(Call& call, const GroupDescription& group, object& result) {
  Put(result, "groupId", group.id);
  Put(result, "groupName", group.name);
  Put(result, "description", group.description);
  PutDate(call, result, "createdTime", group.created);
}

Result<object> CreateGroup(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto group,
          call.kms.iam().groups.Create(call.context, NewNamedOf(arguments, "groupName")));
  object result(call.storage);
  WriteGroup(call, group, result);
  return result;
}

Result<object> ListGroups(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.iam().groups.List(call.context, page.request));
  return WriteList(call, page, listed, WriteGroup);
}

Result<object> DeleteGroup(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().groups.Delete(call.context, arguments.Text("groupId")));
  return object(call.storage);
}

Result<object> AddUserToGroup(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().groups.AddUser(call.context, arguments.Text("groupId"),
                                             arguments.Text("userId")));
  return object(call.storage);
}

Result<object> RemoveUserFromGroup(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().groups.RemoveUser(call.context, arguments.Text("groupId"),
                                                arguments.Text("userId")));
  return object(call.storage);
}

Result<object> ListGroupUsers(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.iam().groups.ListUsers(
                                 call.context, arguments.Text("groupId"), page.request));
  return WriteList(call, page, listed, WriteUser);
}

constexpr Operation kOperations[] = {
    IamChange("createGroup", kCreateGroupPaths, "kms:iam:createGroup",
              "Makes a group of users.", CreateGroup, kNewGroup, kGroupResult),
    IamRead("listGroups", kListGroupsPaths, "kms:iam:listGroups",
            "Lists the groups of the account, oldest first.", ListGroups, kIamPage,
            kGroupsResult),
    IamChange("deleteGroup", kDeleteGroupPaths, "kms:iam:deleteGroup",
              "Deletes a group without members and grants.", DeleteGroup, kGroup),
    IamChange("addUserToGroup", kAddUserToGroupPaths, "kms:iam:addUserToGroup",
              "Puts a user into a group.", AddUserToGroup, kMember),
    IamChange("removeUserFromGroup", kRemoveUserFromGroupPaths,
              "kms:iam:removeUserFromGroup", "Takes a user out of a group.",
              RemoveUserFromGroup, kMember),
    IamRead("listGroupUsers", kListGroupUsersPaths, "kms:iam:listGroupUsers",
            "Lists the users in a group, oldest first.", ListGroupUsers, kGroupPage,
            kUsersResult),
};

}  // namespace

std::span<const Operation> IamGroupOperations() { return kOperations; }

}  // namespace kms::server
