#include "fixture.h"

#include <array>
#include <stdexcept>

namespace kms::server::testing {
namespace {

using Object = Result<boost::json::object>;

Object Echo(Call& call, const Arguments& arguments) {
  boost::json::object result(call.storage);
  result["text"] = arguments.Text("text");
  result["region"] = call.context.region;
  result["account"] = call.context.principal.account;
  result["source"] = call.context.source;
  result["operation"] = call.context.operation;
  result["requestId"] = call.context.request_id;
  return result;
}

Object Change(Call& call, const Arguments& arguments) {
  boost::json::object result(call.storage);
  result["seen"] = call.context.seen_before;
  result["fingerprint"] = call.context.fingerprint == arguments.Fingerprint();
  result["until"] = call.context.replayable_until;
  return result;
}

// Tells on which try it succeeded, as something that needs the token.
Object Waits(Call& call, const Arguments&) {
  if (!call.context.may_wait_for_token)
    return Error(ErrorClass::kMustWait, Reason::kInternal, "not here");
  boost::json::object result(call.storage);
  result["requestId"] = call.context.request_id;
  return result;
}

// Does not come back for a while, and then looks at what it was asked.
Object Hangs(Call& call, const Arguments& arguments) {
  if (!call.context.may_wait_for_token)
    return Error(ErrorClass::kMustWait, Reason::kInternal, "not here");
  hang->went_on_before = call.GoesOn();
  hang->until.wait();
  hang->went_on_after = call.GoesOn();
  hang->text.set_value(std::string(arguments.Text("text")));
  return boost::json::object(call.storage);
}

// As a defect would: it is not asked a third time.
Object WaitsForEver(Call&, const Arguments&) {
  return Error(ErrorClass::kMustWait, Reason::kInternal, "never");
}

// Of three keys, two of which are of one line.
Object Items(Call& call, const Arguments&) {
  boost::json::object result(call.storage);
  result["items"] = {{{"cmkUuid", "key-1"}, {"keyVersionId", "version-1"}},
                     {{"cmkUuid", "key-2"}, {"errorCode", "KMS.0206"}},
                     {{"cmkUuid", "key-1"}, {"keyVersionId", "version-1"}}};
  return result;
}

Object Nothing(Call&, const Arguments&) { return boost::json::object(); }
Object Breaks(Call&, const Arguments&) { throw std::runtime_error("the secret reason"); }
Object Fails(Call&, const Arguments&) { return Error(Reason::kInternal, "the detail"); }

constexpr std::string_view kEchoPaths[] = {"/v1/test/echo", "/apiproxy/v3/test/echo"};
constexpr std::string_view kChangePaths[] = {"/v1/test/change"};
constexpr std::string_view kListPaths[] = {"/v1/test/list"};
constexpr std::string_view kNothingPaths[] = {"/v1/test/nothing"};
constexpr std::string_view kItemsPaths[] = {"/v1/test/items"};
constexpr std::string_view kBreaksPaths[] = {"/v1/test/breaks"};
constexpr std::string_view kFailsPaths[] = {"/v1/test/fails"};
constexpr std::string_view kWaitsPaths[] = {"/v1/test/waits"};
constexpr std::string_view kWaitsForEverPaths[] = {"/v1/test/waitsForEver"};
constexpr std::string_view kHangsPaths[] = {"/v1/test/hangs"};
constexpr std::string_view kDeniedPaths[] = {"/v1/test/denied"};
constexpr Choice kChoices[] = {{"a", 1}, {"b", 2}};
constexpr Parameter kTextParameters[] = {
    {.name = "text", .required = true, .max = 10, .missing = Reason::kPlaintextMissing},
    {.name = "regionId", .max = 64, .missing = Reason::kRegionMissing}};
constexpr Parameter kListParameters[] = {
    {.name = "text", .where = Where::kHeader, .max = 10},
    {.name = "choice",
     .where = Where::kHeader,
     .kind = Kind::kChoice,
     .choices = kChoices},
    {.name = "regionId", .where = Where::kHeader, .max = 64}};
constexpr std::string_view kEchoResult[] = {"text", "items[]: a b"};

constexpr Operation kEcho = {.name = "echo",
                             .group = "tests",
                             .paths = kEchoPaths,
                             .action = "kms:test:echo",
                             .lane = Lane::kInline,
                             .parameters = kTextParameters,
                             .result = kEchoResult,
                             .section = "1.1",
                             .summary = "Says what it was told.",
                             .handler = Echo};
constexpr Operation kChange = {.name = "change",
                               .group = "tests",
                               .paths = kChangePaths,
                               .action = "kms:test:change",
                               .write = true,
                               .mutates = true,
                               .lane = Lane::kCommit,
                               .parameters = kTextParameters,
                               .section = "1.2",
                               .handler = Change};
constexpr Operation kList = {.name = "list",
                             .group = "lists",
                             .get = true,
                             .paths = kListPaths,
                             .action = "kms:test:list",
                             .lane = Lane::kPrivateKey,
                             .parameters = kListParameters,
                             .section = "1.3",
                             .handler = Echo};
constexpr Operation kNothing = {.name = "nothing",
                                .group = "lists",
                                .paths = kNothingPaths,
                                .action = "kms:test:nothing",
                                .handler = Nothing};
constexpr Operation kItems = {.name = "items",
                              .group = "lists",
                              .paths = kItemsPaths,
                              .action = "kms:test:items",
                              .operation_class = OperationClass::kSymmetric,
                              .lane = Lane::kBatch,
                              .handler = Items};
constexpr Operation kBreaks = {.name = "breaks",
                               .group = "lists",
                               .paths = kBreaksPaths,
                               .action = "kms:test:breaks",
                               .handler = Breaks};
constexpr Operation kFails = {.name = "fails",
                              .group = "lists",
                              .paths = kFailsPaths,
                              .action = "kms:test:fails",
                              .lane = Lane::kInline,
                              .handler = Fails};
constexpr Operation kWaits = {.name = "waits",
                              .group = "lists",
                              .paths = kWaitsPaths,
                              .action = "kms:test:waits",
                              .mutates = true,
                              .lane = Lane::kInline,
                              .handler = Waits};
constexpr Operation kWaitsForEver = {.name = "waitsForEver",
                                     .group = "lists",
                                     .paths = kWaitsForEverPaths,
                                     .action = "kms:test:waitsForEver",
                                     .lane = Lane::kPrivateKey,
                                     .handler = WaitsForEver};
constexpr Operation kDenied = {.name = "denied",
                               .group = "lists",
                               .paths = kDeniedPaths,
                               .action = "kms:test:denied",
                               .parameters = kTextParameters,
                               .handler = Nothing};
constexpr Operation kHangs = {.name = "hangs",
                              .group = "lists",
                              .paths = kHangsPaths,
                              .action = "kms:test:hangs",
                              .mutates = true,
                              .lane = Lane::kInline,
                              .parameters = kTextParameters,
                              .handler = Hangs};
constexpr std::array<const Operation*, 11> kAll = {
    &kEcho,  &kChange, &kList,         &kNothing, &kItems, &kBreaks,
    &kFails, &kWaits,  &kWaitsForEver, &kHangs,   &kDenied};

}  // namespace

Hang* hang = nullptr;

std::span<const Operation* const> TestOperations() { return kAll; }

}  // namespace kms::server::testing
