// AdminAddress: the address of a socket in the file system whose path may be longer than
// an address can hold.

#ifndef KMS_SERVER_KMSD_ADMIN_ADDRESS_H_
#define KMS_SERVER_KMSD_ADMIN_ADDRESS_H_

#include <sys/socket.h>
#include <sys/un.h>

#include <memory>
#include <string>

#include "kms/result.h"
#include "kmsd/files.h"

namespace kms::server {

class AdminAddress {
 public:
  // Of fails with kUnavailable if the folder of `path` is not there.
  static Result<AdminAddress> Of(const std::string& path);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  socklen_t size() const { return sizeof address_; }

 private:
  std::shared_ptr<const OwnedFile> folder_;  // which the address goes through
  sockaddr_un address_{};
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_ADMIN_ADDRESS_H_
