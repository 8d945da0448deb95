// Versions of keys, and their rotation (manual 5.6).

#include <boost/json/array.hpp>

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Parameter kKeyAndVersion[] = {KeyParameter(Where::kHeader),
                                        VersionParameter(Where::kHeader)};
constexpr Parameter kKeyAndPage[] = {KeyParameter(Where::kHeader), PageNumberParameter(),
                                     PageSizeParameter()};
constexpr Parameter kRotation[] = {KeyParameter(), RotationSwitchParameter(),
                                   RotationIntervalParameter()};
constexpr Parameter kKey[] = {KeyParameter()};

constexpr std::string_view kResourceKey[] = {"cmkUuid"};
constexpr std::string_view kVersionResult[] = {"cmkUuid", "creationDate", "keyVersionId"};
constexpr std::string_view kListResult[] = {
    "content[]: cmkUuid primaryKeyVersion updatedAt",
    "pageNumber",
    "pageSize",
    "totalCount",
    "number",
    "size",
    "totalElements"};

constexpr std::string_view kDescribePaths[] = {
    "/v1/versionControl/describeKeyVersion",
    "/apiproxy/v3/account/versionControl/describeKeyVersion"};
constexpr std::string_view kListPaths[] = {
    "/v1/versionControl/listKeyVersions",
    "/apiproxy/v3/account/versionControl/listKeyVersions"};
constexpr std::string_view kRotationPaths[] = {
    "/v1/versionControl/updateRotationPolicy",
    "/apiproxy/v3/account/versionControl/updateRotationPolicy"};
constexpr std::string_view kCreatePaths[] = {
    "/v1/versionControl/createKeyVersion",
    "/apiproxy/v3/account/versionControl/createKeyVersion"};

object WriteVersion(const Call& call, const VersionDescription& version) {
  object result(call.storage);
  Put(result, "cmkUuid", version.key);
  Put(result, "creationDate", call.dialect.Date(version.created));
  Put(result, "keyVersionId", version.id);
  return result;
}

Result<object> DescribeKeyVersion(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto version,
          call.kms.versions().Describe(call.context, arguments.Text("cmkUuid"),
                                       arguments.Text("keyVersionId")));
  return WriteVersion(call, version);
}

Result<object> ListKeyVersions(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.versions().List(
                                 call.context, arguments.Text("cmkUuid"), page.request));
  object result(call.storage);
  boost::json::array& content = result["content"].emplace_array();
  for (const VersionDescription& version : listed.items) {
    object& item = content.emplace_back(boost::json::object_kind).get_object();
    Put(item, "cmkUuid", version.key);
    Put(item, "primaryKeyVersion", version.id);
    Put(item, "updatedAt", call.dialect.Date(version.created));
  }
  PutPage(result, page, listed.total);
  return result;
}

Result<object> UpdateRotationPolicy(Call& call, const Arguments& arguments) {
  KMS_TRY(const std::optional<int> days, RotationDays(arguments));
  KMS_CHECK_OK(
      call.kms.versions().SetRotation(call.context, arguments.Text("cmkUuid"), days));
  return object(call.storage);
}

Result<object> CreateKeyVersion(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto version,
          call.kms.versions().Create(call.context, arguments.Text("cmkUuid")));
  return WriteVersion(call, version);
}

constexpr Operation kOperations[] = {
    {.name = "describeKeyVersion",
     .group = "versions",
     .get = true,
     .paths = kDescribePaths,
     .action = "kms:cmk:describeVersion",
     .lane = Lane::kInline,
     .parameters = kKeyAndVersion,
     .result = kVersionResult,
     .resources = kResourceKey,
     .section = "5.6.1",
     .summary = "Tells when a version of a key was made.",
     .handler = DescribeKeyVersion},
    {.name = "listKeyVersions",
     .group = "versions",
     .get = true,
     .paths = kListPaths,
     .action = "kms:cmk:listVersions",
     .parameters = kKeyAndPage,
     .result = kListResult,
     .resources = kResourceKey,
     .section = "5.6.2",
     .summary = "Lists the versions of a key, oldest first.",
     .handler = ListKeyVersions},
    {.name = "updateRotationPolicy",
     .group = "versions",
     .paths = kRotationPaths,
     .action = "kms:cmk:updateRotation",
     .write = true,
     .mutates = true,
     .parameters = kRotation,
     .resources = kResourceKey,
     .section = "5.6.3",
     .summary = "Has a symmetric key rotate by itself, or no more.",
     .handler = UpdateRotationPolicy},
    {.name = "createKeyVersion",
     .group = "versions",
     .paths = kCreatePaths,
     .action = "kms:cmk:createVersion",
     .write = true,
     .mutates = true,
     .lane = Lane::kPrivateKey,
     .parameters = kKey,
     .result = kVersionResult,
     .resources = kResourceKey,
     .section = "5.6.4",
     .summary = "Makes a new version of an asymmetric key.",
     .handler = CreateKeyVersion},
};

}  // namespace

std::span<const Operation> VersionOperations() { return kOperations; }

}  // namespace kms::server
