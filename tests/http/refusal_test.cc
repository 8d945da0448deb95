// What is not a request: each is refused, and not a byte behind it is taken for one.

#include <gtest/gtest.h>

#include <string>

#include "http/test_server.h"
#include "http/wire_client.h"

namespace kms::testing {
namespace {

constexpr std::string_view kNext = "GET /smuggled HTTP/1.1\r\n\r\n";

struct Bad {
  const char* name;
  std::string bytes;
  int status;
  const char* code;
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class RefusalTest : public ::testing::TestWithParam<Bad> {};

TEST_P(RefusalTest, IsRefusedAndTheConnectionIsClosed) {
  TestServer server;
  WireClient client(server.port());
  client.Send(GetParam().bytes);
  client.Send(kNext);
  const WireAnswer answer = client.Receive();
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_EQ(answer.body, GetParam().code);
  EXPECT_TRUE(answer.Has("Connection: close\r\n"));
  EXPECT_TRUE(client.IsClosed());
  EXPECT_EQ(server.handler().handled(), 0);
}

std::string WithHeaders(const std::string& headers, const std::string& body = {}) {
  return "POST /echo HTTP/1.1\r\n" + headers + "\r\n" + body;
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusalTest,
    ::testing::Values(
        Bad{"Chunked", WithHeaders("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), 411,
            "KMS.0927"},
        Bad{"Gzip", WithHeaders("Transfer-Encoding: gzip\r\n"), 411, "KMS.0927"},
        Bad{"ChunkedIn10",
            "POST /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 411,
            "KMS.0927"},
        Bad{"LengthThenChunked",
            WithHeaders("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                        "0\r\n\r\n"),
            411, "KMS.0927"},
        Bad{"ChunkedThenLength",
            WithHeaders("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                        "0\r\n\r\n"),
            411, "KMS.0927"},
        Bad{"TwoLengths", WithHeaders("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"),
            400, "KMS.0921"},
        Bad{"TwoEqualLengths",
            WithHeaders("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), 400,
            "KMS.0921"},
        Bad{"LengthList", WithHeaders("Content-Length: 1, 1\r\n", "a"), 400, "KMS.0921"},
        Bad{"NegativeLength", WithHeaders("Content-Length: -1\r\n"), 400, "KMS.0921"},
        Bad{"PlusLength", WithHeaders("Content-Length: +1\r\n", "a"), 400, "KMS.0921"},
        Bad{"EmptyLength", WithHeaders("Content-Length:\r\n"), 400, "KMS.0921"},
        Bad{"HugeLength", WithHeaders("Content-Length: 18446744073709551616\r\n"), 400,
            "KMS.0921"},
        Bad{"FoldedLine", WithHeaders("A: 1\r\n 2\r\n"), 400, "KMS.0921"},
        Bad{"FoldedEmptyLine", WithHeaders("A:\r\n\t\r\n"), 400, "KMS.0921"},
        Bad{"NulInValue", WithHeaders(std::string("A: 1\0002\r\n", 9)), 400, "KMS.0921"},
        Bad{"BellInValue", WithHeaders("A: \a\r\n"), 400, "KMS.0921"},
        Bad{"DelInValue", WithHeaders("A: \x7f\r\n"), 400, "KMS.0921"},
        Bad{"BareCrInValue", WithHeaders("A: 1\rB: 2\r\n"), 400, "KMS.0921"},
        Bad{"BareLf", WithHeaders("A: 1\nB: 2\r\n"), 400, "KMS.0921"},
        Bad{"SpaceBeforeColon", WithHeaders("A : 1\r\n"), 400, "KMS.0921"},
        Bad{"NoColon", WithHeaders("A\r\n"), 400, "KMS.0921"},
        Bad{"AbsoluteTarget", "GET http://a/b HTTP/1.1\r\n\r\n", 400, "KMS.0921"},
        Bad{"StarTarget", "OPTIONS * HTTP/1.1\r\n\r\n", 400, "KMS.0921"},
        Bad{"Http09", "GET /\r\n\r\n", 400, "KMS.0921"},
        Bad{"Http12", "GET / HTTP/1.2\r\n\r\n", 400, "KMS.0921"},
        Bad{"Http37", "GET / HTTP/3.7\r\n\r\n", 400, "KMS.0921"},
        Bad{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "KMS.0921"},
        Bad{"Garbage", "\x16\x03\x01\x02", 400, "KMS.0921"},
        Bad{"EmptyLineFirst", "\r\nGET / HTTP/1.1\r\n\r\n", 400, "KMS.0921"},
        Bad{"OtherExpectation", WithHeaders("Expect: more\r\n"), 417, "KMS.0921"},
        Bad{"LongTarget", "GET /" + std::string(8192, 'a') + " HTTP/1.1\r\n\r\n", 414,
            "KMS.0129"},
        Bad{"VeryLongTarget", "GET /" + std::string(65536, 'a') + " HTTP/1.1\r\n\r\n",
            414, "KMS.0129"},
        Bad{"LongHead", WithHeaders("A: " + std::string(16384, 'a') + "\r\n"), 431,
            "KMS.0129"},
        Bad{"EndlessHead", "GET / HTTP/1.1\r\nA: " + std::string(1 << 20, 'a'), 431,
            "KMS.0129"},
        Bad{"LongBody", WithHeaders("Content-Length: 262145\r\n"), 413, "KMS.0129"},
        Bad{"LongExpectedBody",
            WithHeaders("Content-Length: 262145\r\nExpect: 100-continue\r\n"), 413,
            "KMS.0129"},
        Bad{"LongBodyThatIsSent",
            WithHeaders("Content-Length: 4000000\r\n", std::string(4000000, 'b')), 413,
            "KMS.0129"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(HttpServerTest, TakesAHeadOfExactlyTheLimit) {
  TestServer server;
  WireClient client(server.port());
  const std::string start = "GET /a HTTP/1.1\r\nA: ";
  const std::string end = "\r\n\r\n";
  for (const std::size_t size : {16384, 16385}) {
    ASSERT_TRUE(
        client.Send(start + std::string(size - start.size() - end.size(), 'a') + end));
    EXPECT_EQ(client.Receive().status, size == 16384 ? 200 : 431);
  }
}

std::string Post(std::string_view target, std::size_t bytes) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
         std::string(bytes, 'b');
}

TEST(HttpServerTest, RefusesABodyThatHasNoRoomBesideTheOthers) {
  server::HttpServerConfig config;
  config.limits.all_bodies_bytes = 300'000;
  TestServer server(config);
  const auto status_of = [&](const std::string& request) {
    WireClient client(server.port());
    client.Send(request);
    return client.Receive().status;
  };

  WireClient holder(server.port());
  ASSERT_TRUE(holder.Send(Post("/held", 200'000)));
  server.handler().WaitForHeld(1);

  WireClient refused(server.port());
  ASSERT_TRUE(refused.Send(Post("/echo", 100'001)));
  const WireAnswer answer = refused.Receive();
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body, "KMS.0915");
  EXPECT_TRUE(refused.IsClosed());
  // What it had has been given back.
  EXPECT_EQ(status_of(Post("/echo", 100'000)), 200);

  server.handler().Release();
  EXPECT_EQ(holder.Receive().status, 200);
  EXPECT_EQ(status_of(Post("/echo", 250'000)), 200);
}

TEST(HttpServerTest, AShortBodyAlwaysHasRoom) {
  server::HttpServerConfig config;
  config.limits.all_bodies_bytes = 0;
  TestServer server(config);
  WireClient client(server.port());
  for (const std::size_t size : {1U, 16384U}) {
    const std::string request = Post("/echo", size);
    const std::size_t head = request.size() - size;
    ASSERT_TRUE(client.Send(request.substr(0, head)));
    ASSERT_TRUE(client.Send(request.substr(head)));
    EXPECT_EQ(client.Receive().status, 200);
  }
  ASSERT_TRUE(client.Send(Post("/echo", 16385)));
  EXPECT_EQ(client.Receive().status, 429);
}

TEST(HttpServerTest, APeerThatVanishesGivesTheRoomOfItsBodyBack) {
  server::HttpServerConfig config;
  config.limits.all_bodies_bytes = 250'000;
  TestServer server(config);
  for (int i = 0; i < 10; ++i) {
    WireClient vanishing(server.port());
    ASSERT_TRUE(vanishing.Send(Post("/echo", 250'000).substr(0, 200'000)));
    server.WaitForConnections(1);  // none is left to be accepted later
    vanishing.Vanish();
    server.WaitForConnections(0);
  }
  WireClient client(server.port());
  ASSERT_TRUE(client.Send(Post("/echo", 250'000)));
  EXPECT_EQ(client.Receive().status, 200);
}

TEST(HttpServerTest, LetsARefusedPeerFinishSending) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n"));
  EXPECT_TRUE(client.Send(std::string(4000000, 'b')));  // no reset in between
  EXPECT_EQ(client.Receive().status, 413);
}

TEST(HttpServerTest, RefusesASecondRequestThatIsMalformed) {
  TestServer server;
  WireClient client(server.port());
  ASSERT_TRUE(client.Send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/9.9\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_EQ(client.Receive().status, 400);
  EXPECT_TRUE(client.IsClosed());
}

}  // namespace
}  // namespace kms::testing
