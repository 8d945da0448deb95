// Access points (manual 4.5).

#include <algorithm>
#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::array;
using boost::json::object;

constexpr Choice kPolicyChoices[] = {Spelled("allow", PolicyChange::kAllow),
                                     Spelled("deny", PolicyChange::kDeny)};

constexpr Parameter TextParameter(std::string_view name, bool required, std::int64_t max,
                                  std::string_view note) {
  return {.name = name, .required = required, .max = max, .note = note};
}

constexpr Parameter PolicyTypeParameter() {
  return {.name = "policyType",
          .required = true,
          .kind = Kind::kChoice,
          .choices = kPolicyChoices,
          .note =
              "the first change opens the check: `allow` allows the list and nothing "
              "else, `deny` all but the list"};
}

constexpr Parameter TextsParameter(std::string_view name, bool required, std::int64_t max,
                                   std::string_view note) {
  return {
      .name = name, .required = required, .kind = Kind::kTexts, .max = max, .note = note};
}

constexpr Parameter kProject = TextParameter("epId", false, 64, "enterprise project");
constexpr Parameter kCreateParameters[] = {
    TextParameter("applicationName", true, 128, "any text"),
    TextParameter("vpcId", true, 128, "any text"),
    TextParameter("subnetId", true, 128, "any text"),
    TextParameter("epId", false, 64, "enterprise project, default `default`"),
    TextParameter("email", false, 255, "any text"),
    TextParameter("description", false, 8192, "any text")};
constexpr Parameter kListParameters[] = {{.name = "pageNum",
                                          .kind = Kind::kInteger,
                                          .min = 1,
                                          .max = 2147483647,
                                          .note = "from 1, default 1"},
                                         {.name = "pageSize",
                                          .kind = Kind::kInteger,
                                          .min = 1,
                                          .max = 100,
                                          .note = "default 10"}};
constexpr Parameter kVpcParameters[] = {kProject};
constexpr Parameter kSubnetParameters[] = {
    kProject, TextParameter("vpcId", true, 128, "whose subnets")};
constexpr Parameter kPoint[] = {AccessPointParameter()};
constexpr Parameter kActionsParameters[] = {
    AccessPointParameter(), PolicyTypeParameter(),
    TextsParameter("policyList", true, 128, "actions, as listAllUri lists them")};
constexpr Parameter kResourcesParameters[] = {
    AccessPointParameter(), PolicyTypeParameter(),
    TextsParameter("cmkList", false, 255, "keys; one of the two lists is needed"),
    TextsParameter("certList", false, 255, "certificates")};
constexpr Parameter kWhitelistParameters[] = {
    AccessPointParameter(),
    TextParameter("endpointId", false, 64, "if given, the access point's own"),
    TextsParameter(
        "ips", true, 64,
        "addresses and CIDR blocks, IPv4 and IPv6, at most 100; they replace the "
        "list"),
    {.name = "enableWhitelist",
     .required = true,
     .kind = Kind::kBoolean,
     .note = "whether other addresses are refused"}};

constexpr std::string_view kPointResource[] = {"applicationId"};
constexpr std::string_view kCreateResult[] = {"applicationId",     "vpcId", "subnetId",
                                              "applicationStatus", "url",   "endpointId"};
constexpr std::string_view kListResult[] = {
    "list[]: applicationId applicationName description email vpcId vpcName subnetId "
    "subnetName endpointId url epId instanceId isDefault applicationStatus",
    "totalCount", "pageNum", "pageSize"};
constexpr std::string_view kVpcResult[] = {
    "list[]: vpcId name cidr ipv6Enabled ipv6Cidrs subnetIds natGatewayIds"};
constexpr std::string_view kSubnetResult[] = {"list[]: subnetId vpcId name cidr"};
constexpr std::string_view kAllUriResult[] = {"list[]: describe action status uriType"};
constexpr std::string_view kUriResult[] = {"list[]"};
constexpr std::string_view kResourcesResult[] = {
    "list[]: aliasName resourceId status resourceType"};
constexpr std::string_view kDescribeResult[] = {
    "cmkNum", "certNum", "cmkList[]: aliasName resourceId", "certList[]: resourceId"};
constexpr std::string_view kOpenResult[] = {"open"};
constexpr std::string_view kWhitelistResult[] = {"enableWhitelist", "ips[]",
                                                 "applicationId"};

// What every access point is: made at once, and never frozen.
constexpr std::string_view kOn = "1";

