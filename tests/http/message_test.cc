// Requests that are as they should be, in one piece or in many.

#include <gtest/gtest.h>

#include <string>

#include "http/test_server.h"
#include "http/wire_client.h"

namespace kms::testing {
namespace {

std::string Post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

TEST(HttpServerTest, KeepsTheConnectionForTheNextRequest) {
  TestServer server;
  WireClient client(server.port());
  for (const char* body : {"one", "two", "three"}) {
    ASSERT_TRUE(client.Send(Post("/echo", body)));
    const WireAnswer answer = client.Receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, body);
    EXPECT_FALSE(answer.Has("Connection: close"));
    EXPECT_TRUE(answer.Has("\r\nCache-Control: no-store\r\n"));
    EXPECT_TRUE(answer.Has("\r\nContent-Type: text/plain\r\n"));
  }
}

TEST(HttpServerTest, AnswersPipelinedRequestsInOrderWhenAnswersComeLater) {
  TestServer server;
  WireClient client(server.port());
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += "GET " + std::string(i % 3 == 0 ? "/now" : "/later") + std::to_string(i) +
           " HTTP/1.1\r\n\r\n" + Post("/echo", "body" + std::to_string(i));
  }
  ASSERT_TRUE(client.Send(all));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client.Receive().body,
              std::string(i % 3 == 0 ? "/now" : "/later") + std::to_string(i));
    EXPECT_EQ(client.Receive().body, "body" + std::to_string(i));
  }
}

TEST(HttpServerTest, WorksOnOneRequestPerConnectionAtATime) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /held HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n"));
  server.handler().WaitForHeld(1);
  EXPECT_EQ(server.handler().handled(), 1);
  server.handler().Release();
  EXPECT_EQ(client.Receive().body, "/held");
  EXPECT_EQ(client.Receive().body, "/next");
}

TEST(HttpServerTest, UnderstandsARequestThatComesByteByByte) {
  TestServer server;
  WireClient client(server.port());
  for (const char c : Post("/echo", "slowly")) {
    ASSERT_TRUE(client.Send(std::string_view(&c, 1)));
  }
  EXPECT_EQ(client.Receive().body, "slowly");
}

TEST(HttpServerTest, PassesHeadersInOrderAndAsSent) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(
      client.Send("GET /head HTTP/1.1\r\nb-B: 1\r\nA:\t2 \r\nb-B: \xe5\xaf\x86\r\n\r\n"));
  EXPECT_EQ(client.Receive().body, "GET\nb-B=1\nA=2\nb-B=\xe5\xaf\x86\n");
}

TEST(HttpServerTest, PassesTheTargetAsItWasSent) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET //a/../b%00?q=%2F HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(client.Receive().body, "//a/../b%00?q=%2F");
}

TEST(HttpServerTest, ClosesAfterAnHttp10Request) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /a HTTP/1.0\r\n\r\n"));
  const WireAnswer answer = client.Receive();
  EXPECT_EQ(answer.body, "/a");
  EXPECT_TRUE(answer.Has("Connection: close\r\n"));
  EXPECT_TRUE(client.IsClosed());
}

TEST(HttpServerTest, KeepsAnHttp10ConnectionWhenAsked) {
  TestServer server;
  WireClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.Send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_TRUE(client.Receive().Has("Connection: keep-alive\r\n"));
  }
}

TEST(HttpServerTest, ReadsNothingAfterConnectionClose) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(
      client.Send("GET /a HTTP/1.1\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(client.Receive().Has("Connection: close\r\n"));
  EXPECT_TRUE(client.IsClosed());
  EXPECT_EQ(server.handler().handled(), 1);
}

TEST(HttpServerTest, TakesAPostWithoutLengthAsEmpty) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\n\r\n"));
  const WireAnswer answer = client.Receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
}

TEST(HttpServerTest, TakesABodyOfExactlyTheLimit) {
  TestServer server;
  WireClient client(server.port());
  const std::string body(256 * 1024, 'b');
  ASSERT_TRUE(client.Send(Post("/echo", body)));
  EXPECT_EQ(client.Receive().body, body);
  ASSERT_TRUE(client.Send("GET /next HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(client.Receive().body, "/next");
}

TEST(HttpServerTest, SaysContinueBeforeItReadsTheBody) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send(
      "POST /echo HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 100);
  ASSERT_TRUE(client.Send("body"));
  EXPECT_EQ(client.Receive().body, "body");
}

TEST(HttpServerTest, SendsNoBodyForHead) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("HEAD /long20000 HTTP/1.1\r\n\r\n"));
  ASSERT_TRUE(client.Send("GET /next HTTP/1.1\r\nConnection: close\r\n\r\n"));
  client.CloseWriting();
  // Receive takes the second answer for the body of the first, which shows that there
  // was none.
  const WireAnswer answer = client.Receive();
  EXPECT_TRUE(answer.Has("Content-Length: 20000\r\n"));
  EXPECT_EQ(answer.status, 0);
  EXPECT_FALSE(client.IsClosed());
}

TEST(HttpServerTest, AnswersARequestWhoseClientHalfCloses) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /later HTTP/1.1\r\n\r\n"));
  client.CloseWriting();
  EXPECT_EQ(client.Receive().body, "/later");
  EXPECT_TRUE(client.IsClosed());
}

TEST(HttpServerTest, LeavesOutAHeaderThatWouldBreakItsLine) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /header HTTP/1.1\r\n\r\n"));
  const WireAnswer answer = client.Receive();
  EXPECT_TRUE(answer.Has("\r\nX-Good: 1\r\n"));
  EXPECT_FALSE(answer.Has("X-Injected"));
}

TEST(HttpServerTest, AnswersInternalErrorWhenTheHandlerDropsTheRequest) {
  TestServer server;
  for (const char* target : {"/lost", "/throws"}) {
    WireClient client(server.port());
    ASSERT_TRUE(client.Send("GET " + std::string(target) + " HTTP/1.1\r\n\r\n"));
    const WireAnswer answer = client.Receive();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body, "KMS.0999");
    EXPECT_TRUE(client.IsClosed());
  }
}

TEST(HttpServerTest, SurvivesAPeerThatVanishesBeforeTheAnswer) {
  TestServer server;
  {
    WireClient client(server.port());
    ASSERT_TRUE(client.Send(Post("/held", std::string(100000, 'b'))));
    server.handler().WaitForHeld(1);
    client.Vanish();
  }
  server.handler().Release();
  server.WaitForConnections(0);
  WireClient next(server.port());
  ASSERT_TRUE(next.Send("GET /next HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(next.Receive().body, "/next");
}

TEST(HttpServerTest, ClosesConnectionsBeyondTheMostAllowed) {
  server::HttpServerConfig config;
  config.limits.connections = 2;
  TestServer server(config);
  auto first = std::make_unique<WireClient>(server.port());
  WireClient second(server.port());
  for (WireClient* client : {first.get(), &second}) {
    ASSERT_TRUE(client->Send("GET /a HTTP/1.1\r\n\r\n"));
    EXPECT_EQ(client->Receive().status, 200);
  }
  EXPECT_TRUE(WireClient(server.port()).IsClosed());
  first.reset();
  server.WaitForConnections(1);
  WireClient third(server.port());
  ASSERT_TRUE(third.Send("GET /a HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(third.Receive().status, 200);
}

}  // namespace
}  // namespace kms::testing
