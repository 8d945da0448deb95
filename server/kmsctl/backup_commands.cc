// kmsctl backup and restore.

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kms/backup.h"
#include "kms/clock.h"
#include "kms/encoding.h"
#include "kmsctl/backup_file.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/new_folder.h"
#include "kmsctl/offline_store.h"
#include "kmsctl/output_file.h"
#include "kmsctl/restored_store.h"
#include "kmsctl/supervisor.h"
#include "kmsd/layout.h"

namespace kms::server {
namespace {

struct BackupOptions {
  std::string data;
  std::string file;
  std::string pass_phrase;
  std::string to;
  bool replace = false;
};

Result<void> ShowManifest(const BackupManifest& manifest, Format format) {
  boost::json::object records;
  for (const auto& [kind, count] : manifest.records) records[kind] = count;
  boost::json::object result;
  result["createdMillis"] = manifest.created;
  result["revision"] = manifest.revision;
  result["epoch"] = manifest.epoch;
  result["digest"] = ToHex(manifest.digest);
  result["records"] = std::move(records);
  return WriteOutput(AsBytes(View(FormatResult(result, format))));
}

Result<void> Backup(const BackupOptions& options, Format format) {
  KMS_TRY(const SecretBytes pass_phrase, ReadPassPhrase(options.pass_phrase));
  KMS_TRY(const auto store, OpenStoreOf(options.data));
  KMS_TRY(const auto output, OutputFile::Create(options.file, options.replace));
  const auto clock = NewSystemClock();
  KMS_TRY(const auto backup, StoreBackup::Begin(*store, *clock));
  KMS_CHECK_OK(EncryptBackup(
      pass_phrase, [&](std::span<std::uint8_t> room) { return backup->Read(room); },
      [&](ByteView bytes) { return output->Write(bytes); }));
  KMS_CHECK_OK(output->Commit());
  return ShowManifest(backup->manifest(), format);
}

Result<void> Restore(const BackupOptions& options, Format format) {
  KMS_TRY(const SecretBytes pass_phrase, ReadPassPhrase(options.pass_phrase));
  const Supervisor supervisor;  // until what a failure leaves is gone
  KMS_TRY(const auto folder, NewFolder::Beside(options.to));
  return supervisor.Run([&]() -> Result<void> {
    KMS_TRY(const BackupManifest manifest,
            RestoreStore(DataLayout(folder->path()).store(), options.file, pass_phrase));
    KMS_CHECK_OK(folder->Commit());
    return ShowManifest(manifest, format);
  });
}

void AddPassPhraseOption(CLI::App& command, BackupOptions& options) {
  command
      .add_option("--pass-phrase-file", options.pass_phrase,
                  "File whose first line is the pass phrase; mode 0600")
      ->required();
}

}  // namespace

void AddBackupCommands(CLI::App& app, Order& order) {
  auto options = std::make_shared<BackupOptions>();
  auto* const backup = app.add_subcommand(
      "backup",
      "Write the store of a kmsd, running or not, to an encrypted file. The root key and "
      "the token are not in it: back them up apart");
  backup->add_option("file", options->file, "The new file, mode 0600")->required();
  backup->add_option("--data", options->data, "Data directory of kmsd")->required();
  backup->add_flag("--force", options->replace, "Replace the file");
  auto* const restore = app.add_subcommand(
      "restore", "Make a data directory of a backup, but for the root key and the token");
  restore->add_option("file", options->file, "The backup")->required();
  restore->add_option("--to", options->to, "A folder that is not there, or is empty")
      ->required();
  for (auto* const command : {backup, restore}) AddPassPhraseOption(*command, *options);
  backup->callback([&order, options] {
    order.offline_task = [&order, options] { return Backup(*options, order.format); };
  });
  restore->callback([&order, options] {
    order.offline_task = [&order, options] { return Restore(*options, order.format); };
  });
}

}  // namespace kms::server