array& PutList(object& result, std::string_view name) {
  return result[name].emplace_array();
}

object& NewItem(array& list) {
  return list.emplace_back(boost::json::object_kind).get_object();
}

// The name that the operator gave to a network, if he did.
template <typename Network>
std::string_view NameOf(const std::vector<Network>& networks, std::string_view id) {
  const auto found = std::ranges::find(networks, id, &Network::id);
  return found == networks.end() ? std::string_view() : found->name;
}

// One row for each action that access points offer; operations may share one.
std::vector<const Operation*> PointOperations() {
  std::vector<const Operation*> offered;
  for (const Operation* const operation : AllOperations()) {
    const auto same = [&](const Operation* other) {
      return other->action == operation->action;
    };
    if (IsAccessPointAction(operation->action) && std::ranges::none_of(offered, same))
      offered.push_back(operation);
  }
  return offered;
}

std::vector<std::string_view> ActionsOf(const std::vector<const Operation*>& operations) {
  std::vector<std::string_view> actions;
  for (const Operation* const operation : operations)
    actions.push_back(operation->action);
  return actions;
}

Result<object> CreateApplicationAccessPoint(Call& call, const Arguments& arguments) {
  NewAccessPoint wanted;
  wanted.name = arguments.Text("applicationName");
  wanted.vpc = arguments.Text("vpcId");
  wanted.subnet = arguments.Text("subnetId");
  if (arguments.Has("epId")) wanted.project = arguments.Text("epId");
  wanted.email = arguments.Text("email");
  wanted.description = arguments.Text("description");
  KMS_TRY(const AccessPointDescription point,
          call.kms.access_points().Create(call.context, wanted));
  object result(call.storage);
  Put(result, "applicationId", point.id);
  Put(result, "vpcId", point.vpc);
  Put(result, "subnetId", point.subnet);
  Put(result, "applicationStatus", kOn);
  Put(result, "url", call.site.UrlOf(point.id));
  Put(result, "endpointId", point.endpoint);
  return result;
}

Result<object> ListApplicationAccessPoint(Call& call, const Arguments& arguments) {
  const std::int64_t number = arguments.Integer("pageNum", 1);
  const std::int64_t size = arguments.Integer("pageSize", 10);
  KMS_TRY(const Page<AccessPointDescription> listed,
          call.kms.access_points().List(call.context,
                                        {call.dialect.PageIndex(call.operation, number),
                                         static_cast<std::size_t>(size)}));
  object result(call.storage);
  array& list = PutList(result, "list");
  for (const AccessPointDescription& point : listed.items) {
    object& item = NewItem(list);
    Put(item, "applicationId", point.id);
    Put(item, "applicationName", point.name);
    Put(item, "description", point.description);
    Put(item, "email", point.email);
    Put(item, "vpcId", point.vpc);
    Put(item, "vpcName", NameOf(call.site.vpcs, point.vpc));
    Put(item, "subnetId", point.subnet);
    Put(item, "subnetName", NameOf(call.site.subnets, point.subnet));
    Put(item, "endpointId", point.endpoint);
    Put(item, "url", call.site.UrlOf(point.id));
    Put(item, "epId", point.project);
    Put(item, "instanceId", "");
    Put(item, "isDefault", "0");
    Put(item, "applicationStatus", kOn);
  }
  Put(result, "totalCount", static_cast<std::int64_t>(listed.total));
  Put(result, "pageNum", number);
  Put(result, "pageSize", size);
  return result;
}

Result<object> DeleteApplicationAccessPoint(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(
      call.kms.access_points().Delete(call.context, arguments.Text("applicationId")));
  return object(call.storage);
}

Result<object> ListVpc(Call& call, const Arguments& /*arguments*/) {
  object result(call.storage);
  array& list = PutList(result, "list");
  for (const Vpc& vpc : call.site.vpcs) {
    object& item = NewItem(list);
    Put(item, "vpcId", vpc.id);
    Put(item, "name", vpc.name);
    Put(item, "cidr", vpc.cidr);
    item["ipv6Enabled"] = false;
    PutList(item, "ipv6Cidrs");
    array& subnets = PutList(item, "subnetIds");
    for (const Subnet& subnet : call.site.subnets)
      if (subnet.vpc == vpc.id) subnets.emplace_back(subnet.id);
    PutList(item, "natGatewayIds");
  }
  return result;
}

