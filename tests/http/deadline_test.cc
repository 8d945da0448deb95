// Slow peers. The deadlines are short here; what is checked is that each ends.

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "http/self_signed.h"
#include "http/test_server.h"
#include "http/wire_client.h"

namespace kms::testing {
namespace {

server::HttpServerConfig Short() {
  server::HttpServerConfig config;
  config.deadlines = {.handshake_millis = 100,
                      .head_millis = 100,
                      .body_millis = 100,
                      .idle_millis = 100,
                      .write_millis = 100,
                      .linger_millis = 100,
                      .stop_millis = 10000};
  config.limits.min_bytes_per_second = 1 << 20;
  return config;
}

TEST(HttpDeadlineTest, ClosesAConnectionThatSendsNothing) {
  TestServer server(Short());
  WireClient client(server.port());
  EXPECT_TRUE(client.IsClosed());
}

TEST(HttpDeadlineTest, ClosesAConnectionThatIsIdleAfterAnAnswer) {
  TestServer server(Short());
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /a HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_TRUE(client.IsClosed());
}

TEST(HttpDeadlineTest, RefusesAHeadThatTrickles) {
  TestServer server(Short());
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /a HTTP/1.1\r\nA: "));
  // Each byte comes in time for an idle timer; the deadline does not care.
  for (int i = 0; i < 300 && client.Send("a"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const WireAnswer answer = client.Receive();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(answer.Has("Connection: close\r\n"));
}

TEST(HttpDeadlineTest, RefusesABodyThatDoesNotCome) {
  TestServer server(Short());
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc"));
  EXPECT_EQ(client.Receive().status, 408);
  EXPECT_TRUE(client.IsClosed());
  EXPECT_EQ(server.handler().handled(), 0);
}

TEST(HttpDeadlineTest, RefusesASlowBodyOverTls) {
  server::HttpServerConfig config = Short();
  config.deadlines.handshake_millis = 8000;
  const std::string directory = ::testing::TempDir() + "kms_http_slow";
  std::filesystem::create_directories(directory);
  config.listeners.resize(1);
  config.listeners[0].tls = true;
  auto files = server::EnsureCertificate(directory, "", 1700000000000);
  ASSERT_OK(files);
  config.certificate = *files;
  TestServer server(config);
  WireClient client(server.port());
  ASSERT_TRUE(client.StartTls(TLS1_3_VERSION));
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc"));
  EXPECT_EQ(client.Receive().status, 408);
  EXPECT_TRUE(client.IsClosed());
}

TEST(HttpDeadlineTest, ClosesAConnectionThatDoesNotReadItsAnswer) {
  server::HttpServerConfig config = Short();
  config.limits.min_bytes_per_second = 1 << 30;
  TestServer server(config);
  WireClient client(server.port(), 4096);
  ASSERT_TRUE(client.Send("GET /long20000000 HTTP/1.1\r\n\r\n"));
  server.handler().WaitForHandled(1);
  server.WaitForConnections(0);
  EXPECT_EQ(client.Receive().status, 0);  // cut short
}

TEST(HttpDeadlineTest, GivesTheHandlerAllTheTimeItTakes) {
  TestServer server(Short());
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /held HTTP/1.1\r\n\r\n"));
  server.handler().WaitForHeld(1);
  WireClient idle(server.port());
  EXPECT_TRUE(idle.IsClosed());  // all deadlines have passed by now
  server.handler().Release();
  EXPECT_EQ(client.Receive().body, "/held");
}

TEST(HttpDeadlineTest, ClosesWhenThePeerDoesNotAfterTheLastAnswer) {
  TestServer server(Short());
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /a HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 200);
  server.WaitForConnections(0);
}

}  // namespace
}  // namespace kms::testing
