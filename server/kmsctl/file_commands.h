// Files under envelope encryption: kmsctl encrypt-file and decrypt-file.

#ifndef KMS_SERVER_KMSCTL_FILE_COMMANDS_H_
#define KMS_SERVER_KMSCTL_FILE_COMMANDS_H_

#include <string>

#include "kmsctl/session.h"

namespace kms::server {

struct FileJob {
  std::string key;  // to encrypt
  std::string input;
  std::string output;
  bool replace = false;
};

// Both leave no output file unless they succeed.
Result<void> EncryptFile(Session& session, const FileJob& job);
Result<void> DecryptFile(Session& session, const FileJob& job);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_FILE_COMMANDS_H_
