// kmsctl: the command line of a KMS.

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <utility>

#include "kms/clock.h"
#include "kms/signer.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsd/choice.h"

namespace kms::server {
namespace {

struct Globals {
  std::string credentials;
  std::string endpoint;
  std::string region;
  std::string ca_file;
  ClientOptions client;
};

Result<Credentials> FindCredentials(const Globals& globals) {
  std::string path = globals.credentials;
  if (path.empty()) path = "./data/root-credentials.json";
  if (globals.credentials.empty() && ::access(path.c_str(), F_OK) != 0)
    return UsageError("no credentials: give --credentials FILE or set KMS_CREDENTIALS");
  KMS_TRY(Credentials found, ReadCredentials(path));
  if (!globals.endpoint.empty()) found.endpoint = globals.endpoint;
  if (!globals.region.empty()) found.region = globals.region;
  if (!globals.ca_file.empty()) found.ca_file = globals.ca_file;
  return found;
}

Result<void> RunOrder(const Order& order, const Globals& globals) {
  if (order.offline_task) return order.offline_task();
  KMS_TRY(Credentials credentials, FindCredentials(globals));
  const auto signer = credentials.access_point ? NewAccessPointSigner() : NewEopSigner();
  const auto clock = NewSystemClock();
  KMS_TRY(const auto client,
          Client::New(std::move(credentials), globals.client, *signer, *clock));
  Session session(*client);
  return order.task(session);
}

void AddGlobals(CLI::App& app, Globals& globals, Order& order) {
  app.add_option("--credentials", globals.credentials,
                 "File with AK, SK and endpoint; default ./data/root-credentials.json")
      ->envname("KMS_CREDENTIALS");
  app.add_option("--endpoint", globals.endpoint,
                 "https://host:port, instead of the file's")
      ->envname("KMS_ENDPOINT");
  app.add_option("--region", globals.region, "Region, instead of the file's")
      ->envname("KMS_REGION");
  app.add_option("--ca", globals.ca_file, "File with the certificates to trust (PEM)")
      ->envname("KMS_CA");
  app.add_flag("--insecure", globals.client.insecure,
               "Believe any certificate; for tests only");
  app.add_option("--timeout", globals.client.timeout_seconds, "Seconds for each answer")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  const std::map<std::string, Format> formats = {{"text", Format::kText},
                                                 {"json", Format::kJson}};
  OneOf(app.add_option("--output", order.format, "How results are printed: text or json"),
        formats);
}

int Main(int argc, char** argv) {
  // The SK and plaintext pass through here: no core files, and new files are private.
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::umask(077);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of writing

  CLI::App app("Command line of a key management service", "kmsctl");
  app.footer(
      "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no connection, or not checked.");
  app.require_subcommand(1);
  app.fallthrough();
  Globals globals;
  Order order;
  AddGlobals(app, globals, order);
  AddKeyCommands(app, order);
  AddCertificateCommands(app, order);
  AddEncryptionCommands(app, order);
  AddSignatureCommands(app, order);
  AddImportCommand(app, order);
  AddRootKeyCommand(app, order);
  AddAdminCommand(app, order);
  AddAuditCommand(app, order);
  AddBackupCommands(app, order);
  AddFsckCommand(app, order);
  AddDrillCommand(app, order);
  AddCallCommands(app, order);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSuccess : kUsage;
  }
  const auto done = RunOrder(order, globals);
  if (done) return kSuccess;
  const Error& error = done.error();
  std::fprintf(stderr, "kmsctl: %s\n",
               error.detail().empty() ? std::string(CodeOf(error.reason())).c_str()
                                      : error.detail().c_str());
  return ExitStatusOf(error);
}

}  // namespace
}  // namespace kms::server

int main(int argc, char** argv) {
  try {
    return kms::server::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kmsctl: %s\n", error.what());
    return kms::server::kRefused;
  }
}
