// The file with the first AK/SK of the account (root-credentials.json). kmsd writes it
// and never reads it back; kmsctl does.

#ifndef KMS_SERVER_KMSD_CREDENTIALS_H_
#define KMS_SERVER_KMSD_CREDENTIALS_H_

#include <string>

#include "http/wiped_string.h"
#include "kms/identity.h"
#include "kms/result.h"
#include "kmsd/layout.h"

namespace kms::server {

struct CredentialsContent {
  std::string region;
  std::string endpoint;  // https://host:port
  std::string ca_file;   // what to trust; empty: what the system trusts, or plain HTTP
};

// CredentialsText is the content of the file.
WipedString CredentialsText(const NewAccessKey& key, const CredentialsContent& content);

// WriteCredentials writes the file `path`, mode 0600, complete and synced, in place of
// what an interrupted attempt left there.
// Fails: kUnavailable.
Result<void> WriteCredentials(const std::string& path, const NewAccessKey& key,
                              const CredentialsContent& content);

// PublishCredentials renames `path` to layout.credentials(), durably.
// Fails: kUnavailable.
Result<void> PublishCredentials(const std::string& path, const DataLayout& layout);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_CREDENTIALS_H_
