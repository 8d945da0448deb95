// Credentials: whom kmsctl speaks for, and where to (the file that kmsd writes).

#ifndef KMS_SERVER_KMSCTL_CREDENTIALS_H_
#define KMS_SERVER_KMSCTL_CREDENTIALS_H_

#include <string>

#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::server {

struct Credentials {
  std::string account;
  std::string user;
  std::string access_key;
  SecretBytes secret_key;
  std::string region;
  std::string endpoint;  // "https://host:port"
  std::string ca_file;   // empty: the system's
  // Signs, and speaks, as clients of access points do ("scheme": "access-point").
  bool access_point = false;
};

// ReadCredentials reads the JSON file `path`. A relative caFile is one beside it.
// Fails: kInvalidArgument if it is not there or is missing something; the file's content
// is in no message.
Result<Credentials> ReadCredentials(const std::string& path);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_CREDENTIALS_H_
