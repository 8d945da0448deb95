// Aliases (manual 5.4).

#include <boost/json/array.hpp>
#include <string>

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Parameter AliasParameter(std::string_view note) {
  return {.name = "aliasName",
          .required = true,
          .kind = Kind::kAlias,
          .missing = Reason::kAliasMissing,
          .bad = Reason::kBadParameter,
          .note = note};
}

constexpr Parameter UserParameter(Where where) {
  return {.name = "userId",
          .where = where,
          .required = true,
          .kind = Kind::kText,
          .max = 128,
          .missing = Reason::kUserIdMissing,
          .bad = Reason::kBadParameter,
          .implied = true,
          .note = "the caller's own user or account id; another one is KMS.0913"};
}

constexpr std::string_view kPageNote =
    "default 0; page 1 is the first page, too, while there is no other";

constexpr Parameter kKeyAndAlias[] = {
    KeyParameter(), AliasParameter("such as `alias/invoices`; one key has any number")};
constexpr Parameter kUserRegionAndAlias[] = {UserParameter(Where::kBody),
                                             RegionParameter(Where::kBody, true),
                                             AliasParameter("an alias that exists")};
constexpr Parameter kUserRegionAndPage[] = {
    UserParameter(Where::kHeader), RegionParameter(Where::kHeader, true),
    PageNumberParameter(kPageNote), PageSizeParameter()};
constexpr Parameter kKeyAndPage[] = {KeyParameter(Where::kHeader),
                                     PageNumberParameter(kPageNote), PageSizeParameter()};

constexpr std::string_view kResourceKeyAndAlias[] = {"cmkUuid", "aliasName"};
constexpr std::string_view kResourceAlias[] = {"aliasName"};
constexpr std::string_view kResourceKey[] = {"cmkUuid"};
constexpr std::string_view kListResult[] = {"aliases.alias[]: aliasName cmkUuid",
                                            "pageNumber", "pageSize", "totalCount"};

constexpr std::string_view kCreatePaths[] = {
    "/v1/keyName/createAlias", "/apiproxy/v3/account/queryTrialBalance/createAlias"};
constexpr std::string_view kUpdatePaths[] = {
    "/v1/keyName/updateAlias", "/apiproxy/v3/account/queryTrialBalance/updateAlias"};
constexpr std::string_view kDeletePaths[] = {
    "/v1/keyName/deleteAlias", "/apiproxy/v3/account/queryTrialBalance/deleteAlias"};
constexpr std::string_view kListPaths[] = {
    "/v1/keyName/listAlias", "/apiproxy/v3/account/queryTrialBalance/listAlias"};
constexpr std::string_view kListOfKeyPaths[] = {
    "/v1/keyName/listAliasByUuid",
    "/apiproxy/v3/account/queryTrialBalance/listAliasByUuid"};

Result<object> CreateAlias(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.aliases().Create(call.context, arguments.Text("cmkUuid"),
                                         arguments.Text("aliasName")));
  return object(call.storage);
}

Result<object> UpdateAlias(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.aliases().Update(call.context, arguments.Text("cmkUuid"),
                                         arguments.Text("aliasName")));
  return object(call.storage);
}

Result<object> DeleteAlias(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(CheckUser(call, arguments));
  KMS_CHECK_OK(call.kms.aliases().Delete(call.context, arguments.Text("aliasName")));
  return object(call.storage);
}

// ListWith lists a page by `list`. In the manual's examples page 1 is the only page, in
// its tables pages count from 0: page 1 is the first page while there is no other.
template <typename List>
Result<object> ListWith(const Call& call, const Arguments& arguments, List list) {
  AskedPage page = PageOf(call, arguments);
  KMS_TRY(Page<AliasDescription> listed, list(page.request));
  if (page.number == 1 && listed.items.empty() && listed.total > 0) {
    page.request.number = 0;
    KMS_TRY(listed, list(page.request));
  }
  object result(call.storage);
  boost::json::array& items = result["aliases"].emplace_object()["alias"].emplace_array();
  for (const AliasDescription& alias : listed.items) {
    object& item = items.emplace_back(boost::json::object_kind).get_object();
    Put(item, "aliasName", alias.name);
    Put(item, "cmkUuid", alias.key);
  }
  // Texts, unlike in the other lists.
  Put(result, "pageNumber", std::to_string(page.number));
  Put(result, "pageSize", std::to_string(page.size));
  Put(result, "totalCount", static_cast<std::int64_t>(listed.total));
  return result;
}

Result<object> ListAlias(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(CheckUser(call, arguments));
  return ListWith(call, arguments, [&](const PageRequest& page) {
    return call.kms.aliases().List(call.context, page);
  });
}

Result<object> ListAliasByUuid(Call& call, const Arguments& arguments) {
  return ListWith(call, arguments, [&](const PageRequest& page) {
    return call.kms.aliases().ListOfKey(call.context, arguments.Text("cmkUuid"), page);
  });
}

constexpr Operation kOperations[] = {
    {.name = "createAlias",
     .group = "aliases",
     .paths = kCreatePaths,
     .action = "kms:cmk:createAlias",
     .write = true,
     .mutates = true,
     .parameters = kKeyAndAlias,
     .resources = kResourceKeyAndAlias,
     .section = "5.4.1",
     .summary = "Gives a key another name.",
     .handler = CreateAlias},
    {.name = "updateAlias",
     .group = "aliases",
     .paths = kUpdatePaths,
     .action = "kms:cmk:updateAlias",
     .write = true,
     .mutates = true,
     .parameters = kKeyAndAlias,
     .resources = kResourceKeyAndAlias,
     .section = "5.4.2",
     .summary = "Points an alias at another key.",
     .handler = UpdateAlias},
    {.name = "deleteAlias",
     .group = "aliases",
     .paths = kDeletePaths,
     .action = "kms:cmk:deleteAlias",
     .write = true,
     .mutates = true,
     .parameters = kUserRegionAndAlias,
     .resources = kResourceAlias,
     .section = "5.4.3",
     .summary = "Removes an alias, and leaves its key alone.",
     .handler = DeleteAlias},
    {.name = "listAlias",
     .group = "aliases",
     .get = true,
     .paths = kListPaths,
     .action = "kms:cmk:listAlias",
     .parameters = kUserRegionAndPage,
     .result = kListResult,
     .section = "5.4.4",
     .summary = "Lists the aliases of the account in the region, oldest first.",
     .handler = ListAlias},
    {.name = "listAliasByUuid",
     .group = "aliases",
     .get = true,
     .paths = kListOfKeyPaths,
     .action = "kms:cmk:listAliasByUuid",
     .parameters = kKeyAndPage,
     .result = kListResult,
     .resources = kResourceKey,
     .section = "5.4.5",
     .summary = "Lists the aliases of one key, oldest first.",
     .handler = ListAliasByUuid},
};

}  // namespace

std::span<const Operation> AliasOperations() { return kOperations; }

}  // namespace kms::server
