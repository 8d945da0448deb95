// DataLayout: where everything is under the data directory of kmsd. The only place
// that knows; kmsctl uses it too.

#ifndef KMS_SERVER_KMSD_LAYOUT_H_
#define KMS_SERVER_KMSD_LAYOUT_H_

#include <string>
#include <utility>

#include "kms/root_key.h"

namespace kms::server {

class DataLayout {
 public:
  explicit DataLayout(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }
  std::string lock() const { return directory_ + "/kmsd.lock"; }
  std::string store() const { return directory_ + "/store"; }
  std::string audit() const { return directory_ + "/audit"; }
  // Where the operator makes accounts (kmsd/admin_socket.h).
  std::string admin_socket() const { return directory_ + "/admin.sock"; }
  std::string tls() const { return directory_ + "/tls"; }
  std::string tls_certificate() const { return tls() + "/server.crt"; }
  std::string tls_key() const { return tls() + "/server.key"; }
  std::string credentials() const { return directory_ + "/root-credentials.json"; }
  // Complete and synced before what they say is true, then renamed to credentials():
  // by the first start of kmsd, and by "kmsctl root-key rotate".
  std::string first_credentials() const { return credentials() + ".first"; }
  std::string rotated_credentials() const { return credentials() + ".rotated"; }
  std::string rotation_lock() const { return directory_ + "/rotation.lock"; }
  // There since the first start was complete: an empty store is then a lost one.
  std::string initialised() const { return directory_ + "/initialised"; }

  // A SoftHSM token of our own.
  std::string hsm() const { return directory_ + "/hsm"; }

  // The three parts of the root key; a production server keeps them apart
  // (docs/operating.md).
  SoftwareRootKeyFolders root_folders() const {
    return {directory_ + "/root-key/root", directory_ + "/root-key/private",
            directory_ + "/root-key/wrap"};
  }

 private:
  std::string directory_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_LAYOUT_H_
