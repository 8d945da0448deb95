#include <memory>

#include "kmsctl/commands.h"
#include "kmsctl/failure.h"

namespace kms::server {
namespace {

struct KeyOptions {
  std::string key;
  std::string alias;
  std::string spec = "AES_256";
  std::string usage;
  std::string level = "software";
  std::string description;
  bool external = false;
  bool update = false;
  bool new_version = false;
  int rotate_days = 0;
  int days = 7;
  int page = 0;
  int page_size = 100;
};

using Options = std::shared_ptr<KeyOptions>;
using Fill = void (*)(const Session& session, const KeyOptions& options,
                      JsonObject& body);

void Key(const Session&, const KeyOptions& options, JsonObject& body) {
  body.Text("cmkUuid", options.key);
}

void Pages(const Session&, const KeyOptions& options, JsonObject& body) {
  body.Text("pageNumber", std::to_string(options.page))
      .Text("pageSize", std::to_string(options.page_size));
}

void Rotation(const KeyOptions& options, JsonObject& body) {
  body.Text("enableAutomaticRotation", options.rotate_days > 0 ? "true" : "false");
  if (options.rotate_days > 0)
    body.Text("rotationInterval", std::to_string(options.rotate_days) + "d");
}

void NewKey(const Session& session, const KeyOptions& options, JsonObject& body) {
  body.Text("keySpec", options.spec)
      .Text("keyUsage", options.usage == "sign" ? "2" : "1")
      .Text("protectionLevel", options.level == "hsm" ? "0" : "1")
      .Text("origin", options.external ? "EXTERNAL" : "KMS")
      .Text("regionId", session.region());
  Rotation(options, body);
  if (!options.description.empty()) body.Text("description", options.description);
  if (!options.alias.empty()) body.Text("aliasName", options.alias);
}

// A command that is one call of one operation.
CLI::App* AddCall(CLI::App& group, Order& order, const Options& options, const char* name,
                  const char* help, const char* operation, Fill fill) {
  auto* command = group.add_subcommand(name, help);
  command->callback([&order, options, operation, fill] {
    order.task = [&order, options, operation, fill](Session& session) {
      JsonObject body;
      fill(session, *options, body);
      return Show(session, order.format, operation, std::move(body));
    };
  });
  return command;
}

void TakeKey(CLI::App* command, const Options& options) {
  command->add_option("key", options->key, "Id or alias of the key")->required();
}

void TakePages(CLI::App* command, const Options& options) {
  command->add_option("--page", options->page, "Page, from 0")->capture_default_str();
  command->add_option("--page-size", options->page_size, "Items of a page")
      ->capture_default_str();
}

void AddCreate(CLI::App& group, Order& order, const Options& options) {
  auto* create =
      AddCall(group, order, options, "create", "Create a key", "createKey", NewKey);
  create->add_option("--spec", options->spec, "AES_256, Ctyun_SM4, RSA_2048 or Ctyun_SM2")
      ->capture_default_str();
  create->add_option("--usage", options->usage, "encrypt or sign (asymmetric keys)")
      ->check(CLI::IsMember({"encrypt", "sign"}));
  create->add_option("--level", options->level, "software or hsm")
      ->check(CLI::IsMember({"software", "hsm"}))
      ->capture_default_str();
  create->add_flag("--external", options->external, "Its material will be imported");
  create->add_option("--rotate-days", options->rotate_days, "Rotate every so many days")
      ->check(CLI::Range(7, 730));
  create->add_option("--description", options->description, "What it is for");
  create->add_option("--alias", options->alias, "An alias to make with it");
}

void AddRotate(CLI::App& group, Order& order, const Options& options) {
  auto* rotate = group.add_subcommand(
      "rotate", "Set automatic rotation, or make a new version of an asymmetric key");
  TakeKey(rotate, options);
  rotate->add_option("--every-days", options->rotate_days, "7 to 730; 0 ends rotation")
      ->check(CLI::Range(0, 730));
  rotate->add_flag("--new-version", options->new_version, "Make a new version now")
      ->excludes("--every-days");
  rotate->callback([&order, options, rotate] {
    if (!options->new_version && rotate->count("--every-days") == 0)
      throw CLI::RequiredError("--every-days or --new-version");
    order.task = [&order, options](Session& session) {
      JsonObject body;
      body.Text("cmkUuid", options->key);
      if (!options->new_version) Rotation(*options, body);
      return Show(session, order.format,
                  options->new_version ? "createKeyVersion" : "updateRotationPolicy",
                  std::move(body));
    };
  });
}

void AddAliases(CLI::App& app, Order& order) {
  auto options = std::make_shared<KeyOptions>();
  auto* group = app.add_subcommand("alias", "Manage other names of keys");
  group->require_subcommand(1);
  auto* set = group->add_subcommand("set", "Give a key an alias");
  set->add_option("alias", options->alias, "1 to 255 of letters, digits and /_-.")
      ->required();
  TakeKey(set, options);
  set->add_flag("--update", options->update, "Point an alias that exists at the key");
  set->callback([&order, options] {
    order.task = [&order, options](Session& session) {
      JsonObject body;
      body.Text("cmkUuid", options->key).Text("aliasName", options->alias);
      return Show(session, order.format, options->update ? "updateAlias" : "createAlias",
                  std::move(body));
    };
  });
  AddCall(*group, order, options, "delete", "Delete an alias", "deleteAlias",
          [](const Session& session, const KeyOptions& given, JsonObject& body) {
            body.Text("userId", session.user())
                .Text("regionId", session.region())
                .Text("aliasName", given.alias);
          })
      ->add_option("alias", options->alias)
      ->required();
  auto* list = group->add_subcommand("list", "List the aliases, of all keys or of one");
  list->add_option("key", options->key, "Id or alias of the key");
  TakePages(list, options);
  list->callback([&order, options] {
    order.task = [&order, options](Session& session) {
      JsonObject body;
      Pages(session, *options, body);
      if (options->key.empty()) {
        body.Text("userId", session.user()).Text("regionId", session.region());
        return Show(session, order.format, "listAlias", std::move(body));
      }
      body.Text("cmkUuid", options->key);
      return Show(session, order.format, "listAliasByUuid", std::move(body));
    };
  });
}

}  // namespace

void AddKeyCommands(CLI::App& app, Order& order) {
  auto options = std::make_shared<KeyOptions>();
  auto* group = app.add_subcommand("key", "Manage keys");
  group->require_subcommand(1);
  AddCreate(*group, order, options);
  TakePages(AddCall(*group, order, options, "list", "List keys", "listKeys", Pages),
            options);
  struct Simple {
    const char* name;
    const char* help;
    const char* operation;
  };
  for (const Simple& simple : {
           Simple{"describe", "Show a key", "describeKey"},
           Simple{"enable", "Enable a key", "enableKey"},
           Simple{"disable", "Disable a key", "disableKey"},
           Simple{"undelete", "Cancel a planned deletion", "cancelKeyDeletion"},
           Simple{"protect", "Protect a key from deletion", "deleteProtect"},
           Simple{"unprotect", "End the protection", "cancelDeleteProtect"},
       })
    TakeKey(
        AddCall(*group, order, options, simple.name, simple.help, simple.operation, Key),
        options);
  auto* remove =
      AddCall(*group, order, options, "delete", "Plan the deletion of a key",
              "scheduleKeyDeletion",
              [](const Session& session, const KeyOptions& given, JsonObject& body) {
                Key(session, given, body);
                body.Text("pendingWindowInDays", std::to_string(given.days));
              });
  TakeKey(remove, options);
  remove->add_option("--days", options->days, "In 7 to 30 days")->capture_default_str();
  auto* versions = AddCall(
      *group, order, options, "versions", "List a key's versions", "listKeyVersions",
      [](const Session& session, const KeyOptions& given, JsonObject& body) {
        Key(session, given, body);
        Pages(session, given, body);
      });
  TakeKey(versions, options);
  TakePages(versions, options);
  AddRotate(*group, order, options);
  AddInspectCommand(*group, order);
  AddAliases(app, order);
}

}  // namespace kms::server
