// Operations of policies: what they say, who holds them, and what follows from them.

#include <optional>
#include <string>
#include <string_view>

#include "api/operations/groups.h"
#include "api/operations/iam_shared.h"
#include "kms/bytes.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr std::int64_t kMaxDocument = 64 * 1024;

constexpr Parameter DocumentParameter(bool required) {
  return {.name = "policyDocument",
          .required = required,
          .kind = Kind::kText,
          .max = kMaxDocument,
          .note = "the document as a text of JSON, see docs/iam.md"};
}

constexpr Parameter kPolicy[] = {IdParameter("policyId", "the policy")};
constexpr Parameter kNewPolicy[] = {NameParameter("policyName"), DocumentParameter(true),
                                    NotesParameter()};
constexpr Parameter kPolicyUpdate[] = {IdParameter("policyId", "the policy"),
                                       DocumentParameter(false), NotesParameter()};
constexpr Parameter kGrant[] = {
    IdParameter("groupId", "whose members hold it"),
    IdParameter("policyId", "the policy"),
    ProjectParameter(false,
                     "the enterprise project it is for; default the whole account")};
constexpr Parameter kGrants[] = {IdParameter("groupId", "default all groups", false),
                                 kIamPageNumber, kIamPageSize};
constexpr Parameter kSimulation[] = {
    IdParameter("userId", "whose request it would be"),
    {.name = "action",
     .required = true,
     .kind = Kind::kText,
     .max = 128,
     .note = "a permission, such as `kms:cmk:encrypt`"},
    {.name = "cmkUuid",
     .kind = Kind::kKey,
     .missing = Reason::kKeyIdMissing,
     .bad = Reason::kKeyNotFound,
     .note = "the key; default none in particular"},
    ProjectParameter(false, "the enterprise project, if no key is named"),
    {.name = "sourceIp",
     .kind = Kind::kText,
     .max = 64,
     .note = "address of the client; default that of this request"},
    {.name = "currentTime",
     .kind = Kind::kUnixTime,
     .min = 0,
     .max = 253402300799,
     .note = "default now"},
    {.name = "secureTransport",
     .kind = Kind::kBoolean,
     .note = "over TLS or not; default as this request"}};

constexpr std::string_view kPolicyResult[] = {
    "policyId",    "policyName",  "description",   "isSystem",
    "createdTime", "updatedTime", "policyDocument"};
constexpr std::string_view kPoliciesResult[] = {
    "content[]: policyId policyName description isSystem createdTime updatedTime",
    "pageNumber",
    "pageSize",
    "totalCount",
    "number",
    "size",
    "totalElements"};
constexpr std::string_view kGrantsResult[] = {"content[]: groupId policyId epId",
                                              "pageNumber",
                                              "pageSize",
                                              "totalCount",
                                              "number",
                                              "size",
                                              "totalElements"};
constexpr std::string_view kSimulationResult[] = {"allowed", "decision",  "policyId",
                                                  "epId",    "statement", "sid"};
constexpr std::string_view kSimulatedKey[] = {"cmkUuid"};

constexpr std::string_view kCreatePolicyPaths[] = {"/v1/iam/createPolicy"};
constexpr std::string_view kUpdatePolicyPaths[] = {"/v1/iam/updatePolicy"};
constexpr std::string_view kDescribePolicyPaths[] = {"/v1/iam/describePolicy"};
constexpr std::string_view kListPoliciesPaths[] = {"/v1/iam/listPolicies"};
constexpr std::string_view kDeletePolicyPaths[] = {"/v1/iam/deletePolicy"};
constexpr std::string_view kGrantPolicyPaths[] = {"/v1/iam/grantPolicy"};
constexpr std::string_view kRevokePolicyPaths[] = {"/v1/iam/revokePolicy"};
constexpr std::string_view kListGrantsPaths[] = {"/v1/iam/listGrants"};
constexpr std::string_view kSimulatePolicyPaths[] = {"/v1/iam/simulatePolicy"};

void WriteListedPolicy(Call& call, const PolicyDescription& policy, object& result) {
  Put(result, "policyId", policy.id);
  Put(result, "policyName", policy.name);
  Put(result, "description", policy.description);
  result["isSystem"] = policy.system;
  PutDate(call, result, "createdTime", policy.created);
  PutDate(call, result, "updatedTime", policy.updated);
}

object WritePolicy(Call& call, const PolicyDescription& policy) {
  object result(call.storage);
  WriteListedPolicy(call, policy, result);
  Put(result, "policyDocument", policy.document);
  return result;
}

Result<object> CreatePolicy(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto policy, call.kms.iam().policies.Create(
                                 call.context, NewNamedOf(arguments, "policyName"),
                                 arguments.Text("policyDocument")));
  return WritePolicy(call, policy);
}

