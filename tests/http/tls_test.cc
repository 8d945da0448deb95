// TLS: versions, plaintext where it does not belong, and answers over it.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "http/self_signed.h"
#include "http/test_server.h"
#include "http/wire_client.h"

namespace kms::testing {
namespace {

class TlsTest : public ::testing::Test {
 protected:
  static server::HttpServerConfig Config() {
    const std::string directory = ::testing::TempDir() + "kms_http_tls";
    std::filesystem::create_directories(directory);
    auto files = server::EnsureCertificate(directory, "", 1700000000000);
    EXPECT_OK(files);
    server::HttpServerConfig config;
    config.listeners.resize(2);
    config.listeners[0].tls = true;
    config.certificate = *files;
    return config;
  }
  TestServer server_{Config()};
};

TEST_F(TlsTest, ServesTls12And13) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    WireClient client(server_.port());
    ASSERT_TRUE(client.StartTls(version));
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"));
      EXPECT_EQ(client.Receive().body, "abc");
    }
  }
}

TEST_F(TlsTest, RefusesTls11) {
  WireClient client(server_.port());
  EXPECT_FALSE(client.StartTls(TLS1_1_VERSION));
  server_.WaitForConnections(0);
}

TEST_F(TlsTest, ClosesAPlaintextConnection) {
  WireClient client(server_.port());
  ASSERT_TRUE(client.Send("GET /a HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 0);
  server_.WaitForConnections(0);
  EXPECT_EQ(server_.handler().handled(), 0);
}

TEST_F(TlsTest, DoesNotRenegotiate) {
  WireClient client(server_.port());
  ASSERT_TRUE(client.StartTls(TLS1_2_VERSION));
  SSL_renegotiate(client.tls());
  EXPECT_NE(SSL_do_handshake(client.tls()), 1);
}

TEST_F(TlsTest, CarriesLongBodiesBothWays) {
  WireClient client(server_.port());
  ASSERT_TRUE(client.StartTls(TLS1_3_VERSION));
  const std::string body(200000, 'b');
  ASSERT_TRUE(
      client.Send("POST /echo HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + body));
  EXPECT_EQ(client.Receive().body, body);
}

// Many times what fits into a socket, both where TLS carries it and where it does not.
TEST_F(TlsTest, AnswersAtLengthWhoReadsLate) {
  for (const std::size_t listener : {0, 1}) {
    WireClient client(server_.port(listener), 4096);
    if (listener == 0) {
      ASSERT_TRUE(client.StartTls(TLS1_3_VERSION));
    }
    ASSERT_TRUE(client.Send("GET /long20000000 HTTP/1.1\r\n\r\n"));
    server_.handler().WaitForHandled(static_cast<int>(listener) + 1);
    EXPECT_EQ(client.Receive().body.size(), 20'000'000U);
  }
}

// In one record, and with a record for each piece.
TEST_F(TlsTest, AnswersAPipelineInOrder) {
  for (const std::size_t piece : {5000, 7}) {
    WireClient client(server_.port());
    ASSERT_TRUE(client.StartTls(TLS1_3_VERSION));
    std::string all;
    for (int i = 100; i < 150; ++i)
      all += "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\n" + std::to_string(i);
    for (std::size_t at = 0; at < all.size(); at += piece)
      ASSERT_TRUE(client.Send(all.substr(at, piece)));
    for (int i = 100; i < 150; ++i) ASSERT_EQ(client.Receive().body, std::to_string(i));
  }
}

TEST_F(TlsTest, ReadsARecordThatComesInPieces) {
  WireClient client(server_.port());
  ASSERT_TRUE(client.StartTls(TLS1_3_VERSION));
  // Encrypted into memory, then sent byte by byte.
  BIO* const socket = SSL_get_wbio(client.tls());
  BIO_up_ref(socket);
  BIO* const memory = BIO_new(BIO_s_mem());
  SSL_set0_wbio(client.tls(), memory);
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"));
  char record[200];
  const int size = BIO_read(memory, record, sizeof record);
  ASSERT_GT(size, 60);
  for (int i = 0; i < size; ++i) ASSERT_EQ(BIO_write(socket, record + i, 1), 1);
  EXPECT_EQ(client.Receive().body, "abc");
  SSL_set0_wbio(client.tls(), socket);
}

TEST_F(TlsTest, DeliversARefusalWhileThePeerStillSends) {
  WireClient client(server_.port());
  ASSERT_TRUE(client.StartTls(TLS1_3_VERSION));
  client.Send("POST /echo HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" +
              std::string(1000000, 'b'));
  EXPECT_EQ(client.Receive().status, 413);
  EXPECT_TRUE(client.IsClosed());
}

TEST_F(TlsTest, SaysGoodbyeAfterTheLastAnswer) {
  WireClient client(server_.port());
  ASSERT_TRUE(client.StartTls(TLS1_2_VERSION));
  ASSERT_TRUE(client.Send("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 200);
  char byte;
  const int got = SSL_read(client.tls(), &byte, 1);
  EXPECT_EQ(SSL_get_error(client.tls(), got), SSL_ERROR_ZERO_RETURN);
}

TEST_F(TlsTest, SurvivesAPeerThatVanishesBeforeTheAnswer) {
  {
    WireClient client(server_.port());
    ASSERT_TRUE(client.StartTls(TLS1_3_VERSION));
    ASSERT_TRUE(client.Send("GET /held HTTP/1.1\r\n\r\n"));
    server_.handler().WaitForHeld(1);
    client.Vanish();
  }
  server_.handler().Release();
  server_.WaitForConnections(0);
}

TEST_F(TlsTest, ServesPlaintextOnTheOtherListener) {
  WireClient client(server_.port(1));
  ASSERT_TRUE(client.Send("GET /a HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(client.Receive().body, "/a");
}

}  // namespace
}  // namespace kms::testing
