// Whatever a signed request for an operation of the table says, its answer is
// well-formed, its code and status are a row of the error table, and unless it was a
// change that succeeded, nothing has changed.

#include <boost/json/parse.hpp>
#include <string>

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

// The first use of a default key makes it (manual 4.7.1).
bool MadeDefaultKey(const Records& records) {
  for (const auto& [key, record] : records)
    if (key.starts_with("outbox") && record.find("createDefaultKey") != record.npos)
      return true;
  return false;
}

value Text(std::string_view text) { return boost::json::string(text); }

// What a parameter is given: what it may be, more or less, or something else.
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

}  // namespace

// The operation, who asks, and of each parameter whether it is there and what it is.
void requests(ByteView bytes) {
  static server::testing::PermissionWorld world;
  static const Records before = AllRecords(*world.store);
  const server::testing::Caller* const callers[] = {&world.root, &world.root,
                                                    &world.granted, &world.elsewhere};
  Input input(bytes);
  const Operation& operation = *AllOperations()[input.Below(AllOperations().size())];
  const auto& caller = *callers[input.Byte() % std::size(callers)];
  object body;
  if (input.Byte() % 8 == 1) body["dryRun"] = true;
  for (const Parameter& parameter : operation.parameters)
    if (input.Byte() % 4 != (parameter.required ? 3 : 0))
      body[parameter.name] = ValueFor(world, operation, parameter, input);

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
  const Records after = AllRecords(*world.store);
  const bool changes =
      (operation.mutates && !body.contains("dryRun")) || MadeDefaultKey(after);
  if (answer.status != 200 || !changes) Require(after == before, "nothing has changed");
  Restore(*world.store, before);
}

}  // namespace kms::fuzz::targets
