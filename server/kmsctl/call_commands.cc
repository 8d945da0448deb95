#include <memory>
#include <vector>

#include "api/operation.h"
#include "kmsctl/call_arguments.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"

namespace kms::server {
namespace {

struct CallOptions {
  std::string operation;
  std::vector<std::string> parameters;
  bool raw = false;
};

Result<void> PrintLine(WipedString text) {
  text.push_back('\n');
  return WriteOutput(AsBytes(View(text)));
}

Result<void> CallByName(Session& session, const CallOptions& options) {
  KMS_TRY(JsonObject body, ReadCallArguments(options.parameters));
  KMS_TRY(HttpAnswer answer, session.Send(options.operation, body.Take()));
  auto result = ReadAnswer(answer);
  if (options.raw) KMS_CHECK_OK(PrintLine(std::move(answer.body)));
  if (!result) return std::move(result).error();
  if (options.raw) return {};
  return WriteOutput(AsBytes(View(FormatResult(*result, Format::kJson))));
}

Result<void> ListOperations() {
  for (const Operation* operation : AllOperations()) {
    WipedString line;
    Append(line, operation->name);
    for (const Parameter& parameter : operation->parameters) {
      Append(line, parameter.required ? " " : " [");
      Append(line, parameter.name);
      if (!parameter.required) line.push_back(']');
    }
    KMS_CHECK_OK(PrintLine(std::move(line)));
  }
  return {};
}

Result<void> Health(Session& session) {
  for (const char* path : {"/healthz", "/readyz"}) {
    KMS_TRY(const HttpAnswer answer, session.client().Get(path));
    WipedString line;
    Append(line, path + 1);
    Append(line, answer.status == 200 ? "\tok" : "\tfailed");
    KMS_CHECK_OK(PrintLine(std::move(line)));
    if (answer.status != 200)
      return RefusedError("HTTP status " + std::to_string(answer.status));
  }
  return {};
}

}  // namespace

void AddCallCommands(CLI::App& app, Order& order) {
  auto options = std::make_shared<CallOptions>();
  auto* call = app.add_subcommand("call", "Call any operation, and print its result");
  call->add_option("operation", options->operation, "Name, as kmsctl operations lists it")
      ->required();
  call->add_option("parameters", options->parameters,
                   "name=text, name:=json, name=@file or name=@base64:file");
  call->add_flag("--raw", options->raw, "Print the whole answer as it came");
  call->callback([options, &order] {
    order.task = [options](Session& session) { return CallByName(session, *options); };
  });
  app.add_subcommand("operations", "List the operations and their [optional] parameters")
      ->callback([&order] { order.offline_task = ListOperations; });
  app.add_subcommand("health", "Ask whether the server lives and is ready")
      ->callback([&order] { order.task = Health; });
}

Result<void> Show(Session& session, Format format, std::string_view operation,
                  JsonObject body) {
  KMS_TRY(const auto result, session.Call(operation, std::move(body)));
  return WriteOutput(AsBytes(View(FormatResult(result, format))));
}

}  // namespace kms::server