Result<object> ListSubnet(Call& call, const Arguments& arguments) {
  object result(call.storage);
  array& list = PutList(result, "list");
  for (const Subnet& subnet : call.site.subnets) {
    if (subnet.vpc != arguments.Text("vpcId")) continue;
    object& item = NewItem(list);
    Put(item, "subnetId", subnet.id);
    Put(item, "vpcId", subnet.vpc);
    Put(item, "name", subnet.name);
    Put(item, "cidr", subnet.cidr);
  }
  return result;
}

Result<object> ListAllUri(Call& call, const Arguments& arguments) {
  const auto operations = PointOperations();
  KMS_TRY(const std::vector<bool> allowed,
          call.kms.access_points().AllActions(
              call.context, arguments.Text("applicationId"), ActionsOf(operations)));
  object result(call.storage);
  array& list = PutList(result, "list");
  for (std::size_t i = 0; i < operations.size(); ++i) {
    object& item = NewItem(list);
    Put(item, "describe", operations[i]->summary);
    Put(item, "action", operations[i]->action);
    Put(item, "status", allowed[i] ? 1 : 0);
    Put(item, "uriType", operations[i]->write ? 1 : 0);
  }
  return result;
}

Result<object> ListPointUriPolicy(Call& call, const Arguments& arguments) {
  const auto actions = ActionsOf(PointOperations());
  KMS_TRY(const std::vector<bool> allowed,
          call.kms.access_points().AllowedActions(
              call.context, arguments.Text("applicationId"), actions));
  object result(call.storage);
  array& list = PutList(result, "list");
  for (std::size_t i = 0; i < actions.size(); ++i)
    if (allowed[i]) list.emplace_back(actions[i]);
  return result;
}

Result<object> ChangePointUriPolicy(Call& call, const Arguments& arguments) {
  const auto offered = ActionsOf(PointOperations());
  const auto wanted = arguments.Texts("policyList");
  for (const std::string_view action : wanted)
    if (std::ranges::find(offered, action) == offered.end())
      return Error(Reason::kBadParameter).About("policyList");
  KMS_CHECK_OK(call.kms.access_points().ChangeActions(
      call.context, arguments.Text("applicationId"),
      ChoiceOf<PolicyChange>(arguments, "policyType"), wanted));
  return object(call.storage);
}

bool IsKey(const PointResource& resource) {
  return resource.kind == PointResourceKind::kKey;
}

Result<object> ListPointResourcePolicy(Call& call, const Arguments& arguments) {
  KMS_TRY(const std::vector<PointResource> resources,
          call.kms.access_points().AllResources(call.context,
                                                arguments.Text("applicationId")));
  object result(call.storage);
  array& list = PutList(result, "list");
  for (const PointResource& resource : resources) {
    object& item = NewItem(list);
    Put(item, "aliasName", resource.alias);
    Put(item, "resourceId", resource.id);
    Put(item, "status", resource.allowed ? 1 : 0);
    Put(item, "resourceType", IsKey(resource) ? "cmk" : "cert");
  }
  return result;
}

Result<object> DescribeResourcePolicy(Call& call, const Arguments& arguments) {
  KMS_TRY(const std::vector<PointResource> resources,
          call.kms.access_points().AllowedResources(call.context,
                                                    arguments.Text("applicationId")));
  const auto keys = std::ranges::count_if(resources, IsKey);
  object result(call.storage);
  Put(result, "cmkNum", keys);
  Put(result, "certNum", std::ssize(resources) - keys);
  array& key_list = PutList(result, "cmkList");
  for (const PointResource& resource : resources) {
    if (!IsKey(resource)) continue;
    object& item = NewItem(key_list);
    Put(item, "aliasName", resource.alias);
    Put(item, "resourceId", resource.id);
  }
  array& certificate_list = PutList(result, "certList");
  for (const PointResource& resource : resources)
    if (!IsKey(resource)) Put(NewItem(certificate_list), "resourceId", resource.id);
  return result;
}

Result<object> ChangePointResourcePolicy(Call& call, const Arguments& arguments) {
  if (!arguments.Has("cmkList") && !arguments.Has("certList"))
    return Error(Reason::kParameterMissing).About("cmkList");
  KMS_CHECK_OK(call.kms.access_points().ChangeResources(
      call.context, arguments.Text("applicationId"),
      ChoiceOf<PolicyChange>(arguments, "policyType"),
      {arguments.Texts("cmkList"), arguments.Texts("certList")}));
  return object(call.storage);
}

