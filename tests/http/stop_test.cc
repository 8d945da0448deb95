// Starting and stopping, and descriptors running out.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/test_server.h"
#include "http/wire_client.h"

namespace kms::testing {
namespace {

TEST(HttpServerTest, StartFailsWhenThePortIsTaken) {
  TestServer first;
  server::HttpServerConfig config;
  config.listeners.resize(1);
  config.listeners[0].port = first.port();
  EXPECT_THAT(server::HttpServer::Start(config, first.handler()),
              FailsAs(ErrorClass::kUnavailable));
}

TEST(HttpServerTest, StartFailsWithoutACertificate) {
  SteeredHandler handler;
  server::HttpServerConfig config;
  config.listeners.resize(1);
  config.listeners[0].tls = true;
  EXPECT_THAT(server::HttpServer::Start(config, handler),
              FailsAs(ErrorClass::kInvalidArgument));
}

TEST(HttpServerTest, StopFinishesRequestsInFlight) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /held HTTP/1.1\r\n\r\nGET /more HTTP/1.1\r\n\r\n"));
  server.handler().WaitForHeld(1);
  WireClient idle(server.port());
  std::thread stopping([&] { server.server().Stop(); });
  EXPECT_TRUE(idle.IsClosed());  // so Stop has begun
  server.handler().Release();
  const WireAnswer answer = client.Receive();
  EXPECT_EQ(answer.body, "/held");
  EXPECT_TRUE(answer.Has("Connection: close\r\n"));
  EXPECT_TRUE(client.IsClosed());
  stopping.join();
  EXPECT_EQ(server.handler().handled(), 1);
}

TEST(HttpServerTest, StopDoesNotWaitForIdleConnections) {
  TestServer server;
  std::vector<std::unique_ptr<WireClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<WireClient>(server.port()));
    if (i % 2 == 0) {
      ASSERT_TRUE(clients.back()->Send("GET /a HTTP/1.1\r\n\r\n"));
      EXPECT_EQ(clients.back()->Receive().status, 200);
    }
  }
  const auto start = std::chrono::steady_clock::now();
  server.server().Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  for (const auto& client : clients) EXPECT_TRUE(client->IsClosed());
}

TEST(HttpServerTest, StopCutsOffWhatIsLeftAfterItsDeadline) {
  server::HttpServerConfig config;
  config.deadlines.stop_millis = 50;
  TestServer server(config);
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /held HTTP/1.1\r\n\r\n"));
  server.handler().WaitForHeld(1);
  server.server().Stop();
  EXPECT_TRUE(client.IsClosed());
  server.handler().Release();  // reads the request, and answers nobody
}

TEST(HttpServerTest, RequestsMayOutliveTheServer) {
  auto handler = std::make_unique<SteeredHandler>();
  server::HttpServerConfig config;
  config.listeners.resize(1);
  config.deadlines.stop_millis = 1;
  auto started = server::HttpServer::Start(config, *handler);
  ASSERT_OK(started);
  WireClient client((*started)->port());
  ASSERT_TRUE(client.Send("GET /held HTTP/1.1\r\n\r\n"));
  handler->WaitForHeld(1);
  std::move(started).value().reset();
  handler->Release();
  EXPECT_TRUE(client.IsClosed());
}

TEST(HttpServerTest, StopIsSafeUnderLoad) {
  TestServer server;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([port = server.port(), i] {
      const std::string request =
          i % 2 == 0 ? "GET /now HTTP/1.1\r\n\r\n" : "GET /later HTTP/1.1\r\n\r\n";
      for (;;) {
        WireClient client(port);
        if (!client.Send(request) || client.Receive().status != 200) return;
        while (client.Send(request) && client.Receive().status == 200) {
        }
      }
    });
  }
  server.handler().WaitForHandled(500);
  server.server().Stop();
  for (std::thread& client : clients) client.join();
}

// In a child, because the limit is that of the process.
int RunOutOfDescriptors() {
  TestServer server;
  WireClient before(server.port());
  if (!before.Send("GET /a HTTP/1.1\r\n\r\n") || before.Receive().status != 200) return 1;
  std::vector<int> fillers;
  const rlimit few{64, 64};
  setrlimit(RLIMIT_NOFILE, &few);
  for (int file; (file = open("/dev/null", O_RDONLY)) >= 0;) fillers.push_back(file);
  if (fillers.empty()) return 2;
  close(fillers.back());
  fillers.pop_back();

  WireClient late(server.port());  // takes the last one: accept has none
  if (!late.Send("GET /late HTTP/1.1\r\n\r\n")) return 3;
  const std::clock_t start = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double cpu_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  if (cpu_seconds > 0.15) return 4;  // a busy loop
  if (!before.Send("GET /a HTTP/1.1\r\n\r\n") || before.Receive().status != 200) return 5;
  for (const int file : fillers) close(file);
  return late.Receive().status == 200 ? 0 : 6;
}

TEST(HttpServerTest, AcceptsAgainWhenThereAreDescriptorsAgain) {
  const pid_t child = fork();
  if (child == 0) _exit(RunOutOfDescriptors());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace kms::testing
