// The life of keys (manual 5.3, and 4.2.4 for deletion protection).

#include <boost/json/array.hpp>
#include <string>

#include "api/operations/groups.h"
#include "api/operations/key_results.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::int64_t kMaxDescription = 8192;
constexpr std::int64_t kMaxProject = 64;

constexpr Choice kOriginChoices[] = {Spelled("KMS", KeyOrigin::kKms),
                                     Spelled("EXTERNAL", KeyOrigin::kExternal)};

constexpr Choice kStateChoices[] = {
    Spelled("0", KeyState::kDisabled), Spelled("1", KeyState::kEnabled),
    Spelled("2", KeyState::kPendingDeletion), Spelled("3", KeyState::kPendingImport)};

constexpr Parameter LevelParameter(Where where, bool required) {
  return {.name = "protectionLevel",
          .where = where,
          .required = required,
          .kind = Kind::kChoice,
          .choices = kProtectionLevelChoices,
          .missing = Reason::kProtectionLevelMissing,
          .bad = Reason::kBadProtectionLevel,
          .note = "`0` HSM, `1` software"};
}

constexpr Parameter SpecParameter(Where where, bool required) {
  return {.name = "keySpec",
          .where = where,
          .required = required,
          .kind = Kind::kChoice,
          .choices = kKeySpecChoices,
          .missing = Reason::kKeySpecMissing,
          .bad = Reason::kBadKeySpec,
          .note = "SM2 and SM4 exist at HSM level only"};
}

constexpr Parameter UsageParameter(Where where, bool required) {
  return {.name = "keyUsage",
          .where = where,
          .required = required,
          .kind = Kind::kChoice,
          .choices = kKeyUsageChoices,
          .missing = Reason::kKeyUsageMissing,
          .bad = Reason::kBadKeyUsage,
          .implied = true,
          .note = "signing needs an asymmetric key"};
}

constexpr Parameter DescriptionParameter(bool required) {
  return {.name = "description",
          .required = required,
          .kind = Kind::kText,
          .max = kMaxDescription,
          .may_be_empty = true,
          .note = "free text"};
}

constexpr Parameter kCreate[] = {
    LevelParameter(Where::kBody, true),
    SpecParameter(Where::kBody, true),
    RegionParameter(Where::kBody, true),
    UsageParameter(Where::kBody, true),
    RotationSwitchParameter(),
    DescriptionParameter(false),
    RotationIntervalParameter(),
    {.name = "origin",
     .required = true,
     .kind = Kind::kChoice,
     .choices = kOriginChoices,
     .implied = true,
     .note = "`EXTERNAL` for AES_256 only: the key waits for its material"},
    {.name = "aliasName",
     .kind = Kind::kAlias,
     .missing = Reason::kAliasMissing,
     .note = "given to the key in the same transaction"},
    {.name = "epId",
     .kind = Kind::kText,
     .max = kMaxProject,
     .note = "enterprise project; default `default`"}};

constexpr Parameter kKey[] = {KeyParameter()};
constexpr Parameter kKeyOfGet[] = {KeyParameter(Where::kHeader)};

constexpr Parameter kScheduleDeletion[] = {KeyParameter(),
                                           {.name = "pendingWindowInDays",
                                            .required = true,
                                            .kind = Kind::kInteger,
                                            .min = 7,
                                            .max = 30,
                                            .missing = Reason::kPendingWindowMissing,
                                            .bad = Reason::kBadPendingWindow,
                                            .note = "days until the key is deleted"}};

constexpr Parameter kUpdateDescription[] = {DescriptionParameter(true), KeyParameter()};

constexpr Parameter kList[] = {
    PageNumberParameter(),
    PageSizeParameter(),
    UsageParameter(Where::kHeader, false),
    LevelParameter(Where::kHeader, false),
    SpecParameter(Where::kHeader, false),
    {.name = "status",
     .where = Where::kHeader,
     .kind = Kind::kChoice,
     .choices = kStateChoices,
     .note = "`0` disabled, `1` enabled, `2` pending deletion, "
             "`3` pending import; default all"},
    RegionParameter(Where::kHeader, false),
    TagKeyFilterParameter(Where::kHeader),
    TagValueFilterParameter(Where::kHeader)};

constexpr std::string_view kResourceKey[] = {"cmkUuid"};

constexpr std::string_view kCreateResult[] = {"automaticRotation",
                                              "cmkUuid",
                                              "creationDate",
                                              "creator",
                                              "deleteDate",
                                              "description",
                                              "keySpec",
                                              "keyState",
                                              "keyUsage",
                                              "lastRotationDate",
                                              "materialExpireTime",
                                              "nextRotationDate",
                                              "origin",
                                              "primaryKeyVersion",
                                              "protectionLevel",
                                              "regionId",
                                              "rotationInterval"};
