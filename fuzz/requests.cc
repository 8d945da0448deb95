// Whatever a signed request for an operation of the table says, its answer is
// well-formed, its code and status are a row of the error table, and unless it was a
// change that succeeded, nothing has changed but the attempts of an import's token.

#include <algorithm>
#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "operations/good_requests.h"
#include "operations/permission_world.h"
#include "world.h"

namespace kms::fuzz::targets {
namespace {

using namespace kms::server;
using boost::json::object;
using boost::json::value;

bool IsInTheTable(std::string_view wanted, int wanted_status) {
#define KMS_REASON(name, error_class, http, code, english, chinese) \
  if (wanted == code && wanted_status == http) return true;
#include "kms/error_table.def"
#undef KMS_REASON
  return false;
}

// Whether a success may have changed something. The first use of a default key makes it
// (manual 4.7.1), and parameters for an import come with a token that is kept.
bool MayChange(const Operation& operation, const object& body,
               const fuzz::Records& after) {
  if (operation.mutates || operation.name == "getParametersForImport")
    return !body.contains("dryRun");
  return std::ranges::any_of(after, [](const auto& record) {
    return record.first.starts_with("outbox") &&
           record.second.find("createDefaultKey") != std::string::npos;
  });
}

value Text(std::string_view text) { return boost::json::string(text); }

// The world with what a good request of each operation is about.
struct GoodWorld : server::testing::PermissionWorld {
  GoodWorld() : PermissionWorld(NewMemoryKeyStore(), NewQuickBackend) {
    // The certificates from outside are of that time.
    clock.Advance(x509::testing::kNow - clock.Now());
    server::testing::GoodRequests requests(
        [this](std::string_view name, const object& body) { return Must(name, body); },
        root.context.principal.account, "1");
    const auto all = requests.All();
    for (const Operation* const operation : AllOperations())
      good.push_back(all.find(operation->name)->second());
    before = AllRecords(*store);
  }
  object Must(std::string_view name, const object& body) {
    const auto answer = Send(*FindOperation(name), root, body);
    Require(answer.status == 200, "what a good request is about is there");
    const object all = boost::json::parse(answer.text).as_object();
    const auto* const wrapped = all.if_contains("returnObj");
    const object& inner = wrapped == nullptr ? all : wrapped->as_object();
    const auto* const result = inner.if_contains("result");
    return result == nullptr ? object() : result->as_object();
  }

  std::vector<object> good;  // as the operations of the table
  fuzz::Records before;
};

// What a parameter is given but what it has in a good request: what it may be, more or
// less, or something else.
value ValueFor(const server::testing::PermissionWorld& world, const Operation& operation,
               const Parameter& parameter, Input& input) {
  const std::string good = world.ValueOf(operation, parameter, input.Flag());
  switch (input.Byte() % 12) {
    case 0:
      return nullptr;
    case 1:
      return static_cast<std::int64_t>(input.Byte()) - 2;
    case 2:
      return input.Flag();
    case 3:
      return Text("");
    case 4:
      return Text(AsText(input.Take(input.Byte())));
    case 5: {
      Bytes changed(good.begin(), good.end());
      Edit(input, changed);
      return Text(AsText(changed));
    }
    case 6:
      return Text(std::string(static_cast<std::size_t>(parameter.max + 1) % 70'000, 'x'));
    case 7:
      return Text(std::to_string(input.Flag() ? parameter.max + 1 : parameter.min - 1));
    case 8:
      if (parameter.choices.empty()) return Text(std::to_string(parameter.max));
      return Text(parameter.choices[input.Below(parameter.choices.size())].spelling);
    case 9:
      return boost::json::array{Text(good), Text(good + "x")};
    case 10:
      return object{{"a", Text(good)}, {good, Text("b")}};
    default:
      if (parameter.kind == Kind::kTexts) return boost::json::array{Text(good)};
      return Text(good);
  }
}

// The number in the table of the operation of that name; any other name is that of some
// operation, too.
std::size_t NumberOf(std::string_view name) {
  const auto all = AllOperations();
  const auto named = std::ranges::find(all, name, &Operation::name);
  if (named != all.end()) return static_cast<std::size_t>(named - all.begin());
  std::size_t sum = 0;
  for (const char c : name) sum += static_cast<unsigned char>(c);
  return sum % all.size();
}

}  // namespace

// A line with the name of the operation; who asks, whether it is a dry run, and what each
// parameter is. Zeros, or nothing, are a good request.
void requests(ByteView bytes) {
  static GoodWorld world;
  const server::testing::Caller* const callers[] = {&world.root, &world.granted,
                                                    &world.elsewhere};
  Input input(bytes);
  const std::size_t number = NumberOf(input.TextUpTo('\n'));
  const Operation& operation = *AllOperations()[number];
  const auto& caller = *callers[input.Byte() % std::size(callers)];
  object body = world.good[number];
  if (input.Byte() % 8 == 1) body["dryRun"] = true;
  for (const Parameter& parameter : operation.parameters) {
    switch (input.Byte() % 4) {
      case 0:
        break;
      case 1:
        body.erase(parameter.name);
        break;
      case 2:
        if (const auto* const good = body.if_contains(parameter.name);
            good != nullptr && good->is_string()) {
          Bytes changed(good->get_string().begin(), good->get_string().end());
          Edit(input, changed);
          body[parameter.name] = Text(AsText(changed));
          break;
        }
        [[fallthrough]];
      default:
        body[parameter.name] = ValueFor(world, operation, parameter, input);
    }
  }

  const Revision before = world.store->Read().value()->revision();
  world.clock.Advance(1000);  // so that ids of requests are forgotten
  const auto answer = world.Send(operation, caller, body);
  boost::system::error_code error;
  const value json = boost::json::parse(answer.text, error);
  Require(!error && json.is_object(), "an answer is an object");
  if (answer.status == 200) {
    Require(json.get_object().contains("statusCode"), "an answer says that it is one");
  } else {
    Require(IsInTheTable(answer.code(), answer.status), "a refusal is in the table");
    Require(answer.code() != CodeOf(Reason::kInternal), "nothing goes wrong inside");
  }
  if (world.store->Read().value()->revision() == before) return;  // nothing was written
  const Records after = AllRecords(*world.store);
  if (answer.status != 200 && operation.name == "importKeyMaterial")
    Require(SameButTokens(after, world.before), "all but attempts of the token is same");
  else if (answer.status != 200 || !MayChange(operation, body, after))
    Require(after == world.before, "nothing has changed");
  Restore(*world.store, world.before);
}

}  // namespace kms::fuzz::targets
