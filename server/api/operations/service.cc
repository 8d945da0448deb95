// The service as a whole (manual 2, 4.1).

#include "api/operations/groups.h"
#include "api/operations/shared.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Parameter kUser[] = {
    {.name = "userId",
     .required = true,
     .max = 128,
     .missing = Reason::kUserIdMissing,
     .note = "the caller's own user or account id; another one is KMS.0913"}};
constexpr std::string_view kResult[] = {"isActivated"};
constexpr std::string_view kIsActivatedPaths[] = {"/v1/userControl/isActivated"};

Result<object> IsActivated(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(CheckUser(call, arguments));
  object result(call.storage);
  // Whoever has an account here may use the service.
  result["isActivated"] = true;
  return result;
}

constexpr Operation kOperations[] = {
    {.name = "isActivated",
     .group = "service",
     .paths = kIsActivatedPaths,
     .action = "kms:kmsService:describe",
     .lane = Lane::kInline,
     .parameters = kUser,
     .result = kResult,
     .section = "2, 4.1",
     .summary = "Tells whether the account may use the service.",
     .handler = IsActivated}};

}  // namespace

std::span<const Operation> ServiceOperations() { return kOperations; }

}  // namespace kms::server
