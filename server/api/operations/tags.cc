// Tags (manual 1.6, 4.2.4). "Lebal" is the published interface's own spelling.

#include <boost/json/array.hpp>
#include <optional>
#include <string>

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::int64_t kMaxCharacters = TagService::kMaxCharacters;
constexpr std::int64_t kMaxId = 64;

constexpr Parameter TagIdParameter() {
  return {.name = "labelId",
          .required = true,
          .max = kMaxId,
          .bad = Reason::kTagNotFound,
          .note = "the tag"};
}

constexpr std::string_view kTextNote =
    "letters and digits, Chinese characters, and any of `/\\_-.+=:@`";
constexpr std::string_view kValueNote = "as the key; may be empty";
constexpr std::string_view kAgreeNote = "must be that of the tag";

constexpr Parameter TagKeyParameter(std::string_view note) {
  return {.name = "key", .required = true, .max = kMaxCharacters, .note = note};
}

constexpr Parameter TagValueParameter(std::string_view note) {
  return {.name = "value",
          .required = true,
          .max = kMaxCharacters,
          .missing = Reason::kSignatureMissing,
          .may_be_empty = true,
          .note = note};
}

constexpr Parameter ResourceParameter() {
  return {.name = "resourceId",
          .required = true,
          .kind = Kind::kKey,
          .note = "the key or certificate that the tag is on"};
}

constexpr Parameter BaseResourceParameter() {
  return {.name = "baseResourceId", .max = kMaxId, .note = "checked for its length only"};
}

// Some clients say twice what they want.
constexpr Choice kUpdateChoice[] = {{"UPDATE", 0}};
constexpr Choice kBindChoice[] = {{"BIND", 0}};
constexpr Choice kUnbindChoice[] = {{"UNBIND", 0}};

constexpr Parameter TypeParameter(std::span<const Choice> choices) {
  return {.name = "operateType",
          .kind = Kind::kChoice,
          .choices = choices,
          .note = "says the same once more"};
}

constexpr Parameter FilterOf(Parameter parameter) {
  parameter.required = false;
  parameter.may_be_empty = false;
  parameter.note = "default all";
  return parameter;
}

constexpr Parameter kAdd[] = {TagKeyParameter(kTextNote), TagValueParameter(kValueNote)};
constexpr Parameter kUpdate[] = {TagIdParameter(), TagKeyParameter(kTextNote),
                                 TagValueParameter(kValueNote),
                                 TypeParameter(kUpdateChoice)};
constexpr Parameter kDelete[] = {TagIdParameter(), TagKeyParameter(kAgreeNote),
                                 TagValueParameter(kAgreeNote)};
constexpr Parameter kList[] = {FilterOf(TagKeyParameter({})),
                               FilterOf(TagValueParameter({})),
                               {.name = "pageNum",
                                .kind = Kind::kInteger,
                                .min = 1,
                                .max = 2147483647,
                                .note = "from 1, default 1"},
                               {.name = "pageSize",
                                .kind = Kind::kInteger,
                                .min = 1,
                                .max = 100,
                                .note = "how many tag keys, default 10"}};
constexpr Parameter kBind[] = {ResourceParameter(),         TagIdParameter(),
                               TagKeyParameter(kAgreeNote), TagValueParameter(kAgreeNote),
                               BaseResourceParameter(),     TypeParameter(kBindChoice)};
constexpr Parameter kUnbind[] = {
    ResourceParameter(),           TagIdParameter(),        TagKeyParameter(kAgreeNote),
    TagValueParameter(kAgreeNote), BaseResourceParameter(), TypeParameter(kUnbindChoice)};
constexpr Parameter kResource[] = {ResourceParameter()};

constexpr std::string_view kResources[] = {"resourceId"};
constexpr std::string_view kAddResult[] = {"labelId"};
constexpr std::string_view kListResult[] = {"list[]: key data[]: labelId value",
                                            "pageNum",
                                            "pageSize",
                                            "totalCount",
                                            "totalPage",
                                            "list[]: userIds"};
constexpr std::string_view kListOfResourceResult[] = {"list[]: labelId key value"};

constexpr std::string_view kAddPaths[] = {"/v1/lebalControl/addLebal",
                                          "/v1/labelControl/addLabel"};
constexpr std::string_view kUpdatePaths[] = {"/v1/lebalControl/updateLebal",
                                             "/v1/labelControl/updateLabel"};
constexpr std::string_view kDeletePaths[] = {"/v1/lebalControl/deleteLebal",
                                             "/v1/labelControl/deleteLabel"};
constexpr std::string_view kListPaths[] = {"/v1/lebalControl/listLebal",
                                           "/v1/labelControl/listLabel"};
constexpr std::string_view kBindPaths[] = {"/v1/lebalControl/bindResource",
                                           "/v1/labelControl/bindResource"};
constexpr std::string_view kUnbindPaths[] = {"/v1/lebalControl/unbindResource",
                                             "/v1/labelControl/unbindResource"};
constexpr std::string_view kListOfResourcePaths[] = {
    "/v1/lebalControl/listResourceLebal", "/v1/labelControl/listResourceLabel"};

