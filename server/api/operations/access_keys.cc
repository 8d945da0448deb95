// Access keys of access points (manual 4.5).

#include <boost/json/array.hpp>

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Choice kScopeChoices[] = {Spelled("full", AccessKeyScope::kFull),
                                    Spelled("key", AccessKeyScope::kKeys),
                                    Spelled("cert", AccessKeyScope::kCertificates)};

constexpr Parameter kCreateParameters[] = {
    AccessPointParameter(),
    {.name = "policy",
     .kind = Kind::kChoice,
     .choices = kScopeChoices,
     .note = "operations on keys, on certificates, or both, which is the default"}};
constexpr Parameter kListParameters[] = {AccessPointParameter(),
                                         {.name = "pageNumber",
                                          .kind = Kind::kInteger,
                                          .min = 1,
                                          .max = 2147483647,
                                          .note = "from 1, default 1"},
                                         {.name = "pageSize",
                                          .kind = Kind::kInteger,
                                          .min = 1,
                                          .max = 100,
                                          .note = "default 10"}};
constexpr Parameter kAccessKey[] = {{.name = "userAk",
                                     .required = true,
                                     .max = 64,
                                     .bad = Reason::kAccessKeyNotFound,
                                     .note = "an access key of an access point"}};

constexpr std::string_view kPointResource[] = {"applicationId"};
constexpr std::string_view kKeyResource[] = {"userAk"};
constexpr std::string_view kCreateResult[] = {"userAk", "userSk", "userId", "policy",
                                              "applicationId"};
constexpr std::string_view kListResult[] = {"list[]: userAk policy status createTime",
                                            "pageNumber", "pageSize", "totalCount"};

std::string_view SpellingOf(AccessKeyScope scope) {
  return kScopeChoices[static_cast<std::size_t>(scope)].spelling;
}

Result<object> CreateUserAk(Call& call, const Arguments& arguments) {
  const std::string_view point = arguments.Text("applicationId");
  KMS_TRY(const NewPointKey made,
          call.kms.access_points().CreateKey(
              call.context, point, ChoiceOf<AccessKeyScope>(arguments, "policy")));
  object result(call.storage);
  Put(result, "userAk", made.id);
  // Shown once: a repeated request gets the rest.
  if (made.secret) Put(result, "userSk", AsText(made.secret->Reveal()));
  Put(result, "userId", made.user);
  Put(result, "policy", SpellingOf(made.scope));
  Put(result, "applicationId", point);
  return result;
}

Result<object> ListUserAk(Call& call, const Arguments& arguments) {
  const std::int64_t number = arguments.Integer("pageNumber", 1);
  const std::int64_t size = arguments.Integer("pageSize", 10);
  KMS_TRY(
      const Page<PointKeyDescription> listed,
      call.kms.access_points().ListKeys(call.context, arguments.Text("applicationId"),
                                        {call.dialect.PageIndex(call.operation, number),
                                         static_cast<std::size_t>(size)}));
  object result(call.storage);
  boost::json::array& list = result["list"].emplace_array();
  for (const PointKeyDescription& key : listed.items) {
    object& item = list.emplace_back(boost::json::object_kind).get_object();
    Put(item, "userAk", key.id);
    Put(item, "policy", SpellingOf(key.scope));
    Put(item, "status", key.enabled ? "1" : "0");
    Put(item, "createTime", key.created);
  }
  Put(result, "pageNumber", number);
  Put(result, "pageSize", size);
  Put(result, "totalCount", static_cast<std::int64_t>(listed.total));
  return result;
}

Result<object> EnableUserAk(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(
      call.kms.access_points().EnableKey(call.context, arguments.Text("userAk")));
  return object(call.storage);
}

Result<object> DisableUserAk(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(
      call.kms.access_points().DisableKey(call.context, arguments.Text("userAk")));
  return object(call.storage);
}

Result<object> DeleteUserAk(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(
      call.kms.access_points().DeleteKey(call.context, arguments.Text("userAk")));
  return object(call.storage);
}

constexpr std::string_view kCreateUserAkPaths[] = {"/v1/userAkControl/createUserAk"};
constexpr std::string_view kListUserAkPaths[] = {"/v1/userAkControl/listUserAk"};
constexpr std::string_view kEnableUserAkPaths[] = {"/v1/userAkControl/enableUserAk"};
constexpr std::string_view kDisableUserAkPaths[] = {"/v1/userAkControl/disableUserAk"};
constexpr std::string_view kDeleteUserAkPaths[] = {"/v1/userAkControl/deleteUserAk"};

constexpr Operation kOperations[] = {
    {.name = "createUserAk",
     .group = "access keys",
     .paths = kCreateUserAkPaths,
     .action = "kms:ak:createUserAk",
     .write = true,
     .mutates = true,
     .parameters = kCreateParameters,
     .result = kCreateResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Makes an access key of an access point, and shows its secret once.",
     .handler = CreateUserAk},
    {.name = "listUserAk",
     .group = "access keys",
     .paths = kListUserAkPaths,
     .action = "kms:ak:listUserAk",
     .parameters = kListParameters,
     .result = kListResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Lists the access keys of an access point, oldest first.",
     .handler = ListUserAk},
    {.name = "enableUserAk",
     .group = "access keys",
     .paths = kEnableUserAkPaths,
     .action = "kms:ak:enableUserAk",
     .write = true,
     .mutates = true,
     .parameters = kAccessKey,
     .resources = kKeyResource,
     .section = "4.5",
     .summary = "Lets an access key be used again.",
     .handler = EnableUserAk},
    {.name = "disableUserAk",
     .group = "access keys",
     .paths = kDisableUserAkPaths,
     .action = "kms:ak:disableUserAk",
     .write = true,
     .mutates = true,
     .parameters = kAccessKey,
     .resources = kKeyResource,
     .section = "4.5",
     .summary = "Refuses an access key from now on.",
     .handler = DisableUserAk},
    {.name = "deleteUserAk",
     .group = "access keys",
     .paths = kDeleteUserAkPaths,
     .action = "kms:ak:deleteUserAk",
     .write = true,
     .mutates = true,
     .parameters = kAccessKey,
     .resources = kKeyResource,
     .section = "4.5",
     .summary = "Deletes an access key.",
     .handler = DeleteUserAk},
};

}  // namespace

std::span<const Operation> AccessKeyOperations() { return kOperations; }

}  // namespace kms::server
