#include <filesystem>
#include <memory>
#include <system_error>

#include "kms/crypto_backend.h"
#include "kms/identity.h"
#include "kmsctl/commands.h"
#include "kmsctl/credentials.h"
#include "kmsctl/failure.h"
#include "kmsctl/offline_store.h"
#include "kmsd/credentials.h"
#include "kmsd/files.h"
#include "kmsd/layout.h"

namespace kms::server {
namespace {

struct RotateOptions {
  std::string data;
  std::string account;  // empty: that of the old file, or the only one
  SoftwareRootKeyFolders folders;
  CredentialsContent content;
};

// The region and the endpoint are kept from the file that is replaced, unless given.
Result<CredentialsContent> ContentFor(const DataLayout& layout,
                                      const CredentialsContent& given) {
  CredentialsContent content = given;
  if (!content.region.empty() && !content.endpoint.empty()) return content;
  auto old = ReadCredentials(layout.credentials());
  if (!old)
    return UsageError(old.error().detail() + "\ngive --region and --endpoint instead");
  if (content.region.empty()) content.region = old->region;
  if (content.endpoint.empty()) content.endpoint = old->endpoint;
  if (content.ca_file.empty() && !old->ca_file.empty()) {
    std::error_code error;
    content.ca_file = std::filesystem::absolute(old->ca_file, error).string();
  }
  return content;
}

// Works on the store, beside a running kmsd or without one. The new file is complete
// before the change and gets its name after it: interrupted between the two, the new key
// is in the file whose name ends in ".new", and a second run makes another.
Result<void> Rotate(const RotateOptions& options) {
  const DataLayout layout(options.data);
  KMS_TRY(const CredentialsContent content, ContentFor(layout, options.content));
  std::string account = options.account;
  if (account.empty()) {
    if (const auto old = ReadCredentials(layout.credentials())) account = old->account;
  }
  KMS_TRY(const OfflineStore opened, OpenOfflineStore(options.data, options.folders));
  // One at a time: two would leave one's secret in the file and the other's in the store.
  KMS_TRY(const auto lock,
          LockFile(layout.rotation_lock(), "another rotation is under way"));
  const auto backend = NewSoftwareBackend(*opened.root);
  const auto clock = NewSystemClock();
  Identity identity(*opened.store, *opened.root, *backend, *clock);
  KMS_CHECK_OK(identity.RotateRootAccessKey(
      [&](const NewAccessKey& made) {
        return WriteCredentials(layout.rotated_credentials(), made, content);
      },
      account));
  KMS_CHECK_OK(PublishCredentials(layout.rotated_credentials(), layout));
  return WriteOutput(AsBytes("new access key in " + layout.credentials() + "\n"));
}

}  // namespace

void AddRootKeyCommand(CLI::App& app, Order& order) {
  auto options = std::make_shared<RotateOptions>();
  auto* group = app.add_subcommand("root-key", "The access key of the root user");
  group->require_subcommand(1);
  auto* rotate = group->add_subcommand(
      "rotate", "Replace it, on the machine and as the user of kmsd");
  rotate->add_option("--data", options->data, "Data directory of kmsd")->required();
  rotate->add_option("--account", options->account,
                     "Whose; default that of the old file, or the only one");
  AddRootFolderOptions(*rotate, options->folders);
  rotate->add_option("--region", options->content.region,
                     "Region for the new file, if the old one is gone");
  rotate->add_option("--endpoint", options->content.endpoint,
                     "Endpoint for the new file, if the old one is gone");
  rotate->callback(
      [&order, options] { order.offline_task = [options] { return Rotate(*options); }; });
}

}  // namespace kms::server
