// loopback: requests per second of a running kmsd over kept-alive connections on
// loopback, signed encrypt of 32 bytes beside /healthz.
//
//   loopback CREDENTIALS PID [SECONDS] [CONNECTIONS]
//
// CREDENTIALS is kmsd's root-credentials.json, with a plain HTTP endpoint; PID is the
// server's, for its processor time. Requests are signed before the clock starts. Prints
// one line of JSON for each operation.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "kms/clock.h"
#include "kms/encoding.h"
#include "kms/signer.h"

namespace {

using Seconds = std::chrono::duration<double>;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "loopback: %s\n", why.c_str());
  std::exit(1);
}

struct Target {
  std::string access_key;
  kms::SecretBytes secret;
  std::string region;
  std::string host;
  std::uint16_t port = 0;
  int pid = 0;
};

class Connection {
 public:
  explicit Connection(const Target& target) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(target.port);
    if (::inet_pton(AF_INET, target.host.c_str(), &address.sin_addr) != 1 ||
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address))
      Die("no connection");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends a request, and returns the status and the body.
  std::pair<int, std::string> Exchange(const std::string& request) {
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

 private:
  const int socket_;
};

std::string SignedPost(const Target& target, const kms::Signer& signer,
                       std::string_view path, const std::string& body,
                       const std::string& id) {
  const kms::RequestView view{"POST", path, {}, {}, kms::AsBytes(body)};
  std::string request = "POST " + std::string(path) + " HTTP/1.1\r\nHost: loopback\r\n";
  for (const auto& header : signer.Sign(view, target.access_key, target.secret,
                                        kms::NewSystemClock()->Now(), id, {}))
    request += header.name + ": " + header.value + "\r\n";
  return request + "regionId: " + target.region +
         "\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

double CpuSeconds(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t after = text.rfind(')');
  if (after == std::string::npos) Die("no such process");
  long user = 0;
  long system = 0;
  std::sscanf(text.c_str() + after + 2,
              "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Runs `requests`, each connection its own share, for at most `limit` seconds.
void Measure(const char* name, const Target& target, double limit,
             const std::vector<std::vector<std::string>>& requests, bool repeat) {
  std::atomic<std::size_t> done = 0;
  const double cpu = CpuSeconds(target.pid);
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (const auto& share : requests) {
    threads.emplace_back([&] {
      Connection connection(target);
      for (std::size_t i = 0;; ++i) {
        if (i == share.size()) {
          if (!repeat) break;
          i = 0;
        }
        if (connection.Exchange(share[i]).first != 200) Die("refused");
        ++done;
        if (i % 64 == 0 &&
            Seconds(std::chrono::steady_clock::now() - began).count() >= limit)
          break;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double took = Seconds(std::chrono::steady_clock::now() - began).count();
  const auto count = static_cast<double>(done);
  std::printf(
      "{\"op\":\"%s\",\"connections\":%zu,\"requests_per_second\":%.0f,"
      "\"server_cpu_us_per_request\":%.1f}\n",
      name, requests.size(), count / took, (CpuSeconds(target.pid) - cpu) * 1e6 / count);
}

Target ReadTarget(const char* path, const char* pid) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto json = boost::json::parse(text);
  const auto member = [&](const char* name) {
    return std::string(json.at(name).as_string());
  };
  Target target;
  target.access_key = member("accessKey");
  target.secret = kms::SecretBytes::CopyOf(kms::AsBytes(member("secretKey")));
  target.region = member("regionId");
  const std::string endpoint = member("endpoint");
  constexpr std::string_view kScheme = "http://";
  if (!endpoint.starts_with(kScheme)) Die("the endpoint is not plain HTTP");
  const std::size_t colon = endpoint.rfind(':');
  target.host = endpoint.substr(kScheme.size(), colon - kScheme.size());
  target.port = static_cast<std::uint16_t>(std::atoi(endpoint.c_str() + colon + 1));
  target.pid = std::atoi(pid);
  return target;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) Die("usage: loopback CREDENTIALS PID [SECONDS] [CONNECTIONS]");
  const Target target = ReadTarget(argv[1], argv[2]);
  const double seconds = argc > 3 ? std::atof(argv[3]) : 3;
  const std::size_t connections = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 8;
  const auto signer = kms::NewEopSigner();
  const std::string run = std::to_string(kms::NewSystemClock()->Now());

  const std::string create =
      R"({"protectionLevel":"1","keySpec":"AES_256","keyUsage":"1",)"
      R"("enableAutomaticRotation":"false","origin":"KMS","regionId":")" +
      target.region + R"("})";
  const auto made = Connection(target).Exchange(
      SignedPost(target, *signer, "/v1/cmkManage/createKey", create, run + "-create"));
  const std::size_t at = made.second.find("\"cmkUuid\":\"");
  if (made.first != 200 || at == std::string::npos) Die("no key: " + made.second);
  const std::string body = R"({"cmkUuid":")" + made.second.substr(at + 11, 36) +
                           R"(","plaintext":")" + kms::ToBase64(kms::Bytes(32, 7)) +
                           R"("})";

  std::vector<std::vector<std::string>> health(
      connections, {"GET /healthz HTTP/1.1\r\nHost: loopback\r\n\r\n"});
  // More than will be sent: each may be sent once only.
  const auto share = static_cast<std::size_t>(60'000 * seconds) / connections;
  std::vector<std::vector<std::string>> encrypt(connections);
  for (std::size_t c = 0; c < connections; ++c)
    for (std::size_t i = 0; i < share; ++i)
      encrypt[c].push_back(
          SignedPost(target, *signer, "/v1/keyCompute/encrypt", body,
                     run + "-" + std::to_string(c) + "-" + std::to_string(i)));
  Measure("healthz", target, seconds, health, true);
  Measure("encrypt 32 B", target, seconds, encrypt, false);
  return 0;
}
