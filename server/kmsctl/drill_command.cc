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
#include "kmsd/hsm_options.h"
#include "kmsd/layout.h"
#include "kmsd/pin.h"

namespace kms::server {
namespace {

struct DrillOptions {
  std::string file;
  std::string pass_phrase;
  std::string data;
  SoftwareRootKeyFolders folders;
  HsmConfig hsm;
  HsmTexts hsm_texts;
  const CLI::Option* hsm_kind = nullptr;
  std::string softhsm_folder;
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

// Whoever reads that a backup is good is to know of how much of it that was not asked.
std::string Untried(std::uint64_t versions, HsmKind kind) {
  return std::to_string(versions) + (versions == 1 ? " version" : " versions") +
         " of HSM level: " +
         (kind == HsmKind::kNone ? "--hsm auto, --softhsm-folder or --hsm pkcs11 names "
                                   "the token that tries them"
                                 : "the backup names no root key in a token");
}

// Which token it is, if any: with nothing said there is none.
Result<void> CompleteToken(DrillOptions& options) {
  HsmConfig& hsm = options.hsm;
  const bool own = !options.softhsm_folder.empty();
  const bool said = options.hsm_kind->count() != 0;
  const HsmKind kind = said || own ? hsm.kind : HsmKind::kNone;
  SecretBytes pin = TakePin(kPinVariable);  // out of the environment in any case
  if (kind == HsmKind::kPkcs11) {
    options.hsm_texts.pin = std::move(pin);
  } else {
    // With which no token is named. With none kmsd may name one that it does without.
    hsm.kind = HsmKind::kAuto;
  }
  if (const std::string wrong = CompleteHsm(hsm, options.hsm_texts); !wrong.empty())
    return UsageError(wrong);
  hsm.kind = kind;
  if ((own || !hsm.softhsm_module.empty()) && hsm.kind != HsmKind::kAuto)
    return UsageError("--softhsm-folder and --softhsm-module are for --hsm auto");
  if (hsm.kind != HsmKind::kAuto || own) return {};
  if (options.data.empty())
    return UsageError("--hsm auto needs --data, or --softhsm-folder");
  options.softhsm_folder = DataLayout(options.data).hsm();
  return {};
}

// A copy, because SoftHSM writes to the original at every login.
Result<Pkcs11Config> CopyOfOwn(const std::string& folder, const DrillOptions& options) {
  const std::string place = folder + "/hsm";
  std::error_code failure;
  std::filesystem::create_directory(place, failure);
  if (failure) return LocalFileError(place + ": " + failure.message());
  return CopySoftHsm(
      {.folder = options.softhsm_folder, .module = options.hsm.softhsm_module}, place);
}

// The token that the versions of HSM level are tried with, which a running kmsd may have
// open. Null: none was named, or the store needs none.
Result<std::unique_ptr<Pkcs11Hsm>> OpenToken(const std::string& folder,
                                             const DrillOptions& options, KeyStore& store,
                                             const Clock& clock) {
  if (options.hsm.kind == HsmKind::kNone) return std::unique_ptr<Pkcs11Hsm>();
  KMS_TRY(const bool needed, HasHsmRoot(store));
  if (!needed) return std::unique_ptr<Pkcs11Hsm>();
  Pkcs11Config token;
  if (options.hsm.kind == HsmKind::kAuto) {
    KMS_TRY(token, CopyOfOwn(folder, options));
  } else {
    token = NamedToken(options.hsm);
  }
  token.use_only = true;
  token.sessions = 1;
  token.call_timeout_millis = options.hsm.timeout_millis;
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
  // What was found is told also where something ends the drill early.
  const auto end_early = [&](const Error& error) -> Result<void> {
    if (report.findings() == 0) return error;
    summary["notTried"] = error.detail();
    AddTo(summary, checked);
    return report.Finish(summary);
  };
  const auto hsm = OpenToken(folder, options, *store, *clock);
  if (!hsm) {
    if (hsm.error().error_class() == ErrorClass::kCorrupt)
      tell({.place = "hsm-root", .fault = hsm.error().detail()});
    return end_early(NotCheckedError(hsm.error()));  // it says nothing of the backup
  }
  if (*hsm) parts.hsm = &(*hsm)->backend();
  const auto tried = TryEveryVersion(parts, tell);
  if (!tried) return end_early(tried.error());
  summary["tryMillis"] = lap.Millis();
  AddTried(summary, *tried);
  if (!*hsm && tried->in_hsm > 0)
    summary["notTried"] = Untried(tried->in_hsm, options.hsm.kind);
  AddTo(summary, checked);
  return report.Finish(summary);
}

Result<void> Drill(DrillOptions& options, Format format) {
  KMS_CHECK_OK(CompleteToken(options));
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
  drill->add_option(
      "--data", options->data,
      "Data directory whose root key it is; only that is read of it, and its token "
      "with --hsm auto");
  AddRootFolderOptions(*drill, options->folders);
  options->hsm_kind =
      AddHsmOptions(
          *drill,
          "The token to try keys of HSM level with: auto (a copy of kmsd's own "
          "SoftHSM), pkcs11 (the token that is named, in which nothing is made, "
          "changed or removed), or none, the default: they are not tried",
          options->hsm, options->hsm_texts)
          .front();
  drill->add_option("--softhsm-folder", options->softhsm_folder,
                    "Folder of kmsd's own SoftHSM, or its backup, for auto, which it "
                    "implies; default: that under --data");
  drill->add_option("--within", options->within,
                    "Folder of a local file system with room for the store; default "
                    "$TMPDIR, or /tmp");
  drill->callback([&order, options] {
    order.offline_task = [&order, options] { return Drill(*options, order.format); };
  });
}

}  // namespace kms::server
