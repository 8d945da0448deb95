// The answers on a connection are those of its bytes read request by request, however
// they are cut into segments, and then the connection ends.

#include <memory>
#include <string>
#include <vector>

#include "http/request_head.h"
#include "http/server.h"
#include "target.h"
#include "wire.h"

namespace kms::fuzz::targets {
namespace {

using namespace kms::server;

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

// Who sends slowly here does so for want of a processor.
constexpr HttpDeadlines kDeadlines = {.linger_millis = 8000};

struct Server {
  EchoHandler handler;
  const std::unique_ptr<HttpServer> server = HttpServer::Start({.listeners = {{}},
                                                                .certificate = {},
                                                                .io_threads = 1,
                                                                .limits = kLimits,
                                                                .deadlines = kDeadlines},
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
