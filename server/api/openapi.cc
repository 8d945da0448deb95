#include "api/openapi.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <string_view>
#include <utility>

namespace kms::server {
namespace {

using boost::json::array;
using boost::json::object;

// What refuses a request before its operation is known to matter.
constexpr Reason kCommonReasons[] = {
    Reason::kRegionMissing,     Reason::kBadJson,          Reason::kTooLong,
    Reason::kBadSignature,      Reason::kBadTimeFormat,    Reason::kOutOfTime,
    Reason::kAccessKeyDisabled, Reason::kReplayed,         Reason::kDenied,
    Reason::kTooManyRequests,   Reason::kStoreUnavailable, Reason::kInternal};

object Reference(std::string_view to) {
  object reference;
  reference["$ref"] = to;
  return reference;
}

void AddBounds(const Parameter& parameter, object& schema) {
  schema["minimum"] = parameter.min;
  schema["maximum"] = parameter.max;
}

object SchemaOf(const Parameter& parameter) {
  object schema;
  switch (parameter.kind) {
    case Kind::kText:
      schema["type"] = "string";
      if (parameter.max > 0) schema["maxLength"] = parameter.max;
      break;
    case Kind::kInteger:
      schema["type"] = array{"integer", "string"};
      AddBounds(parameter, schema);
      break;
    case Kind::kBoolean:
      schema["type"] = array{"boolean", "string"};
      schema["enum"] = array{true, false, "true", "false"};
      break;
    case Kind::kChoice: {
      schema["type"] = "string";
      array spellings;
      for (const Choice& choice : parameter.choices)
        spellings.emplace_back(choice.spelling);
      schema["enum"] = std::move(spellings);
      break;
    }
    case Kind::kBase64:
      schema["type"] = "string";
      schema["contentEncoding"] = "base64";
      if (parameter.max > 0) schema["maxLength"] = (parameter.max + 2) / 3 * 4;
      break;
    case Kind::kKey:
    case Kind::kAlias:
      schema["type"] = "string";
      schema["maxLength"] = 255;
      schema["pattern"] =
          parameter.may_be_empty ? "^[A-Za-z0-9/_.-]*$" : "^[A-Za-z0-9/_.-]+$";
      break;
    case Kind::kVersion:
    case Kind::kCertificate:
      schema["type"] = "string";
      schema["format"] = "uuid";
      break;
    case Kind::kDays:
      schema["type"] = "string";
      schema["pattern"] = "^[1-9][0-9]*d$";
      break;
    case Kind::kUnixTime:
      schema["type"] = array{"integer", "string"};
      schema["minimum"] = 0;
      break;
    case Kind::kPublicKey:
      schema["type"] = "string";
      break;
    case Kind::kTexts: {
      object item;
      item["type"] = "string";
      item["minLength"] = 1;
      item["maxLength"] = parameter.max;
      schema["type"] = "array";
      schema["items"] = std::move(item);
      schema["minItems"] = 1;
      schema["maxItems"] = 1000;
      break;
    }
    case Kind::kTextMap: {
      object item;
      item["type"] = "string";
      schema["type"] = "object";
      schema["additionalProperties"] = std::move(item);
      break;
    }
  }
  if (!parameter.note.empty()) schema["description"] = parameter.note;
  if (parameter.secret) schema["writeOnly"] = true;
  return schema;
}

object HeaderParameter(std::string_view name, bool required, object schema) {
  object parameter;
  parameter["name"] = name;
  parameter["in"] = "header";
  parameter["required"] = required;
  parameter["schema"] = std::move(schema);
  return parameter;
}

object BodyOf(const Operation& operation) {
  object properties;
  array required;
  for (const Parameter& parameter : operation.parameters) {
    properties[parameter.name] = SchemaOf(parameter);
    if (parameter.required && parameter.unless.empty())
      required.emplace_back(parameter.name);
  }
  // Any operation takes it (api/dispatcher.cc), so no row has it.
  object dry_run;
  dry_run["type"] = "boolean";
  dry_run["description"] = "authorise and check, and change nothing";
  properties["dryRun"] = std::move(dry_run);
  object schema;
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  object json;
  json["schema"] = std::move(schema);
  object content;
  content["application/json"] = std::move(json);
  object body;
  body["required"] = std::ranges::any_of(operation.parameters, &Parameter::required);
  body["content"] = std::move(content);
  return body;
}

object Constant(int value) {
  object schema;
  schema["const"] = value;
  return schema;
}

object& PropertiesOf(object& schema) {
  auto* const found = schema.if_contains("properties");
  return found != nullptr ? found->as_object() : schema["properties"].emplace_object();
}

// AddMember adds what a member of a result is: "name", "outer.name", or
// "name[]: member member" for a list of objects, whose last member may be such a list
// again. A list may stand twice, with some of its members each.
void AddMember(std::string_view member, object& properties) {
  const std::size_t list = member.find("[]");
  std::string_view path = member.substr(0, std::min(list, member.size()));
  object* parent = &properties;
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.')) {
    object& outer = (*parent)[path.substr(0, dot)].emplace_object();
    outer["type"] = "object";
    parent = &PropertiesOf(outer);
    path.remove_prefix(dot + 1);
  }
  if (list == member.npos) {
    (*parent)[path].emplace_object();
    return;
  }
  if (!parent->contains(path)) {
    object& schema = (*parent)[path].emplace_object();
    schema["type"] = "array";
    schema["items"].emplace_object()["type"] = "object";
  }
  object& items = PropertiesOf((*parent)[path].as_object()["items"].as_object());
  std::string_view names = member.substr(list + 2);
  while (!names.empty()) {
    const std::size_t end = std::min(names.find_first_of(": "), names.size());
    if (names.substr(0, end).ends_with("[]")) return AddMember(names, items);
    if (end > 0) items[names.substr(0, end)] = object();
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

object ResultSchema(const Operation& operation) {
  object properties;
  for (const std::string_view member : operation.result) AddMember(member, properties);
  object schema;
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  return schema;
}

object AnswerSchema(const Operation& operation) {
  object inner_members;
  inner_members["code"] = Constant(200);
  if (!operation.result.empty()) inner_members["result"] = ResultSchema(operation);
  inner_members["statusCode"] = Constant(200);
  inner_members["success"] = Constant(1);
  object inner;
  inner["type"] = "object";
  inner["properties"] = std::move(inner_members);
  if (operation.envelope == Envelope::kBare) return inner;
  object members;
  members["statusCode"] = Constant(800);
  members["returnObj"] = std::move(inner);
  object outer;
  outer["type"] = "object";
  outer["properties"] = std::move(members);
  return outer;
}

object ResponsesOf(const Operation& operation, const Dialect& dialect) {
  object json;
  json["schema"] = AnswerSchema(operation);
  object content;
  content["application/json"] = std::move(json);
  object success;
  success["description"] = "Done";
  success["content"] = std::move(content);
  object responses;
  responses["200"] = std::move(success);

  std::set<int> statuses;
  for (const Reason reason : kCommonReasons) statuses.insert(dialect.StatusOf(reason));
  if (!operation.resources.empty())
    statuses.insert(dialect.StatusOf(Reason::kKeyNotFound));
  for (const int status : statuses)
    responses[std::to_string(status)] = Reference("#/components/responses/Failure");
  return responses;
}

object OperationOf(const Operation& operation, std::string_view method, bool canonical,
                   const Dialect& dialect) {
  object described;
  // Ids are unique in a document, and every path and method is an operation of it.
  if (canonical)
    described["operationId"] =
        std::string(operation.name) + (operation.get && method == "post" ? "Post" : "");
  described["tags"] = array{operation.group};
  if (!operation.summary.empty()) described["summary"] = operation.summary;
  std::string text = "Section " + std::string(operation.section) + ". Permission " +
                     std::string(operation.action) + ".";
  if (IsOurs(operation)) text += " Not part of the manual.";
  described["description"] = text;
  array parameters;
  parameters.emplace_back(Reference("#/components/parameters/RegionId"));
  if (method == "get") {
    for (const Parameter& parameter : operation.parameters) {
      if (parameter.name == "regionId") continue;
      parameters.emplace_back(
          HeaderParameter(parameter.name, parameter.required, SchemaOf(parameter)));
    }
  } else if (!operation.parameters.empty()) {
    described["requestBody"] = BodyOf(operation);
  }
  described["parameters"] = std::move(parameters);
  described["responses"] = ResponsesOf(operation, dialect);
  return described;
}

object StringSchema() {
  object schema;
  schema["type"] = "string";
  return schema;
}

object Components() {
  object scheme;
  scheme["type"] = "apiKey";
  scheme["in"] = "header";
  scheme["name"] = "Eop-Authorization";
  scheme["description"] =
      "\"<access key> Headers=ctyun-eop-request-id;eop-date Signature=<base64>\", beside "
      "the headers ctyun-eop-request-id and eop-date";
  object schemes;
  schemes["Eop"] = std::move(scheme);

  object members;
  members["statusCode"] = Constant(900);
  array required{"statusCode"};
  for (const std::string_view name :
       {"errorCode", "error", "message", "description", "requestId"}) {
    members[name] = StringSchema();
    required.emplace_back(name);
  }
  object error;
  error["type"] = "object";
  error["properties"] = std::move(members);
  error["required"] = std::move(required);
  object schemas;
  schemas["Error"] = std::move(error);

  object json;
  json["schema"] = Reference("#/components/schemas/Error");
  object content;
  content["application/json"] = std::move(json);
  object failure;
  failure["description"] = "Refused or failed";
  failure["content"] = std::move(content);
  object responses;
  responses["Failure"] = std::move(failure);

  object parameters;
  parameters["RegionId"] = HeaderParameter("regionId", true, StringSchema());

  object components;
  components["securitySchemes"] = std::move(schemes);
  components["schemas"] = std::move(schemas);
  components["responses"] = std::move(responses);
  components["parameters"] = std::move(parameters);
  return components;
}

}  // namespace

std::string WriteOpenApi(std::span<const Operation* const> operations,
                         const Dialect& dialect) {
  object paths;
  for (const Operation* const operation : operations) {
    for (const std::string_view path : operation->paths) {
      const bool canonical = path == operation->paths.front();
      object methods;
      if (operation->get)
        methods["get"] = OperationOf(*operation, "get", canonical, dialect);
      methods["post"] = OperationOf(*operation, "post", canonical, dialect);
      paths[path] = std::move(methods);
    }
  }
  object info;
  info["title"] = "Key management service";
  info["version"] = "1";
  object eop;
  eop["Eop"] = array();
  object document;
  document["openapi"] = "3.1.0";
  document["info"] = std::move(info);
  document["security"] = array{std::move(eop)};
  document["paths"] = std::move(paths);
  document["components"] = Components();
  return boost::json::serialize(document);
}

}  // namespace kms::server