constexpr std::string_view kDescribeResult[] = {"automaticRotation",
                                                "cmkUuid",
                                                "creationDate",
                                                "creator",
                                                "deleteDate",
                                                "description",
                                                "isDefault",
                                                "keySpec",
                                                "keyUsage",
                                                "lastRotationDate",
                                                "materialExpireTime",
                                                "nextRotationDate",
                                                "origin",
                                                "primaryKeyVersion",
                                                "protectionLevel",
                                                "rotationInterval",
                                                "status",
                                                "keyState",
                                                "deletionProtection",
                                                "aliasName",
                                                "epId",
                                                "labels"};
constexpr std::string_view kListResult[] = {
    "content[]: automaticRotation cmkUuid createdTime description isDefault keySpec "
    "keyUsage lastRotationDate origin protectionLevel regionId status updatedTime userId "
    "deletionProtection aliasName epId labels",
    "pageNumber",
    "pageSize",
    "totalCount",
    "number",
    "size",
    "totalElements"};

constexpr std::string_view kCreatePaths[] = {"/v1/cmkManage/createKey",
                                             "/apiproxy/v3/product/createKey"};
constexpr std::string_view kEnablePaths[] = {"/v1/cmkManage/enableKey",
                                             "/apiproxy/v3/product/enableKey"};
constexpr std::string_view kDisablePaths[] = {"/v1/cmkManage/disableKey",
                                              "/apiproxy/v3/product/disableKey"};
constexpr std::string_view kSchedulePaths[] = {
    "/v1/cmkManage/scheduleKeyDeletion", "/apiproxy/v3/product/scheduleKeyDeletion"};
constexpr std::string_view kCancelPaths[] = {"/v1/cmkManage/cancelKeyDeletion",
                                             "/apiproxy/v3/product/cancelKeyDeletion"};
constexpr std::string_view kUpdatePaths[] = {"/v1/keyManage/updateKeyDescription",
                                             "/apiproxy/v3/product/updateKeyDescription"};
constexpr std::string_view kDescribePaths[] = {"/v1/keyManage/describeKey",
                                               "/apiproxy/v3/product/describeKey"};
constexpr std::string_view kListPaths[] = {"/v1/keyManage/listAliasKeys",
                                           "/apiproxy/v3/product/listAliasKeys",
                                           "/v1/keyManage/listKeys"};
constexpr std::string_view kProtectPaths[] = {"/v1/cmkManage/deleteProtect",
                                              "/apiproxy/v3/product/deleteProtect"};
constexpr std::string_view kUnprotectPaths[] = {
    "/v1/cmkManage/cancelDeleteProtect", "/apiproxy/v3/product/cancelDeleteProtect"};

Result<object> CreateKey(Call& call, const Arguments& arguments) {
  NewKey wanted;
  wanted.spec = ChoiceOf<KeySpec>(arguments, "keySpec");
  if (arguments.Has("keyUsage")) wanted.usage = ChoiceOf<KeyUsage>(arguments, "keyUsage");
  wanted.level = ChoiceOf<ProtectionLevel>(arguments, "protectionLevel");
  if (arguments.Has("origin")) wanted.origin = ChoiceOf<KeyOrigin>(arguments, "origin");
  wanted.description = arguments.Text("description");
  wanted.alias = arguments.Text("aliasName");
  wanted.project = arguments.Has("epId") ? arguments.Text("epId") : call.context.project;
  KMS_TRY(wanted.rotation_days, RotationDays(arguments));
  if (auto allowed = call.dialect.AllowsSpec(wanted.spec, wanted.level); !allowed)
    return std::move(allowed).error().About("keySpec");
  KMS_TRY(const auto key, call.kms.keys().Create(call.context, wanted));
  return WriteCreatedKey(call, key);
}

Lane LaneOfCreate(const Arguments& arguments) {
  return IsSymmetric(ChoiceOf<KeySpec>(arguments, "keySpec")) ? Lane::kCommit
                                                              : Lane::kPrivateKey;
}

Result<object> EnableKey(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.keys().Enable(call.context, arguments.Text("cmkUuid")));
  return object(call.storage);
}

Result<object> DisableKey(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.keys().Disable(call.context, arguments.Text("cmkUuid")));
  return object(call.storage);
}

Result<object> ScheduleKeyDeletion(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.keys().ScheduleDeletion(
      call.context, arguments.Text("cmkUuid"),
      static_cast<int>(arguments.Integer("pendingWindowInDays"))));
  return object(call.storage);
}

Result<object> CancelKeyDeletion(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.keys().CancelDeletion(call.context, arguments.Text("cmkUuid")));
  return object(call.storage);
}

