// kmsctl fsck.

#include <memory>
#include <string>

#include "api/operation.h"
#include "kms/crypto_backend.h"
#include "kms/store_check.h"
#include "kmsctl/check_report.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/offline_store.h"
#include "kmsd/files.h"
#include "kmsd/layout.h"

namespace kms::server {
namespace {

struct FsckOptions {
  std::string data;
  SoftwareRootKeyFolders folders;
};

struct LockedStore {
  std::unique_ptr<OwnedFile> lock;
  OfflineStore opened;
};

// A kmsd would change what is being compared.
Result<LockedStore> OpenLocked(const FsckOptions& options) {
  LockedStore locked;
  // Before the lock, whose file would be made where no data directory is.
  KMS_CHECK_OK(OpenStoreOf(options.data));
  KMS_TRY(locked.lock, LockFile(DataLayout(options.data).lock(),
                                "a kmsd runs on this data directory: stop it first"));
  KMS_TRY(locked.opened, OpenOfflineStore(options.data, options.folders));
  return locked;
}

Result<void> Fsck(const FsckOptions& options, Format format) {
  const auto store = OpenLocked(options);
  if (!store) return NotCheckedError(store.error());
  const RootKey& root = *store->opened.root;
  const auto backend = NewSoftwareBackend(root);
  const ActionTable actions = ActionsOf(AllOperations());
  CheckReport report(format);
  const auto checked =
      CheckStore({*store->opened.store, root, *backend, actions},
                 [&](const StoreFinding& finding) { report.Tell(finding); });
  if (!checked) return NotCheckedError(checked.error());
  boost::json::object summary;
  AddTo(summary, *checked);
  return report.Finish(summary);
}

}  // namespace

void AddFsckCommand(CLI::App& app, Order& order) {
  auto options = std::make_shared<FsckOptions>();
  auto* const fsck = app.add_subcommand(
      "fsck",
      "Check the whole store of a kmsd that does not run, and change nothing. Exit "
      "status: 0 nothing found, 1 findings, 2 wrong usage, 3 not checked");
  fsck->add_option("--data", options->data, "Data directory of kmsd")->required();
  AddRootFolderOptions(*fsck, options->folders);
  fsck->callback([&order, options] {
    order.offline_task = [&order, options] { return Fsck(*options, order.format); };
  });
}

}  // namespace kms::server
