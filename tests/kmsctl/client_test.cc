#include "kmsctl/client.h"

#include <fstream>
#include <string>

#include "kmsctl/failure.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::FailsAs;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ParseEndpointTest, ReadsHostAndPort) {
  const auto endpoint = ParseEndpoint("https://127.0.0.1:9091");
  ASSERT_OK(endpoint);
  EXPECT_TRUE((*endpoint).tls);
  EXPECT_EQ((*endpoint).host, "127.0.0.1");
  EXPECT_EQ((*endpoint).port, "9091");
  EXPECT_EQ((*endpoint).authority, "127.0.0.1:9091");
}

TEST(ParseEndpointTest, KnowsTheUsualPorts) {
  EXPECT_EQ(ParseEndpoint("https://kms.example").value().port, "443");
  EXPECT_EQ(ParseEndpoint("http://kms.example/").value().port, "80");
}

TEST(ParseEndpointTest, ReadsAddressesInBrackets) {
  const auto endpoint = ParseEndpoint("http://[::1]:9091");
  ASSERT_OK(endpoint);
  EXPECT_FALSE((*endpoint).tls);
  EXPECT_EQ((*endpoint).host, "::1");
  EXPECT_EQ((*endpoint).authority, "[::1]:9091");
}

TEST(ParseEndpointTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "127.0.0.1:9091", "ftp://h", "https://", "https://:1",
        "https://h:", "https://h:12a", "https://h:123456", "https://h/x", "https://[::1",
        "https://u@h", "https://h\r\nx"})
    EXPECT_THAT(ParseEndpoint(text), FailsAs(ErrorClass::kInvalidArgument)) << text;
}

class CredentialsTest : public ::testing::Test {
 protected:
  Result<Credentials> Read(const std::string& content) {
    const std::string path = ::testing::TempDir() + "/kmsctl_credentials.json";
    std::ofstream(path) << content;
    return ReadCredentials(path);
  }
};

TEST_F(CredentialsTest, ReadsTheFileOfKmsd) {
  const auto read = Read(
      R"({"accountId":"a","userId":"u","accessKey":"k","secretKey":"s","regionId":"r",)"
      R"("caFile":"/ca.pem","endpoint":"https://h"})");
  ASSERT_OK(read);
  EXPECT_EQ((*read).account, "a");
  EXPECT_EQ((*read).user, "u");
  EXPECT_EQ((*read).access_key, "k");
  EXPECT_TRUE((*read).secret_key == SecretBytes::CopyOf(AsBytes("s")));
  EXPECT_EQ((*read).region, "r");
  EXPECT_EQ((*read).ca_file, "/ca.pem");
  EXPECT_EQ((*read).endpoint, "https://h");
}

TEST_F(CredentialsTest, RefusesAFileWithoutASecretKey) {
  EXPECT_THAT(Read(R"({"accessKey":"k","regionId":"r","endpoint":"https://h"})"),
              FailsAs(ErrorClass::kInvalidArgument));
}

TEST_F(CredentialsTest, KeepsTheContentOutOfMessages) {
  const auto read = Read(R"({"secretKey":"hidden")");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().detail(), Not(HasSubstr("hidden")));
}

}  // namespace
}  // namespace kms::server
