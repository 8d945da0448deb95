// overhead: what permissions and the audit trail cost a signed encrypt of 32 bytes, as
// the server's processor time over loopback, each beside the root user without a trail.
//
//   overhead [SECONDS] [ROUNDS] [CONNECTIONS]
//
// Four servers of this process are asked in turn by a second process, which signs its
// requests before the clock starts. Prints one line for each server: the median of the
// rounds, and the median of its ratios to the first server in the same round.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "http/server.h"
#include "kms/encoding.h"
#include "wire.h"
#include "world.h"

namespace kms::bench {
namespace {

// One end of two pipes, over which the two processes exchange lines.
class Peer {
 public:
  Peer(int in, int out) : in_(::fdopen(in, "r")), out_(::fdopen(out, "w")) {}
  ~Peer() {
    std::fclose(in_);
    std::fclose(out_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void Say(const std::string& line) {
    std::fprintf(out_, "%s\n", line.c_str());
    std::fflush(out_);
  }
  // Empty at the end.
  std::string Hear() {
    char line[1024];
    if (std::fgets(line, sizeof line, in_) == nullptr) return {};
    return std::string(line, std::strlen(line) - 1);
  }

 private:
  std::FILE* in_;
  std::FILE* out_;
};

// Asks the servers that it is told of, until it is told of no more.
void Ask(Peer& peer, double seconds, std::size_t connections) {
  const auto signer = NewEopSigner();
  for (std::size_t round = 0;; ++round) {
    std::istringstream told(peer.Hear());
    Target target;
    std::string secret;
    std::string key;
    if (!(told >> target.port >> target.access_key >> secret >> key)) return;
    target.secret = SecretBytes::CopyOf(AsBytes(secret));
    target.region = "here";
    const std::string body = EncryptBody(key);
    // More than will be sent: each may be sent once only.
    const auto share = static_cast<std::size_t>(60'000 * seconds) / connections;
    std::vector<std::vector<std::string>> requests(connections);
    for (std::size_t c = 0; c < connections; ++c)
      for (std::size_t i = 0; i < share; ++i)
        requests[c].push_back(SignedPost(
            target, *signer, "/v1/keyCompute/encrypt", body,
            std::to_string(round) + "-" + std::to_string(c) + "-" + std::to_string(i)));
    peer.Say("ready");
    peer.Hear();
    std::atomic<std::size_t> done = 0;
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    std::vector<std::thread> threads;
    for (const auto& mine : requests) {
      threads.emplace_back([&] {
        Connection connection(target);
        for (const std::string& request : mine) {
          if (connection.Exchange(request).first != 200) Die("refused");
          ++done;
          if (std::chrono::steady_clock::now() >= until) break;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    peer.Say(std::to_string(done));
  }
}

double ProcessorMicros() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto micros = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return micros(used.ru_utime) + micros(used.ru_stime);
}

struct Server {
  Server(const char* what, const WorldOptions& options)
      : name(what), world(std::make_unique<World>(options)) {
    server::HttpServerConfig config;
    config.listeners.emplace_back();
    http = server::HttpServer::Start(config, *world->dispatcher).value();
  }

  const char* name;
  std::unique_ptr<World> world;
  std::unique_ptr<server::HttpServer> http;
  std::vector<double> micros;  // per request, of each round
};

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void Measure(Peer& peer, std::size_t rounds) {
  std::vector<Server> servers;
  servers.emplace_back("root user", WorldOptions{.on_disk = true});
  servers.emplace_back("a user with policies",
                       WorldOptions{.on_disk = true, .as_user = true});
  servers.emplace_back("root user, audited",
                       WorldOptions{.on_disk = true, .audit = true});
  servers.emplace_back("a user with policies, audited",
                       WorldOptions{.on_disk = true, .audit = true, .as_user = true});
  for (std::size_t round = 0; round <= rounds; ++round) {
    for (Server& server : servers) {
      const World& world = *server.world;
      peer.Say(std::to_string(server.http->port()) + " " + world.me.principal.access_key +
               " " + std::string(AsText(world.secret.Reveal())) + " " + world.key);
      if (peer.Hear() != "ready") Die("the client has ended");
      const double before = ProcessorMicros();
      peer.Say("go");
      const double count = std::atof(peer.Hear().c_str());
      if (count == 0) Die("the client has ended");
      // The first round warms up.
      if (round > 0) server.micros.push_back((ProcessorMicros() - before) / count);
    }
  }
  for (const Server& server : servers) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < rounds; ++i)
      ratios.push_back(server.micros[i] / servers.front().micros[i]);
    std::printf("%-32s %6.2f us of server CPU per request, %.3f of the first\n",
                server.name, Median(server.micros), Median(ratios));
  }
}

int Run(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const std::size_t rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 7;
  const std::size_t connections = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 4;
  if (seconds <= 0 || rounds == 0 || connections == 0)
    Die("usage: overhead [SECONDS] [ROUNDS] [CONNECTIONS]");
  int there[2];
  int back[2];
  if (::pipe(there) != 0 || ::pipe(back) != 0) Die("no pipe");
  const pid_t client = ::fork();
  if (client < 0) Die("no second process");
  if (client == 0) {
    ::close(there[1]);
    ::close(back[0]);
    Peer peer(there[0], back[1]);
    Ask(peer, seconds, connections);
    return 0;
  }
  ::close(there[0]);
  ::close(back[1]);
  {
    Peer peer(back[0], there[1]);
    Measure(peer, rounds);
  }
  int status = 0;
  ::waitpid(client, &status, 0);
  return status == 0 ? 0 : 1;
}

}  // namespace
}  // namespace kms::bench

int main(int argc, char** argv) { return kms::bench::Run(argc, argv); }
