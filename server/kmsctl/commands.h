// The commands of kmsctl: each group declares its command line, and sets the task that
// the parsed line asks for.

#ifndef KMS_SERVER_KMSCTL_COMMANDS_H_
#define KMS_SERVER_KMSCTL_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "kmsctl/output.h"
#include "kmsctl/session.h"

namespace kms::server {

// What a command line asks for. One of the tasks is set after parsing.
struct Order {
  Format format = Format::kText;
  std::function<Result<void>(Session&)> task;  // over a connection
  std::function<Result<void>()> offline_task;  // without one
};

// Each adds its commands to `app`; `order` outlives it.
void AddAuditCommand(CLI::App& app, Order& order);         // audit
void AddBackupCommands(CLI::App& app, Order& order);       // backup, restore
void AddCallCommands(CLI::App& app, Order& order);         // call, operations, health
void AddKeyCommands(CLI::App& app, Order& order);          // key, alias
void AddCertificateCommands(CLI::App& app, Order& order);  // certificate
void AddInspectCommand(CLI::App& key, Order& order);       // key inspect
void AddFsckCommand(CLI::App& app, Order& order);          // fsck
void AddDrillCommand(CLI::App& app, Order& order);         // drill
void AddEncryptionCommands(CLI::App& app, Order& order);  // encrypt, decrypt, data-key, …
void AddSignatureCommands(CLI::App& app, Order& order);   // sign, verify, public-key
void AddImportCommand(CLI::App& app, Order& order);       // import
void AddRootKeyCommand(CLI::App& app, Order& order);      // root-key
void AddAdminCommand(CLI::App& app, Order& order);        // admin

// Show calls an operation and prints its result.
Result<void> Show(Session& session, Format format, std::string_view operation,
                  JsonObject body);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_COMMANDS_H_
