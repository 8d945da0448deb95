#include "kmsctl/call_arguments.h"

#include <set>
#include <string_view>

#include "kmsctl/failure.h"
#include "kmsctl/input_file.h"

namespace kms::server {
namespace {

constexpr std::string_view kBase64Prefix = "@base64:";

// The value may be a secret: messages show the name only.
Result<void> Add(std::string_view argument, std::set<std::string_view>& names,
                 JsonObject& body) {
  const auto equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return UsageError("parameters are name=value, name:=json or name=@file");
  const bool raw = argument[equals - 1] == ':';
  const std::string_view name = argument.substr(0, equals - (raw ? 1 : 0));
  const std::string_view value = argument.substr(equals + 1);
  if (name.empty() || !names.insert(name).second)
    return UsageError("parameter without a name, or twice: " + std::string(name));
  if (raw) {
    if (!ParseWiped(value)) return UsageError(std::string(name) + ": not JSON");
    body.Raw(name, value);
  } else if (value.starts_with(kBase64Prefix)) {
    KMS_TRY(const WipedString content,
            ReadInput(std::string(value.substr(kBase64Prefix.size()))));
    body.Base64(name, AsBytes(View(content)));
  } else if (value.starts_with('@')) {
    KMS_TRY(const WipedString content, ReadInput(std::string(value.substr(1))));
    std::string_view text = View(content);
    if (text.ends_with('\n')) text.remove_suffix(1);
    body.Text(name, text);
  } else {
    body.Text(name, value);
  }
  return {};
}

}  // namespace

Result<JsonObject> ReadCallArguments(std::span<const std::string> arguments) {
  JsonObject body;
  std::set<std::string_view> names;
  for (const std::string& argument : arguments) KMS_CHECK_OK(Add(argument, names, body));
  return body;
}

}  // namespace kms::server
