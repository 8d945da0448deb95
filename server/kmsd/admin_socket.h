// AdminSocket: where the operator of the machine makes accounts: DIR/admin.sock.
//
// A connection carries one request, a line of JSON, and one answer, a JSON document up to
// the end of the connection:
//
//   {"command": "createAccount", "name": "…"}      the credentials of its root user
//   {"command": "rotateRootKey", "account": "…"}   likewise
//   {"command": "listAccounts"}                    {"accounts": [{"accountId": …}, …]}
//
// What is refused is answered {"error": "…"}. Only the user that kmsd runs as, and root,
// are listened to: by the socket's mode, and by what the kernel says of the other side.
//
// Threads: one of its own, which serves one connection after the other.

#ifndef KMS_SERVER_KMSD_ADMIN_SOCKET_H_
#define KMS_SERVER_KMSD_ADMIN_SOCKET_H_

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "http/wiped_string.h"
#include "kms/identity.h"
#include "kms/result.h"
#include "kmsd/credentials.h"
#include "kmsd/files.h"

namespace kms::server {

class AdminSocket {
 public:
  // Open listens on `path`, in place of what another process left there. `content` is
  // what new credentials say beside the key. Identity and log outlive the socket.
  // Fails: kUnavailable.
  static Result<std::unique_ptr<AdminSocket>> Open(const std::string& path,
                                                   Identity& identity,
                                                   CredentialsContent content,
                                                   spdlog::logger& log);
  ~AdminSocket();
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;

 private:
  AdminSocket(std::string path, int listening, int stopping, Identity& identity,
              CredentialsContent content, spdlog::logger& log);
  void Run();
  void Serve(int connection);
  Result<WipedString> Answer(std::string_view request);

  const std::string path_;
  const OwnedFile listening_;
  const OwnedFile stopping_;
  Identity& identity_;
  const CredentialsContent content_;
  spdlog::logger& log_;
  std::thread thread_;
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_ADMIN_SOCKET_H_