Result<object> PolicyCheckIsOpen(Call& call, const Arguments& arguments) {
  KMS_TRY(const bool open, call.kms.access_points().HasOpenCheck(
                               call.context, arguments.Text("applicationId")));
  object result(call.storage);
  result["open"] = open;
  return result;
}

Result<object> ClosePolicyCheck(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.access_points().CloseChecks(call.context,
                                                    arguments.Text("applicationId")));
  return object(call.storage);
}

Result<object> AddEndpointWhitelist(Call& call, const Arguments& arguments) {
  AddressWhitelist whitelist;
  whitelist.enabled = arguments.Boolean("enableWhitelist");
  for (const std::string_view block : arguments.Texts("ips"))
    whitelist.blocks.emplace_back(block);
  KMS_CHECK_OK(
      call.kms.access_points().SetWhitelist(call.context, arguments.Text("applicationId"),
                                            arguments.Text("endpointId"), whitelist));
  return object(call.storage);
}

Result<object> ShowEndpointWhitelist(Call& call, const Arguments& arguments) {
  const std::string_view id = arguments.Text("applicationId");
  KMS_TRY(const AddressWhitelist whitelist,
          call.kms.access_points().Whitelist(call.context, id));
  object result(call.storage);
  result["enableWhitelist"] = whitelist.enabled;
  array& list = PutList(result, "ips");
  for (const std::string& block : whitelist.blocks) list.emplace_back(block);
  Put(result, "applicationId", id);
  return result;
}

constexpr std::string_view kCreateApplicationAccessPointPaths[] = {
    "/v1/applicationAccessPointManage/createApplicationAccessPoint"};
constexpr std::string_view kListApplicationAccessPointPaths[] = {
    "/v1/applicationAccessPointManage/listApplicationAccessPoint"};
constexpr std::string_view kDeleteApplicationAccessPointPaths[] = {
    "/v1/applicationAccessPointManage/deleteApplicationAccessPoint"};
constexpr std::string_view kListVpcPaths[] = {"/v1/applicationAccessPointManage/listVpc"};
constexpr std::string_view kListSubnetPaths[] = {
    "/v1/applicationAccessPointManage/listSubnet"};
constexpr std::string_view kListAllUriPaths[] = {
    "/v1/applicationAccessPointManage/listAllUri"};
constexpr std::string_view kListPointUriPolicyPaths[] = {
    "/v1/applicationAccessPointManage/listPointUriPolicy"};
constexpr std::string_view kChangePointUriPolicyPaths[] = {
    "/v1/applicationAccessPointManage/changePointUriPolicy"};
constexpr std::string_view kListPointResourcePolicyPaths[] = {
    "/v1/applicationAccessPointManage/listPointResourcePolicy"};
constexpr std::string_view kDescribeResourcePolicyPaths[] = {
    "/v1/applicationAccessPointManage/describeResourcePolicy"};
constexpr std::string_view kChangePointResourcePolicyPaths[] = {
    "/v1/applicationAccessPointManage/changePointResourcePolicy"};
constexpr std::string_view kPolicyCheckIsOpenPaths[] = {
    "/v1/applicationAccessPointManage/policyCheckIsOpen"};
constexpr std::string_view kClosePolicyCheckPaths[] = {
    "/v1/applicationAccessPointManage/closePolicyCheck"};
constexpr std::string_view kAddEndpointWhitelistPaths[] = {
    "/v1/userEndpointControl/addEndpointWhitelist"};
constexpr std::string_view kShowEndpointWhitelistPaths[] = {
    "/v1/userEndpointControl/showEndpointWhitelist"};

