#include "kmsctl/restored_store.h"

#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

#include "kms/clock.h"
#include "kmsctl/backup_file.h"
#include "kmsctl/failure.h"
#include "kmsctl/streamed_input.h"

namespace kms::server {

Result<BackupManifest> RestoreStore(const std::string& store, const std::string& file,
                                    const SecretBytes& pass_phrase) {
  std::error_code failure;
  std::filesystem::create_directory(store, failure);
  if (failure) return LocalFileError(store + ": " + failure.message());
  const auto clock = NewSystemClock();
  StreamedInput input(file);
  KMS_TRY(const auto restore, StoreRestore::Begin(*clock, store));
  KMS_CHECK_OK(DecryptBackup(
      pass_phrase, [&](std::span<std::uint8_t> room) { return input.Read(room); },
      [&](ByteView bytes) { return restore->Write(bytes); }));
  return restore->Finish();
}

}  // namespace kms::server