TagName NameOf(const Arguments& arguments) {
  return {arguments.Text("labelId"), arguments.Text("key"), arguments.Text("value")};
}

Result<object> AddLebal(Call& call, const Arguments& arguments) {
  KMS_TRY(const Tag made, call.kms.tags().Create(call.context, arguments.Text("key"),
                                                 arguments.Text("value")));
  object result(call.storage);
  Put(result, "labelId", made.id);
  return result;
}

Result<object> UpdateLebal(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.tags().Update(call.context, arguments.Text("labelId"),
                                      arguments.Text("key"), arguments.Text("value")));
  return object(call.storage);
}

Result<object> DeleteLebal(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.tags().Delete(call.context, NameOf(arguments)));
  return object(call.storage);
}

Result<object> ListLebal(Call& call, const Arguments& arguments) {
  const std::int64_t number = arguments.Integer("pageNum", 1);
  const std::int64_t size = arguments.Integer("pageSize", 10);
  KMS_TRY(const auto listed,
          call.kms.tags().List(call.context, TagFilterOf(arguments, "key", "value"),
                               {call.dialect.PageIndex(call.operation, number),
                                static_cast<std::size_t>(size)}));
  object result(call.storage);
  boost::json::array& list = result["list"].emplace_array();
  for (const TagGroup& group : listed.items) {
    object& item = list.emplace_back(boost::json::object_kind).get_object();
    Put(item, "key", group.key);
    boost::json::array& users = item["userIds"].emplace_array();
    for (const std::string& user : group.users)
      users.emplace_back(boost::json::string_kind).get_string() = user;
    boost::json::array& data = item["data"].emplace_array();
    for (const Tag& tag : group.tags) {
      object& one = data.emplace_back(boost::json::object_kind).get_object();
      Put(one, "labelId", tag.id);
      Put(one, "value", tag.value);
    }
  }
  const auto total = static_cast<std::int64_t>(listed.total);
  Put(result, "pageNum", number);
  Put(result, "pageSize", size);
  Put(result, "totalCount", total);
  Put(result, "totalPage", (total + size - 1) / size);
  return result;
}

Result<object> BindResource(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.tags().Bind(call.context, arguments.Text("resourceId"),
                                    NameOf(arguments)));
  return object(call.storage);
}

Result<object> UnbindResource(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.tags().Unbind(call.context, arguments.Text("resourceId"),
                                      NameOf(arguments)));
  return object(call.storage);
}

Result<object> ListResourceLebal(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto tags,
          call.kms.tags().ListOfResource(call.context, arguments.Text("resourceId")));
  object result(call.storage);
  PutTags(result, "list", tags);
  return result;
}

constexpr Operation Change(std::string_view name, std::span<const std::string_view> paths,
                           std::string_view action, std::string_view summary,
                           Handler handler, std::span<const Parameter> parameters,
                           std::span<const std::string_view> resources = {},
                           std::span<const std::string_view> result = {}) {
  return {.name = name,
          .group = "tags",
          .paths = paths,
          .action = action,
          .write = true,
          .mutates = true,
          .parameters = parameters,
          .result = result,
          .resources = resources,
          .section = "1.6, 4.2.4",
          .summary = summary,
          .handler = handler};
}

constexpr Operation Read(std::string_view name, std::span<const std::string_view> paths,
                         std::string_view action, std::string_view summary,
                         Handler handler, std::span<const Parameter> parameters,
                         std::span<const std::string_view> result,
                         std::span<const std::string_view> resources = {}) {
  return {.name = name,
          .group = "tags",
          .paths = paths,
          .action = action,
          .parameters = parameters,
          .result = result,
          .resources = resources,
          .section = "1.6, 4.2.4",
          .summary = summary,
          .handler = handler};
}

constexpr Operation kOperations[] = {
    Change("addLebal", kAddPaths, "kms:label:addLebal", "Makes a tag.", AddLebal, kAdd,
           {}, kAddResult),
    Change("updateLebal", kUpdatePaths, "kms:label:updateLebal",
           "Gives a tag another key and value, wherever it is bound.", UpdateLebal,
           kUpdate),
    Change("deleteLebal", kDeletePaths, "kms:label:deleteLebal",
           "Takes a tag off all resources, and deletes it.", DeleteLebal, kDelete),
    Read("listLebal", kListPaths, "kms:label:listLebal",
         "Lists the tags of the account in the region, by tag key, the oldest first.",
         ListLebal, kList, kListResult),
    Change("bindResource", kBindPaths, "kms:label:bindResource",
           "Binds a tag to a resource, in place of its tag of the same key.",
           BindResource, kBind, kResources),
    Change("unbindResource", kUnbindPaths, "kms:label:unbindResource",
           "Takes a tag off a resource.", UnbindResource, kUnbind, kResources),
    Read("listResourceLebal", kListOfResourcePaths, "kms:label:listResourceLebal",
         "Lists the tags of a resource, the oldest first.", ListResourceLebal, kResource,
         kListOfResourceResult, kResources),
};

}  // namespace

std::span<const Operation> TagOperations() { return kOperations; }

}  // namespace kms::server
