// kmsctl drill.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "api/operation.h"
#include "kms/clock.h"
#include "kms/crypto_backend.h"
#include "kms/kms.h"
#include "kms/pkcs11.h"
#include "kms/store_check.h"
#include "kmsctl/backup_file.h"
#include "kmsctl/check_report.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/new_folder.h"
#include "kmsctl/offline_store.h"
#include "kmsctl/restored_store.h"
#include "kmsctl/supervisor.h"

namespace kms::server {
namespace {

struct DrillOptions {
  std::string file;
  std::string pass_phrase;
  std::string data;
  SoftwareRootKeyFolders folders;
  SoftHsmFolder softhsm;
  std::string within;
};

// How long each part of the drill takes.
class Lap {
 public:
  std::int64_t Millis() {
    const auto now = std::chrono::steady_clock::now();
    const auto took = now - begun_;
    begun_ = now;
    return std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

void AddTried(boost::json::object& summary, const CanarySummary& tried) {
  summary["symmetricVersionsTried"] = tried.symmetric;
  summary["pairsTried"] = tried.pairs;
  summary["versionsWithoutMaterial"] = tried.without_material;
  summary["versionsOnlyATokenUses"] = tried.in_hsm;
}

// The token that the versions of HSM level are tried with: a copy, so that the one in use
// sees nothing of it. Null: none was named, or the store needs none.
Result<std::unique_ptr<Pkcs11Hsm>> OpenTokenCopy(const std::string& folder,
                                                 const SoftHsmFolder& softhsm,
                                                 KeyStore& store, const Clock& clock) {
  if (softhsm.folder.empty()) return std::unique_ptr<Pkcs11Hsm>();
  KMS_TRY(const bool needed, HasHsmRoot(store));
  if (!needed) return std::unique_ptr<Pkcs11Hsm>();
  const std::string place = folder + "/hsm";
  std::error_code failure;
  std::filesystem::create_directory(place, failure);
  if (failure) return LocalFileError(place + ": " + failure.message());
  KMS_TRY(Pkcs11Config token, CopySoftHsm(softhsm, place));
  return Pkcs11Hsm::Open(std::move(token), store, clock);
}

Result<void> Try(const std::string& folder, const DrillOptions& options,
                 const SoftwareRootKeyFolders& folders, const SecretBytes& pass_phrase,
                 Format format) {
  KMS_TRY(const auto root, OpenSoftwareRootKey(folders));
  const std::string place = folder + "/store";
  const auto clock = NewSystemClock();
  Lap lap;
  boost::json::object summary;
  KMS_TRY(const BackupManifest manifest, RestoreStore(place, options.file, pass_phrase));
  summary["createdMillis"] = manifest.created;
  summary["revision"] = manifest.revision;
  summary["restoreMillis"] = lap.Millis();
  KMS_TRY(const auto store, OpenLmdbKeyStore(place));
  KMS_CHECK_OK(CheckRootKey(*store, *root));
  const auto backend = NewSoftwareBackend(*root);
  const ActionTable actions = ActionsOf(AllOperations());
  StoreCheckParts parts{*store, *root, *backend, actions};
  CheckReport report(format);
  const auto tell = [&](const StoreFinding& finding) { report.Tell(finding); };
  KMS_TRY(const StoreCheckSummary checked, CheckStore(parts, tell));
  summary["checkMillis"] = lap.Millis();
  const auto hsm = OpenTokenCopy(folder, options.softhsm, *store, *clock);
  if (!hsm) return NotCheckedError(hsm.error());
  if (*hsm) parts.hsm = &(*hsm)->backend();
  KMS_TRY(const CanarySummary tried, TryEveryVersion(parts, tell));
  summary["tryMillis"] = lap.Millis();
  AddTried(summary, tried);
  AddTo(summary, checked);
  return report.Finish(summary);
}

Result<void> Drill(const DrillOptions& options, Format format) {
  KMS_TRY(const SoftwareRootKeyFolders folders,
          RootFoldersOf(options.data, options.folders));
  KMS_TRY(const SecretBytes pass_phrase, ReadPassPhrase(options.pass_phrase));
  std::string within = options.within;
  if (within.empty()) {
    const char* const told = std::getenv("TMPDIR");
    within = told != nullptr && *told != '\0' ? told : "/tmp";
  }
  const Supervisor supervisor;  // until the folder is gone
  const auto folder = NewFolder::Within(within);
  if (!folder) return NotCheckedError(folder.error());
  // Nothing before it starts a thread, as opening a root key does.
  return supervisor.Run(
      [&] { return Try((*folder)->path(), options, folders, pass_phrase, format); });
}

}  // namespace

void AddDrillCommand(CLI::App& app, Order& order) {
  auto options = std::make_shared<DrillOptions>();
  auto* const drill = app.add_subcommand(
      "drill",
      "Prove that a backup can be restored: restore it into a folder of its own, check "
      "the store, use every version of every key, and leave nothing. Exit status: 0 all "
      "is well, 1 it is no good, 2 wrong usage, 3 not checked");
  drill->add_option("file", options->file, "The backup")->required();
  drill
      ->add_option("--pass-phrase-file", options->pass_phrase,
                   "File whose first line is the pass phrase; mode 0600")
      ->required();
  drill->add_option("--data", options->data,
                    "Data directory whose root key it is; only that is read of it");
  AddRootFolderOptions(*drill, options->folders);
  drill->add_option("--softhsm-folder", options->softhsm.folder,
                    "Folder of kmsd's own SoftHSM, or its backup: keys of HSM level are "
                    "tried with a copy of it; default: they are not tried");
  drill
      ->add_option("--softhsm-module", options->softhsm.module,
                   "SoftHSM's library; default: where distributions put it")
      ->needs("--softhsm-folder");
  drill->add_option("--within", options->within,
                    "Folder of a local file system with room for the store; default "
                    "$TMPDIR, or /tmp");
  drill->callback([&order, options] {
    order.offline_task = [&order, options] { return Drill(*options, order.format); };
  });
}

}  // namespace kms::server
