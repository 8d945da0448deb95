// The answers on a connection are those of its bytes read request by request, however
// they are cut into segments, and then the connection ends.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "http/request_head.h"
#include "http/server.h"
#include "target.h"

namespace kms::fuzz::targets {
namespace {

using namespace kms::server;

struct Answer {
  int status = 0;
  std::string body;
  friend bool operator==(const Answer&, const Answer&) = default;
};

std::string Echo(std::string_view method, std::string_view target,
                 std::string_view body) {
  return std::string(method).append(" ").append(target).append(" ").append(body);
}

// Says what it was asked; drops what it is asked at /lost.
class EchoHandler final : public HttpHandler {
 public:
  void Handle(const HttpRequest& request, Respond respond) override {
    if (request.target == "/lost") return;
    respond(Say(200, Echo(request.method, request.target, AsText(request.body))));
  }
  HttpResponse Refuse(int status, const Error&) override { return Say(status, {}); }

 private:
  static HttpResponse Say(int status, std::string_view text) {
    HttpResponse response;
    response.status = status;
    response.body.assign(text.begin(), text.end());
    return response;
  }
};

// Small, so that the limits are met, too.
constexpr HttpLimits kLimits = {.head_bytes = 512, .target_bytes = 64, .body_bytes = 128};

struct Server {
  EchoHandler handler;
  const std::unique_ptr<HttpServer> server =
      HttpServer::Start(
          {.listeners = {{}}, .certificate = {}, .io_threads = 1, .limits = kLimits},
          handler)
          .value();
};

// What is right, of bytes that are all at hand.
std::vector<Answer> Expected(std::string_view rest) {
  std::vector<Answer> answers;
  const auto refuse = [&](int status) {
    answers.push_back({status, {}});
    return answers;
  };
  while (!rest.empty()) {
    if (!RequestHead::MayBegin(rest.front())) return refuse(400);
    const std::size_t end = rest.find("\r\n\r\n");
    const std::size_t size = end == rest.npos ? rest.size() : end + 4;
    if (size > kLimits.head_bytes || (end == rest.npos && size == kLimits.head_bytes))
      return refuse(rest.find("\r\n") > kLimits.target_bytes ? 414 : 431);
    RequestHead head;
    if (end == rest.npos) return answers;
    if (const auto refusal = head.Parse(rest.substr(0, size), kLimits))
      return refuse(refusal->status);
    if (rest.size() - size < head.body_bytes()) return answers;
    const std::string_view body = rest.substr(size, head.body_bytes());
    if (head.target() == "/lost") {
      answers.push_back({500, {}});
      return answers;
    }
    answers.push_back({200, Echo(head.method(), head.target(), body)});
    if (head.method() == "HEAD") answers.back().body.clear();
    if (!head.keep_alive()) return answers;
    rest.remove_prefix(size + body.size());
  }
  return answers;
}

// A connection from an address of its own: one alone has too few ports.
int Connect(std::uint16_t port) {
  static std::uint32_t number = 0;
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{5, 0};
  const int on = 1;
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + ++number % 0xffff);
  (void)::bind(connection, reinterpret_cast<sockaddr*>(&address), sizeof address);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  Require(
      ::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
      "a new connection is taken");
  return connection;
}

// Sends `bytes` in steps and returns all that comes, up to the end.
std::string Exchange(int connection, std::string_view bytes, std::size_t step) {
  while (!bytes.empty()) {
    const auto sent =
        ::send(connection, bytes.data(), std::min(step, bytes.size()), MSG_NOSIGNAL);
    if (sent <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(connection, SHUT_WR);
  std::string received;
  char buffer[4096];
  for (;;) {
    const auto got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got < 0) std::perror("recv");
    Require(got >= 0, "the connection ends");
    if (got == 0) return received;
    received.append(buffer, static_cast<std::size_t>(got));
  }
}

std::vector<Answer> ReadAnswers(std::string_view text, std::string_view requests) {
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

}  // namespace

// The size of the segments, and the bytes of the connection.
void connection(ByteView bytes) {
  static const Server server;
  Input input(bytes);
  const std::size_t step = input.Byte();
  const std::string_view sent = AsText(input.Rest());
  const int socket = Connect(server.server->port());
  const std::string received = Exchange(socket, sent, step == 0 ? sent.size() : step);
  ::close(socket);
  Require(ReadAnswers(received, sent) == Expected(sent), "each request has its answer");
}

}  // namespace kms::fuzz::targets