std::optional<std::string_view> TextIfThere(const Arguments& arguments,
                                            std::string_view name) {
  if (!arguments.Has(name)) return std::nullopt;
  return arguments.Text(name);
}

Result<object> UpdatePolicy(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().policies.Update(call.context, arguments.Text("policyId"),
                                              TextIfThere(arguments, "description"),
                                              TextIfThere(arguments, "policyDocument")));
  return object(call.storage);
}

Result<object> DescribePolicy(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto policy,
          call.kms.iam().policies.Describe(call.context, arguments.Text("policyId")));
  return WritePolicy(call, policy);
}

Result<object> ListPolicies(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.iam().policies.List(call.context, page.request));
  return WriteList(call, page, listed, WriteListedPolicy);
}

Result<object> DeletePolicy(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().policies.Delete(call.context, arguments.Text("policyId")));
  return object(call.storage);
}

Grant GrantOf(const Arguments& arguments) {
  return {std::string(arguments.Text("groupId")), std::string(arguments.Text("policyId")),
          std::string(arguments.Text("epId"))};
}

Result<object> GrantPolicy(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().policies.Grant(call.context, GrantOf(arguments)));
  return object(call.storage);
}

Result<object> RevokePolicy(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().policies.Revoke(call.context, GrantOf(arguments)));
  return object(call.storage);
}

Result<object> ListGrants(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.iam().policies.ListGrants(
                                 call.context, arguments.Text("groupId"), page.request));
  return WriteList(call, page, listed, [](Call&, const Grant& grant, object& result) {
    Put(result, "groupId", grant.group);
    Put(result, "policyId", grant.policy);
    Put(result, "epId", grant.project);
  });
}

Result<object> SimulatePolicy(Call& call, const Arguments& arguments) {
  Simulation asked;
  asked.user = arguments.Text("userId");
  asked.action = arguments.Text("action");
  asked.key = arguments.Text("cmkUuid");
  asked.project = arguments.Text("epId");
  asked.source = arguments.Has("sourceIp") ? arguments.Text("sourceIp")
                                           : std::string_view(call.context.source);
  if (arguments.Has("currentTime")) asked.now = arguments.Integer("currentTime") * 1000;
  asked.tls = arguments.Boolean("secureTransport", call.context.tls);
  KMS_TRY(const auto simulated, call.kms.iam().simulator.Run(call.context, asked));
  object result(call.storage);
  result["allowed"] = simulated.allowed;
  Put(result, "decision",
      simulated.allowed  ? std::string_view("Allow")
      : simulated.denied ? std::string_view("Deny")
                         : std::string_view("NotAllowed"));
  Put(result, "policyId", simulated.policy);
  Put(result, "epId", simulated.project);
  Put(result, "statement", static_cast<std::int64_t>(simulated.statement));
  Put(result, "sid", simulated.sid);
  return result;
}

constexpr Operation WithKey(Operation operation) {
  operation.resources = kSimulatedKey;
  return operation;
}

constexpr Operation kOperations[] = {
    IamChange("createPolicy", kCreatePolicyPaths, "kms:iam:createPolicy",
              "Writes down a policy.", CreatePolicy, kNewPolicy, kPolicyResult),
    IamChange("updatePolicy", kUpdatePolicyPaths, "kms:iam:updatePolicy",
              "Replaces the document or the description of a policy.", UpdatePolicy,
              kPolicyUpdate),
    IamRead("describePolicy", kDescribePolicyPaths, "kms:iam:describePolicy",
            "Tells what a policy says.", DescribePolicy, kPolicy, kPolicyResult),
    IamRead("listPolicies", kListPoliciesPaths, "kms:iam:listPolicies",
            "Lists the policies of the system and of the account.", ListPolicies,
            kIamPage, kPoliciesResult),
    IamChange("deletePolicy", kDeletePolicyPaths, "kms:iam:deletePolicy",
              "Deletes a policy that nobody holds.", DeletePolicy, kPolicy),
    IamChange("grantPolicy", kGrantPolicyPaths, "kms:iam:grantPolicy",
              "Has the users of a group hold a policy.", GrantPolicy, kGrant),
    IamChange("revokePolicy", kRevokePolicyPaths, "kms:iam:revokePolicy",
              "Takes a policy away from a group.", RevokePolicy, kGrant),
    IamRead("listGrants", kListGrantsPaths, "kms:iam:listGrants",
            "Lists which groups hold which policies, oldest first.", ListGrants, kGrants,
            kGrantsResult),
    WithKey(IamRead("simulatePolicy", kSimulatePolicyPaths, "kms:iam:simulatePolicy",
                    "Tells what a user could do, and which statement says so.",
                    SimulatePolicy, kSimulation, kSimulationResult)),
};

}  // namespace

std::span<const Operation> IamPolicyOperations() { return kOperations; }

}  // namespace kms::server
