// A tenant's own events (kms/audit_log.h). An operation of ours: the manual has none.

#include <boost/json/array.hpp>

#include "api/operations/groups.h"
#include "api/operations/shared.h"
#include "kms/audit_log.h"

namespace kms::server {
namespace {

using boost::json::object;

enum class Order : std::uint8_t { kNewest, kOldest };

constexpr Choice kOrderChoices[] = {Spelled("newest", Order::kNewest),
                                    Spelled("oldest", Order::kOldest)};
constexpr std::int64_t kLatest = 253'402'300'799;  // the end of the year 9999

constexpr Parameter Restriction(std::string_view name, std::string_view note) {
  return {.name = name, .max = 256, .note = note};
}

constexpr Parameter kQuery[] = {
    {.name = "startTime",
     .kind = Kind::kInteger,
     .max = kLatest,
     .note = "seconds since 1970; from then on"},
    {.name = "endTime",
     .kind = Kind::kInteger,
     .max = kLatest,
     .note = "seconds since 1970; before then"},
    Restriction("key", "the key as the events name it"),
    Restriction("userId", "the user who asked"),
    Restriction("operation", "such as `createKey`"),
    Restriction("code", "`ok`, `dry-run`, or an error code"),
    {.name = "order",
     .kind = Kind::kChoice,
     .choices = kOrderChoices,
     .note = "which come first; default `newest`"},
    {.name = "limit",
     .kind = Kind::kInteger,
     .min = 1,
     .max = 100,
     .note = "events in a page, at most; default 20"},
    {.name = "continuation",
     .max = 128,
     .note = "of the page before, whose other parameters are repeated"}};

constexpr std::string_view kResult[] = {
    "events[]: time unixMillis requestId userId accessKey source operation region key "
    "keyVersionId code micros",
    "continuation"};
constexpr std::string_view kPaths[] = {"/v1/audit/queryEvents"};

object WriteEvent(const Call& call, const AuditEvent& event) {
  object item(call.storage);
  Put(item, "time", call.dialect.Date(event.time));
  Put(item, "unixMillis", event.time);
  Put(item, "requestId", event.request_id);
  Put(item, "userId", event.user);
  Put(item, "accessKey", event.access_key);
  Put(item, "source", event.source);
  Put(item, "operation", event.operation);
  Put(item, "region", event.region);
  Put(item, "key", event.key);
  Put(item, "keyVersionId", event.version);
  Put(item, "code", event.code);
  Put(item, "micros", event.micros);
  return item;
}

Result<object> QueryAuditEvents(Call& call, const Arguments& arguments) {
  if (call.audit == nullptr)
    return Error(Reason::kStoreUnavailable, "there is no audit log");
  AuditQuery query;
  query.account = call.context.principal.account;
  if (arguments.Has("startTime")) query.from = arguments.Integer("startTime") * 1000;
  if (arguments.Has("endTime")) query.to = arguments.Integer("endTime") * 1000;
  query.key = arguments.Text("key");
  query.user = arguments.Text("userId");
  query.operation = arguments.Text("operation");
  query.code = arguments.Text("code");
  query.newest_first =
      !arguments.Has("order") || ChoiceOf<Order>(arguments, "order") == Order::kNewest;
  query.limit = static_cast<std::size_t>(arguments.Integer("limit", 20));
  query.continuation = arguments.Text("continuation");
  KMS_TRY(const AuditPage page, QueryAuditLog(call.audit->folder(), query));
  object result(call.storage);
  boost::json::array& events = result["events"].emplace_array();
  for (const AuditEvent& event : page.events) events.push_back(WriteEvent(call, event));
  if (!page.continuation.empty()) Put(result, "continuation", page.continuation);
  return result;
}

constexpr Operation kOperations[] = {
    {.name = "queryAuditEvents",
     .group = "audit",
     .paths = kPaths,
     .action = "kms:audit:query",
     .parameters = kQuery,
     .result = kResult,
     .section = "4.8",
     .summary = "Lists the events of the own account, a page at a time.",
     .handler = QueryAuditEvents},
};

}  // namespace

std::span<const Operation> AuditOperations() { return kOperations; }

}  // namespace kms::server
