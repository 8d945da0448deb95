#include "api/reference.h"

#include <string_view>

namespace kms::server {
namespace {

std::string Number(std::int64_t number) { return std::to_string(number); }

std::string ValuesOf(const Parameter& parameter) {
  switch (parameter.kind) {
    case Kind::kText:
      return parameter.max > 0
                 ? "text of at most " + Number(parameter.max) + " characters"
                 : "text";
    case Kind::kInteger:
      return "integer, " + Number(parameter.min) + " to " + Number(parameter.max);
    case Kind::kBoolean:
      return "`true` or `false`";
    case Kind::kChoice: {
      std::string values;
      for (const Choice& choice : parameter.choices) {
        if (!values.empty()) values += ", ";
        values.append("`").append(choice.spelling).append("`");
      }
      return values;
    }
    case Kind::kBase64:
      return parameter.max > 0 ? "base64 of at most " + Number(parameter.max) + " bytes"
                               : "base64";
    case Kind::kKey:
      return "key id or alias";
    case Kind::kAlias:
      return "alias, 1 to 255 of letters, digits and `/_-.`";
    case Kind::kVersion:
      return "id of a key version";
    case Kind::kCertificate:
      return "id of a certificate";
    case Kind::kDays:
      return "days, `" + Number(parameter.min) + "d` to `" + Number(parameter.max) + "d`";
    case Kind::kUnixTime:
      return "seconds since 1970, `0` for never";
    case Kind::kPublicKey:
      return "public key: base64 of DER or PEM, or PEM";
    case Kind::kTextMap:
      return "object of texts: up to 64, 4096 bytes in all";
    case Kind::kTexts:
      return "array of 1 to 1000 texts of at most " + Number(parameter.max) +
             " characters";
  }
  return {};
}

std::string NeedOf(const Parameter& parameter) {
  if (!parameter.required) return "no";
  return parameter.unless.empty()
             ? "yes"
             : "unless `" + std::string(parameter.unless) + "` is there";
}

// Text for a cell of a table.
void AppendCell(std::string& out, std::string_view text) {
  out += " ";
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  out += " |";
}

void AppendParameters(std::string& out, const Operation& operation) {
  if (operation.parameters.empty()) return;
  out += "\n| parameter | required | values | missing | not allowed |\n";
  out += "|---|---|---|---|---|\n";
  for (const Parameter& parameter : operation.parameters) {
    std::string values = ValuesOf(parameter);
    if (!parameter.note.empty()) values.append("; ").append(parameter.note);
    out += "|";
    AppendCell(out, "`" + std::string(parameter.name) + "`");
    AppendCell(out, NeedOf(parameter));
    AppendCell(out, values);
    AppendCell(out, parameter.required ? CodeOf(parameter.missing) : "");
    AppendCell(out, CodeOf(parameter.bad));
    out += "\n";
  }
}

void AppendOperation(std::string& out, const Operation& operation) {
  out.append("\n### ").append(operation.name).append("\n\n");
  if (!operation.summary.empty()) out.append(operation.summary).append("\n\n");
  for (const std::string_view path : operation.paths)
    out.append("- `")
        .append(operation.get ? "GET or POST " : "POST ")
        .append(path)
        .append("`\n");
  out.append("- permission `")
      .append(operation.action)
      .append("` (")
      .append(operation.write ? "write" : "read")
      .append("), section ")
      .append(operation.section)
      .append(" of the manual")
      .append(IsOurs(operation) ? "; an operation of our own\n" : "\n");
  AppendParameters(out, operation);
  if (operation.result.empty()) {
    out += "\nThe answer has no result.\n";
    return;
  }
  out += "\nResult:\n\n";
  for (const std::string_view member : operation.result)
    out.append("- `").append(member).append("`\n");
}

}  // namespace

std::string WriteReference(std::span<const Operation* const> operations) {
  std::string out = "# Operations\n";
  std::string_view group;
  for (const Operation* const operation : operations) {
    if (operation->group != group) {
      group = operation->group;
      out.append("\n## ").append(group).append("\n");
    }
    AppendOperation(out, *operation);
  }
  return out;
}

}  // namespace kms::server