constexpr Operation kOperations[] = {
    {.name = "createApplicationAccessPoint",
     .group = "access points",
     .paths = kCreateApplicationAccessPointPaths,
     .action = "kms:accessPoint:createApplicationAccessPoint",
     .write = true,
     .mutates = true,
     .parameters = kCreateParameters,
     .result = kCreateResult,
     .section = "4.5",
     .summary =
         "Makes an access point for an application, which checks nothing at first.",
     .handler = CreateApplicationAccessPoint},
    {.name = "listApplicationAccessPoint",
     .group = "access points",
     .paths = kListApplicationAccessPointPaths,
     .action = "kms:accessPoint:listApplicationAccessPoint",
     .parameters = kListParameters,
     .result = kListResult,
     .section = "4.5",
     .summary = "Lists the access points of the region, oldest first.",
     .handler = ListApplicationAccessPoint},
    {.name = "deleteApplicationAccessPoint",
     .group = "access points",
     .paths = kDeleteApplicationAccessPointPaths,
     .action = "kms:accessPoint:deleteApplicationAccessPoint",
     .write = true,
     .mutates = true,
     .parameters = kPoint,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Deletes an access point with its access keys.",
     .handler = DeleteApplicationAccessPoint},
    {.name = "listVpc",
     .group = "access points",
     .paths = kListVpcPaths,
     .action = "kms:accessPoint:listVpc",
     .parameters = kVpcParameters,
     .result = kVpcResult,
     .section = "4.5",
     .summary = "Lists the networks that the operator has named.",
     .handler = ListVpc},
    {.name = "listSubnet",
     .group = "access points",
     .paths = kListSubnetPaths,
     .action = "kms:accessPoint:listSubnet",
     .parameters = kSubnetParameters,
     .result = kSubnetResult,
     .section = "4.5",
     .summary = "Lists the subnets of a network that the operator has named.",
     .handler = ListSubnet},
    {.name = "listAllUri",
     .group = "access points",
     .paths = kListAllUriPaths,
     .action = "kms:accessPoint:listAllUri",
     .parameters = kPoint,
     .result = kAllUriResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary =
         "Lists every action that access points offer, and whether this one allows it.",
     .handler = ListAllUri},
    {.name = "listPointUriPolicy",
     .group = "access points",
     .paths = kListPointUriPolicyPaths,
     .action = "kms:accessPoint:listPointUriPolicy",
     .parameters = kPoint,
     .result = kUriResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Lists the actions that the access point allows.",
     .handler = ListPointUriPolicy},
    {.name = "changePointUriPolicy",
     .group = "access points",
     .paths = kChangePointUriPolicyPaths,
     .action = "kms:accessPoint:changePointUriPolicy",
     .write = true,
     .mutates = true,
     .parameters = kActionsParameters,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Allows or denies actions to the access point.",
     .handler = ChangePointUriPolicy},
    {.name = "listPointResourcePolicy",
     .group = "access points",
     .paths = kListPointResourcePolicyPaths,
     .action = "kms:accessPoint:listPointResourcePolicy",
     .parameters = kPoint,
     .result = kResourcesResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Lists all keys of the region, and whether the access point allows them.",
     .handler = ListPointResourcePolicy},
    {.name = "describeResourcePolicy",
     .group = "access points",
     .paths = kDescribeResourcePolicyPaths,
     .action = "kms:accessPoint:describeResourcePolicy",
     .parameters = kPoint,
     .result = kDescribeResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Lists the keys and certificates that the access point allows.",
     .handler = DescribeResourcePolicy},
    {.name = "changePointResourcePolicy",
     .group = "access points",
     .paths = kChangePointResourcePolicyPaths,
     .action = "kms:accessPoint:changePointResourcePolicy",
     .write = true,
     .mutates = true,
     .parameters = kResourcesParameters,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Allows or denies keys and certificates to the access point.",
     .handler = ChangePointResourcePolicy},
    {.name = "policyCheckIsOpen",
     .group = "access points",
     .paths = kPolicyCheckIsOpenPaths,
     .action = "kms:accessPoint:policyCheckIsOpen",
     .parameters = kPoint,
     .result = kOpenResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Tells whether the access point checks actions or resources.",
     .handler = PolicyCheckIsOpen},
    {.name = "closePolicyCheck",
     .group = "access points",
     .paths = kClosePolicyCheckPaths,
     .action = "kms:accessPoint:closePolicyCheck",
     .write = true,
     .mutates = true,
     .parameters = kPoint,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Ends both checks, so that the access point allows everything.",
     .handler = ClosePolicyCheck},
    {.name = "addEndpointWhitelist",
     .group = "access points",
     .paths = kAddEndpointWhitelistPaths,
     .action = "kms:accessPoint:addEndpointWhitelist",
     .write = true,
     .mutates = true,
     .parameters = kWhitelistParameters,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Says from which addresses the access point may be called.",
     .handler = AddEndpointWhitelist},
    {.name = "showEndpointWhitelist",
     .group = "access points",
     .paths = kShowEndpointWhitelistPaths,
     .action = "kms:accessPoint:showEndpointWhitelist",
     .parameters = kPoint,
     .result = kWhitelistResult,
     .resources = kPointResource,
     .section = "4.5",
     .summary = "Shows from which addresses the access point may be called.",
     .handler = ShowEndpointWhitelist},
};

}  // namespace

std::span<const Operation> AccessPointOperations() { return kOperations; }

}  // namespace kms::server
