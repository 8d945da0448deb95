#include "api/dispatcher.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <iterator>
#include <set>
#include <utility>

#include "api/arena_resource.h"
#include "api/arguments.h"
#include "api/call.h"
#include "api/openapi.h"
#include "api/request_body.h"
#include "api/text.h"
#include "kms/encoding.h"

namespace kms::server {
namespace {

constexpr std::string_view kRegion = "regionId";
constexpr std::string_view kDryRun = "dryRun";
constexpr std::string_view kVersion = "/v1";
constexpr std::string_view kRequestIdHeader = "ctyun-eop-request-id";
constexpr std::size_t kMaxRequestId = 128;

bool IsName(std::string_view name, std::string_view wanted) {
  return std::ranges::equal(name, wanted, [](char a, char b) {
    const auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    return lower(a) == lower(b);
  });
}

// The client's own id, if it sent one that can be repeated to it; else a fresh one.
std::string RequestIdFor(std::span<const HeaderView> headers) {
  const auto found = std::ranges::find_if(
      headers, [](const HeaderView& h) { return IsName(h.name, kRequestIdHeader); });
  if (found != headers.end() && !found->value.empty() &&
      found->value.size() <= kMaxRequestId &&
      std::ranges::all_of(found->value, [](char c) { return c > ' ' && c < 0x7f; }))
    return std::string(found->value);
  std::array<std::uint8_t, 16> random{};
  // Only uniqueness counts: it is nobody's secret.
  if (getrandom(random.data(), random.size(), 0) != std::ssize(random)) random.fill(0);
  return ToUuid(random);
}

// Whose lines are on disk before they are answered.
bool IsDurable(const Operation& operation) {
  return operation.mutates || operation.operation_class == OperationClass::kManagement;
}

// Whether the request asks for a dry run, which every operation can be.
Result<bool> ReadDryRun(const RequestBody& body) {
  const RequestBody::Member* const member = body.Find(kDryRun);
  if (member == nullptr || member->type == RequestBody::Type::kNull) return false;
  if (member->type == RequestBody::Type::kNested ||
      (member->text != "true" && member->text != "false"))
    return Error(Reason::kBadParameter).About(kDryRun);
  return member->text == "true";
}

std::string_view AllowedMethods(const Operation& operation) {
  return operation.get ? "GET, POST" : "POST";
}

}  // namespace

// One request, from its first check to its answer. Everything of it that may be secret
// is in the arena or in the request.
struct Dispatcher::Job : std::enable_shared_from_this<Job> {
  Job(const HttpRequest& of, Respond to, Metrics& counted)
      : http(of), respond(std::move(to)), metrics(counted) {
    const std::size_t end = std::min(of.target.find('?'), of.target.size());
    view = {of.method, of.target.substr(0, end),
            of.target.substr(std::min(end + 1, of.target.size())), of.headers, of.body};
    request_id = RequestIdFor(of.headers);
    context.source = of.peer;
    context.tls = of.tls;
    metrics.Began();
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  const HttpRequest http;
  Respond respond;
  std::atomic<bool> answered{false};  // or about to be, by whoever has set it
  Metrics& metrics;
  const std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  RequestView view;
  std::string request_id;
  const Operation* operation = nullptr;
  const Authenticator* authenticator = nullptr;
  const Dialect* dialect = nullptr;
  bool on_access_point = false;  // by the scheme of access points
  RequestContext context;
  Arena arena;
  ArenaResource resource{arena};
  std::optional<Arguments> arguments;

  // For the audit line. All views point into the request, or what outlives Finish.
  bool has_room = false;  // for the line
  bool durable = false;   // it is answered after its line is on disk
  std::string_view claimed_access_key;
  std::string_view key;
  std::string_view version;
  std::string_view code;  // empty: as the request went
};

Dispatcher::Dispatcher(DispatcherParts parts)
    : parts_(std::move(parts)),
      log_(parts_.log, parts_.clock),
      pages_(parts_.probes, WriteOpenApi(parts_.operations, parts_.dialect),
             parts_.operator_pages_apart, parts_.metrics, parts_.lanes),
      token_watch_(parts_.token_patience) {
  for (const Operation* const operation : parts_.operations)
    for (const std::string_view path : operation->paths) routes_[path] = operation;
  for (const Operation* const operation : parts_.operations) {
    const std::string_view path = operation->paths.front();
    if (path.starts_with(kVersion))
      access_point_routes_[path.substr(kVersion.size())] = operation;
  }
}

Dispatcher::~Dispatcher() = default;

void Dispatcher::Handle(const HttpRequest& request, Respond respond) {
  const std::string_view path =
      request.target.substr(0, std::min(request.target.find('?'), request.target.size()));
  if (pages_.Has(path, request.operator_listener, request.access_point)) {
    pages_.Answer(request.method, path, std::move(respond));
    return;
  }
  auto job = std::make_shared<Job>(request, std::move(respond), parts_.metrics);
  job->on_access_point = parts_.access_points && IsForAccessPoints(request.headers);
  job->authenticator =
      job->on_access_point ? &parts_.access_points->authenticator : &parts_.authenticator;
  job->dialect = job->on_access_point ? &parts_.access_points->dialect : &parts_.dialect;
  if (parts_.audit != nullptr) {
    if (const auto room = parts_.audit->Reserve(); !room) {
      Fail(*job, room.error());
      return;
    }
    job->has_room = true;
  }
  Start(std::move(job));
}

void Dispatcher::Start(std::shared_ptr<Job> job) {
  try {
    const Result<Lane> lane = Prepare(*job);
    if (!lane) {
      Fail(*job, lane.error());
    } else if (*lane == Lane::kInline) {
      Run(job);
    } else {
      Send(*lane, job);
    }
  } catch (const std::exception& e) {
    Fail(*job, Error(Reason::kInternal, e.what()));
  }
}

Result<Lane> Dispatcher::Prepare(Job& job) const {
  KMS_TRY(const SignatureClaim claim, job.authenticator->ReadClaim(job.view));
  job.claimed_access_key = claim.access_key;

  const Routes& routes = job.on_access_point ? access_point_routes_ : routes_;
  const auto route = routes.find(job.view.path);
  if (route == routes.end()) return Reason::kNoSuchOperation;
  const Operation* const operation = job.operation = route->second;
  if (job.view.method != "POST" &&
      !(job.view.method == "GET" && operation->get && !job.on_access_point))
    return Reason::kMethodNotAllowed;

  KMS_TRY(RequestContext context,
          job.authenticator->Authenticate(claim, job.view,
                                          {job.context.source, job.http.access_point},
                                          operation->mutates));
  context.tls = job.context.tls;
  context.operation = operation->name;
  context.may_wait_for_token = false;
  job.context = std::move(context);
  if (parts_.audit != nullptr) {
    const bool durable = IsDurable(*operation);
    KMS_CHECK_OK(parts_.audit->Admit(durable));
    job.durable = durable;
    if (durable) job.context.told_by = parts_.audit->run();
  }

  KMS_CHECK_OK(parts_.policy.MayAnywhere(job.context, operation->action));

  Result<void> read = ReadParameters(job);
  if (!read) {
    // What was done under this id had parameters that can be read.
    if (job.context.seen_before) return Reason::kReplayed;
    return std::move(read).error();
  }
  // What was done under this id was no dry run, or what was asked for now is none.
  if (job.context.dry_run && job.context.seen_before) return Reason::kReplayed;
  if (operation->mutates) job.context.fingerprint = job.arguments->Fingerprint();
  return operation->choose_lane != nullptr ? operation->choose_lane(*job.arguments)
                                           : operation->lane;
}

Result<void> Dispatcher::CheckRegion(Job& job) const {
  std::string_view region;
  for (const HeaderView& header : job.view.headers) {
    if (!IsName(header.name, kRegion)) continue;
    if (!region.empty()) return Error(Reason::kBadParameter).About(kRegion);
    region = header.value;
  }
  // An access point has one region, and its own scheme need not name it.
  const std::string& bound = job.context.region;
  if (region.empty() && job.on_access_point) region = bound;
  if (region.empty()) return Error(Reason::kRegionMissing).About(kRegion);
  if (!bound.empty() && region != bound)
    return Error(Reason::kBadParameter).About(kRegion);
  if (std::ranges::find(parts_.regions, region) == parts_.regions.end())
    return Error(Reason::kBadParameter).About(kRegion);
  if (bound.empty()) job.context.region = region;
  return {};
}

Result<void> Dispatcher::ReadParameters(Job& job) const {
  KMS_CHECK_OK(CheckRegion(job));
  KMS_TRY(const RequestBody body, RequestBody::Parse(job.view.body, job.arena));
  const RequestBody::Member* const region = body.Find(kRegion);
  if (region != nullptr && region->type != RequestBody::Type::kNull &&
      !(region->type == RequestBody::Type::kText && region->text.empty()) &&
      region->text != job.context.region)
    return Error(Reason::kBadParameter).About(kRegion);

  KMS_TRY(job.context.dry_run, ReadDryRun(body));

  const Operation& operation = *job.operation;
  std::vector<HeaderView> query;
  // The scheme of access points signs the body alone: parameters come from nowhere else.
  const auto headers =
      job.on_access_point ? std::span<const HeaderView>() : job.view.headers;
  if (!job.view.query.empty() && !job.on_access_point &&
      std::ranges::any_of(operation.parameters, [](const Parameter& parameter) {
        return parameter.where == Where::kHeader;
      })) {
    auto fields = ReadQuery(job.view.query, job.arena);
    if (!fields) return Error(Reason::kBadParameter, "malformed query");
    query = std::move(*fields);
  }
  KMS_TRY(Arguments arguments, Arguments::Read(operation, body, query, headers, job.arena,
                                               job.on_access_point));
  // The query may name the region too.
  const auto in_row = std::ranges::find(operation.parameters, kRegion, &Parameter::name);
  if (in_row != operation.parameters.end() && in_row->kind == Kind::kText &&
      arguments.Has(kRegion) && arguments.Text(kRegion) != job.context.region)
    return Error(Reason::kBadParameter).About(kRegion);
  job.arguments.emplace(std::move(arguments));
  return {};
}

void Dispatcher::RunOnToken(const std::shared_ptr<Job>& job) {
  // With the answer the request goes, and a handler that hangs outlasts it.
  job->arguments->KeepIn(job->arena);
  LateWatch::Ticket watched = token_watch_.Begin([this, job] {
    Fail(*job, Error(Reason::kHsmUnavailable, "the HSM does not answer in time"));
  });
  Run(job, &watched);
}

void Dispatcher::Send(Lane lane, const std::shared_ptr<Job>& job) {
  const auto run = [this, job, lane] {
    lane == Lane::kToken ? RunOnToken(job) : Run(job);
  };
  if (!parts_.lanes.Submit(lane, run))
    Fail(*job, Error(Reason::kTooManyRequests, "the queue of the lane is full"));
}

void Dispatcher::Run(const std::shared_ptr<Job>& shared, LateWatch::Ticket* watched) {
  Job& job = *shared;
  try {
    Call call{parts_.kms,
              *job.dialect,
              *job.operation,
              job.context,
              boost::json::storage_ptr(&job.resource),
              parts_.site,
              parts_.audit};
    if (watched != nullptr) call.go_on = [watched] { return watched->Renew(); };
    const Result<boost::json::object> result =
        job.operation->handler(call, *job.arguments);
    if (job.context.dry_run &&
        (result || result.error().error_class() == ErrorClass::kDryRun)) {
      boost::json::object checked(call.storage);
      checked[kDryRun] = true;
      Succeed(job, checked);
    } else if (result) {
      Succeed(job, *result);
    } else if (result.error().error_class() == ErrorClass::kMustWait &&
               !job.context.may_wait_for_token) {
      job.context.may_wait_for_token = true;
      Send(Lane::kToken, shared);
    } else {
      Fail(job, result.error());
    }
  } catch (const std::exception& e) {
    Fail(job, Error(Reason::kInternal, e.what()));
  }
}

// An answer names the key or the certificate itself, a request perhaps an alias.
Dispatcher::Said Dispatcher::SaidBy(const boost::json::object& answer) {
  const auto text = [&](std::string_view name) -> std::string_view {
    const boost::json::value* const found = answer.if_contains(name);
    return found != nullptr && found->is_string() ? std::string_view(found->get_string())
                                                  : std::string_view();
  };
  const std::string_view key = text("cmkUuid");
  return {key.empty() ? text("certificateId") : key, text("keyVersionId"),
          text("errorCode")};
}

void Dispatcher::Note(Job& job, const Said& said) {
  job.key = said.key;
  job.version = said.version;
  job.code = said.code;
}

// Whoever claims a request answers it; nobody else touches it any more.
bool Dispatcher::Claim(Job& job) { return !job.answered.exchange(true); }

void Dispatcher::Succeed(Job& job, const boost::json::object& result) {
  HttpResponse response;
  response.body = job.dialect->WriteSuccess(*job.operation, result);
  if (!Claim(job)) {
    // The answer was that the HSM took too long; the trail is to tell of both.
    Abandon(job);
    return;
  }
  Note(job, SaidBy(result));
  const boost::json::value* const items = result.if_contains("items");
  if (items != nullptr && items->is_array() && job.has_room) {
    if (const auto told = TellItems(job, items->get_array()); !told) {
      Finish(job, WordFailure(job, told.error()), &told.error());
      return;
    }
  }
  Finish(job, std::move(response), nullptr);
}

// Who looks for what was done under a key finds it also if a batch has done it.
Result<void> Dispatcher::TellItems(Job& job, const boost::json::array& items) {
  std::set<Said> distinct;
  for (const boost::json::value& item : items) distinct.insert(SaidBy(item.as_object()));
  for (auto said = distinct.begin(); said != distinct.end(); ++said) {
    Note(job, *said);
    if (std::next(said) == distinct.end()) break;  // that is the line of the request
    KMS_CHECK_OK(parts_.audit->Reserve());
    parts_.audit->Tell(LineOf(job, nullptr), nullptr);
  }
  return {};
}

HttpResponse Dispatcher::WordFailure(const Job& job, const Error& error) const {
  HttpResponse response;
  response.status = job.dialect->StatusOf(error.reason());
  const std::string note = error.reason() == Reason::kOutOfTime
                               ? job.authenticator->TimeNote()
                               : error.parameter();
  response.body = job.dialect->WriteFailure(error, job.request_id, note);
  if (error.reason() == Reason::kMethodNotAllowed && job.operation != nullptr)
    response.headers.emplace_back(
        "Allow", job.on_access_point ? "POST" : AllowedMethods(*job.operation));
  return response;
}

void Dispatcher::Fail(Job& job, const Error& error) {
  if (Claim(job)) Finish(job, WordFailure(job, error), &error);
}

void Dispatcher::Finish(Job& job, HttpResponse response, const Error* error) {
  if (job.has_room) {
    Tell(job, std::move(response), error);
  } else {
    Conclude(job, std::move(response), error);
  }
}

AuditCall Dispatcher::LineOf(Job& job, const Error* error) const {
  if (job.arguments) {
    for (const Parameter& parameter : job.operation->parameters) {
      if ((parameter.kind == Kind::kKey || parameter.kind == Kind::kCertificate) &&
          job.key.empty())
        job.key = job.arguments->Text(parameter.name);
      if (parameter.kind == Kind::kVersion && job.version.empty())
        job.version = job.arguments->Text(parameter.name);
    }
  }
  const Principal& principal = job.context.principal;
  const auto took = std::chrono::steady_clock::now() - job.began;
  return {
      .time = parts_.clock.Now(),
      .request_id = job.context.request_id.empty() ? std::string_view(job.request_id)
                                                   : job.context.request_id,
      .account = principal.account,
      .user = principal.user,
      .access_key = principal.account.empty() ? job.claimed_access_key
                                              : std::string_view(principal.access_key),
      .source = job.context.source,
      .operation = job.operation == nullptr ? std::string_view() : job.operation->name,
      .region = job.context.region,
      .key = job.key,
      .version = job.version,
      .code = error != nullptr      ? CodeOf(error->reason())
              : job.context.dry_run ? std::string_view("dry-run")
              : !job.code.empty()   ? job.code
                                    : std::string_view("ok"),
      .micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
      .changes = job.durable && error == nullptr && !job.context.dry_run};
}

void Dispatcher::Tell(Job& job, HttpResponse response, const Error* error) {
  job.has_room = false;
  const AuditCall call = LineOf(job, error);
  if (error != nullptr) Abandon(job);
  if (!job.durable) {
    parts_.audit->Tell(call, nullptr);
    Conclude(job, std::move(response), error);
    return;
  }
  struct Waiting {
    std::shared_ptr<Job> job;
    HttpResponse response;
    std::optional<Error> error;
  };
  const auto waiting = std::make_shared<Waiting>();
  waiting->job = job.shared_from_this();
  waiting->response = std::move(response);
  if (error != nullptr) waiting->error = *error;
  telling_.Add();
  parts_.audit->Tell(call, [this, waiting](Result<void> written) {
    Job& told = *waiting->job;
    if (!written) {
      waiting->error = std::move(written).error();
      waiting->response = WordFailure(told, *waiting->error);
    }
    Conclude(told, std::move(waiting->response),
             waiting->error ? &*waiting->error : nullptr);
    telling_.Remove();
  });
}

// The line of a failure does not stand for a change. Where one was made all the same, its
// event does. The id of a repeated request belongs to the one that was there before.
void Dispatcher::Abandon(const Job& job) const {
  if (job.durable && job.operation->mutates && !job.context.seen_before)
    parts_.audit->Abandon(job.context.principal.access_key, job.context.request_id);
}

void Dispatcher::Conclude(Job& job, HttpResponse response, const Error* error) {
  const auto took = std::chrono::steady_clock::now() - job.began;
  const Reason reason = error == nullptr ? Reason::kInternal : error->reason();
  parts_.metrics.Ended(job.operation, error == nullptr ? nullptr : &reason,
                       std::chrono::duration<double>(took).count());
  log_.Write({job.request_id, job.context, job.operation, error, response.status,
              std::chrono::duration_cast<std::chrono::microseconds>(took).count()});
  // Views into the request end with the answer.
  const Respond respond = std::exchange(job.respond, nullptr);
  respond(std::move(response));
}

HttpResponse Dispatcher::Refuse(int status, const Error& error) {
  HttpResponse response;
  response.status = status;
  response.close = true;
  const std::string request_id = RequestIdFor({});
  response.body = parts_.dialect.WriteFailure(error, request_id, error.parameter());
  if (parts_.audit != nullptr && parts_.audit->Reserve())
    parts_.audit->Tell({.time = parts_.clock.Now(),
                        .request_id = request_id,
                        .code = CodeOf(error.reason())},
                       nullptr);
  parts_.metrics.Began();
  const Reason reason = error.reason();
  parts_.metrics.Ended(nullptr, &reason, 0);
  return response;
}

}  // namespace kms::server
