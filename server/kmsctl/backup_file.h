// Backup files: the stream of kms/backup.h as an envelope file (kmsctl/envelope_file.h)
// whose data key comes from a pass phrase, by scrypt (docs/file_format.md).
//
// Whoever does not have the pass phrase can neither read a backup nor make one that is
// taken for one (docs/decisions/0015-backups-have-a-pass-phrase.md).
//
// Threads: free of shared state.

#ifndef KMS_SERVER_KMSCTL_BACKUP_FILE_H_
#define KMS_SERVER_KMSCTL_BACKUP_FILE_H_

#include <string>

#include "kms/result.h"
#include "kms/secret_bytes.h"
#include "kmsctl/envelope_file.h"

namespace kms::server {

// What scrypt costs: N is 2^cost_bits, r is 8, p is 1, so it takes 2^cost_bits KiB.
inline constexpr int kDefaultCostBits = 16;  // 64 MiB, a quarter of a second
inline constexpr std::size_t kMinPassPhraseSize = 16;

// ReadPassPhrase reads the first line of a file that nobody else may read.
// Fails: kInvalidArgument if it is not there, others may read it, or it is too short.
Result<SecretBytes> ReadPassPhrase(const std::string& path);

// EncryptBackup writes what `read` gives.
// Fails: as EncryptStream.
Result<void> EncryptBackup(const SecretBytes& pass_phrase, const ReadFunction& read,
                           const WriteFunction& write, int cost_bits = kDefaultCostBits);

// DecryptBackup gives what was encrypted to `write`, authentic piece by piece, and
// complete only once it has succeeded. Fails: as ReadEnvelopeHeader and DecryptStream;
// kAuthFailed for another kind of envelope file.
Result<void> DecryptBackup(const SecretBytes& pass_phrase, const ReadFunction& read,
                           const WriteFunction& write);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_BACKUP_FILE_H_
