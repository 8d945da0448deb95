#include "wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "kms/clock.h"
#include "kms/encoding.h"

namespace kms::bench {

void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

Connection::Connection(const Target& target)
    : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port);
  if (::inet_pton(AF_INET, target.host.c_str(), &address.sin_addr) != 1 ||
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address))
    Die("no connection");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() { ::close(socket_); }

std::pair<int, std::string> Connection::Exchange(const std::string& request) {
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    Die("the connection broke");
  std::string answer;
  char chunk[16384];
  std::size_t wanted = std::string::npos;
  while (answer.size() < wanted) {
    const ssize_t n = ::recv(socket_, chunk, sizeof chunk, 0);
    if (n <= 0) Die("the connection ended");
    answer.append(chunk, static_cast<std::size_t>(n));
    const std::size_t end = answer.find("\r\n\r\n");
    if (wanted != std::string::npos || end == std::string::npos) continue;
    const std::size_t length = answer.find("Content-Length: ");
    if (length == std::string::npos || length > end) Die("no Content-Length");
    wanted = end + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
  }
  return {std::atoi(answer.c_str() + 9), answer.substr(answer.find("\r\n\r\n") + 4)};
}

std::string SignedPost(const Target& target, const Signer& signer, std::string_view path,
                       const std::string& body, const std::string& id) {
  const RequestView view{"POST", path, {}, {}, AsBytes(body)};
  std::string request = "POST " + std::string(path) + " HTTP/1.1\r\nHost: loopback\r\n";
  for (const auto& header : signer.Sign(view, target.access_key, target.secret,
                                        NewSystemClock()->Now(), id, {}))
    request += header.name + ": " + header.value + "\r\n";
  return request + "regionId: " + target.region +
         "\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string EncryptBody(std::string_view key) {
  return R"({"cmkUuid":")" + std::string(key) + R"(","plaintext":")" +
         ToBase64(Bytes(32, 7)) + R"("})";
}

}  // namespace kms::bench
