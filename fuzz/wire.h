// The other side of an HTTP connection: sends bytes as it is told, and takes the answers
// apart.

#ifndef KMS_FUZZ_WIRE_H_
#define KMS_FUZZ_WIRE_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "target.h"

namespace kms::fuzz {

struct Answer {
  int status = 0;
  std::string body;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// A connection to a port of this machine. Each comes from another address: one alone has
// too few ports, and some of one may still be taken by connections that have ended.
inline int Connect(std::uint16_t port) {
  static std::uint32_t number = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{9, 0};
    const int on = 1;
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + ++number % 0xffff);
    (void)::bind(connection, reinterpret_cast<sockaddr*>(&address), sizeof address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
      return connection;
    std::perror("connect");
    ::close(connection);
  }
  Require(false, "a new connection is taken");
  return -1;
}

// Sends `bytes` in steps and returns all that comes, up to the end. The fuzzer's alarm
// interrupts calls on sockets that have a patience.
inline std::string Exchange(int connection, std::string_view bytes, std::size_t step) {
  while (!bytes.empty()) {
    const auto sent =
        ::send(connection, bytes.data(), std::min(step, bytes.size()), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(connection, SHUT_WR);
  std::string received;
  char buffer[4096];
  for (;;) {
    const auto got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) std::perror("recv");
    Require(got >= 0, "the connection ends");
    if (got == 0) return received;
    received.append(buffer, static_cast<std::size_t>(got));
  }
}

inline std::vector<Answer> ReadAnswers(std::string_view text, std::string_view requests) {
  constexpr std::string_view kLength = "Content-Length: ";
  std::vector<Answer> answers;
  while (!text.empty()) {
    Require(text.starts_with("HTTP/1.1 "), "an answer begins where the last one ended");
    const std::size_t end = text.find("\r\n\r\n");
    Require(end != text.npos, "an answer has a whole head");
    const std::string_view head = text.substr(0, end);
    Answer answer;
    std::from_chars(head.data() + 9, head.data() + 12, answer.status);
    text.remove_prefix(end + 4);
    if (answer.status == 100) continue;
    std::size_t size = 0;
    const std::string_view length = head.substr(head.find(kLength) + kLength.size());
    std::from_chars(length.data(), length.data() + length.size(), size);
    // After HEAD the next answer follows, or nothing.
    const bool bare = requests.find("HEAD ") != requests.npos &&
                      (text.empty() || text.starts_with("HTTP/1.1 "));
    if (!bare) {
      Require(text.size() >= size, "an answer has its whole body");
      answer.body = text.substr(0, size);
      text.remove_prefix(size);
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace kms::fuzz

#endif  // KMS_FUZZ_WIRE_H_