Result<object> UpdateKeyDescription(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.keys().UpdateDescription(call.context, arguments.Text("cmkUuid"),
                                                 arguments.Text("description")));
  return object(call.storage);
}

Result<object> DescribeKey(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto key,
          call.kms.keys().Describe(call.context, arguments.Text("cmkUuid")));
  return WriteDescribedKey(call, key);
}

template <typename Enum>
std::optional<Enum> FilterOf(const Arguments& arguments, std::string_view name) {
  if (!arguments.Has(name)) return std::nullopt;
  return ChoiceOf<Enum>(arguments, name);
}

Result<object> ListKeys(Call& call, const Arguments& arguments) {
  KeyFilter filter{.usage = FilterOf<KeyUsage>(arguments, "keyUsage"),
                   .level = FilterOf<ProtectionLevel>(arguments, "protectionLevel"),
                   .spec = FilterOf<KeySpec>(arguments, "keySpec"),
                   .state = FilterOf<KeyState>(arguments, "status")};
  filter.tag = TagFilterOf(arguments);
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.keys().List(call.context, filter, page.request));
  object result(call.storage);
  boost::json::array& content = result["content"].emplace_array();
  for (const KeyDescription& key : listed.items)
    WriteListedKey(call, key,
                   content.emplace_back(boost::json::object_kind).get_object());
  PutPage(result, page, listed.total);
  return result;
}

Result<object> DeleteProtect(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.keys().SetDeletionProtection(call.context,
                                                     arguments.Text("cmkUuid"), true));
  return object(call.storage);
}

Result<object> CancelDeleteProtect(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.keys().SetDeletionProtection(call.context,
                                                     arguments.Text("cmkUuid"), false));
  return object(call.storage);
}

// Most changes of a key take the key and answer nothing.
constexpr Operation Change(std::string_view name, std::span<const std::string_view> paths,
                           std::string_view action, std::string_view section,
                           std::string_view summary, Handler handler,
                           std::span<const Parameter> parameters = kKey) {
  return {.name = name,
          .group = "keys",
          .paths = paths,
          .action = action,
          .write = true,
          .mutates = true,
          .parameters = parameters,
          .resources = kResourceKey,
          .section = section,
          .summary = summary,
          .handler = handler};
}

constexpr Operation kOperations[] = {
    {.name = "createKey",
     .group = "keys",
     .paths = kCreatePaths,
     .action = "kms:cmk:create",
     .write = true,
     .mutates = true,
     .choose_lane = LaneOfCreate,
     .parameters = kCreate,
     .result = kCreateResult,
     .section = "5.3.1",
     .summary = "Makes a key.",
     .handler = CreateKey},
    Change("enableKey", kEnablePaths, "kms:cmk:enable", "5.3.2",
           "Lets a disabled key compute again.", EnableKey),
    Change("disableKey", kDisablePaths, "kms:cmk:disable", "5.3.3",
           "Keeps a key from computing until it is enabled again.", DisableKey),
    Change("scheduleKeyDeletion", kSchedulePaths, "kms:cmk:delete", "5.3.4",
           "Plans to delete a key, its versions and its aliases.", ScheduleKeyDeletion,
           kScheduleDeletion),
    Change("cancelKeyDeletion", kCancelPaths, "kms:cmk:undelete", "5.3.5",
           "Gives up the plan to delete a key, and enables the key.", CancelKeyDeletion),
    Change("updateKeyDescription", kUpdatePaths, "kms:cmk:update", "5.3.6",
           "Replaces the description of a key.", UpdateKeyDescription,
           kUpdateDescription),
    {.name = "describeKey",
     .group = "keys",
     .get = true,
     .paths = kDescribePaths,
     .action = "kms:cmk:describe",
     .lane = Lane::kInline,
     .parameters = kKeyOfGet,
     .result = kDescribeResult,
     .resources = kResourceKey,
     .section = "5.3.7",
     .summary = "Tells everything about a key but its material.",
     .handler = DescribeKey},
    {.name = "listKeys",
     .group = "keys",
     .get = true,
     .paths = kListPaths,
     .action = "kms:cmk:list",
     .parameters = kList,
     .result = kListResult,
     .section = "5.3.8",
     .summary = "Lists the keys of the account in the region, oldest first.",
     .handler = ListKeys},
    Change("deleteProtect", kProtectPaths, "kms:cmk:deleteProtect", "4.8, 4.2.4",
           "Protects a key against planned deletion.", DeleteProtect),
    Change("cancelDeleteProtect", kUnprotectPaths, "kms:cmk:cancelDeleteProtect",
           "4.8, 4.2.4", "Takes the deletion protection off a key.", CancelDeleteProtect),
};

}  // namespace

std::span<const Operation> KeyOperations() { return kOperations; }

}  // namespace kms::server
