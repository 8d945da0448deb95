// loopback: requests per second of a running kmsd over kept-alive connections on
// loopback, signed encrypt of 32 bytes beside /healthz.
//
//   loopback CREDENTIALS PID [SECONDS] [CONNECTIONS]
//
// CREDENTIALS is kmsd's root-credentials.json, with a plain HTTP endpoint; PID is the
// server's, for its processor time. Requests are signed before the clock starts. Prints
// one line of JSON for each operation.

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
#include "wire.h"

namespace kms::bench {
namespace {

using Seconds = std::chrono::duration<double>;

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
void Measure(const char* name, const Target& target, int pid, double limit,
             const std::vector<std::vector<std::string>>& requests, bool repeat) {
  std::atomic<std::size_t> done = 0;
  const double cpu = CpuSeconds(pid);
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
      name, requests.size(), count / took, (CpuSeconds(pid) - cpu) * 1e6 / count);
}

Target ReadTarget(const char* path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto json = boost::json::parse(text);
  const auto member = [&](const char* name) {
    return std::string(json.at(name).as_string());
  };
  Target target;
  target.access_key = member("accessKey");
  target.secret = SecretBytes::CopyOf(AsBytes(member("secretKey")));
  target.region = member("regionId");
  const std::string endpoint = member("endpoint");
  constexpr std::string_view kScheme = "http://";
  if (!endpoint.starts_with(kScheme)) Die("the endpoint is not plain HTTP");
  const std::size_t colon = endpoint.rfind(':');
  target.host = endpoint.substr(kScheme.size(), colon - kScheme.size());
  target.port = static_cast<std::uint16_t>(std::atoi(endpoint.c_str() + colon + 1));
  return target;
}

int Run(int argc, char** argv) {
  if (argc < 3) Die("usage: loopback CREDENTIALS PID [SECONDS] [CONNECTIONS]");
  const Target target = ReadTarget(argv[1]);
  const int pid = std::atoi(argv[2]);
  const double seconds = argc > 3 ? std::atof(argv[3]) : 3;
  const std::size_t connections = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 8;
  const auto signer = NewEopSigner();
  const std::string run = std::to_string(NewSystemClock()->Now());

  const std::string create =
      R"({"protectionLevel":"1","keySpec":"AES_256","keyUsage":"1",)"
      R"("enableAutomaticRotation":"false","origin":"KMS","regionId":")" +
      target.region + R"("})";
  const auto made = Connection(target).Exchange(
      SignedPost(target, *signer, "/v1/cmkManage/createKey", create, run + "-create"));
  const std::size_t at = made.second.find("\"cmkUuid\":\"");
  if (made.first != 200 || at == std::string::npos) Die("no key: " + made.second);
  const std::string body = EncryptBody(made.second.substr(at + 11, 36));

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
  Measure("healthz", target, pid, seconds, health, true);
  Measure("encrypt 32 B", target, pid, seconds, encrypt, false);
  return 0;
}

}  // namespace
}  // namespace kms::bench

int main(int argc, char** argv) { return kms::bench::Run(argc, argv); }
