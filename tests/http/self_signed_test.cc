#include "http/self_signed.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "support/matchers.h"

namespace kms::testing {
namespace {

constexpr UnixMillis kNow = 1'700'000'000'000;

class EnsureCertificateTest : public ::testing::Test {
 protected:
  EnsureCertificateTest() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~EnsureCertificateTest() override { std::filesystem::remove_all(directory_); }

  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const std::string directory_ = ::testing::TempDir() + "kms_http_certificate";
};

TEST_F(EnsureCertificateTest, MakesACertificateForLocalAndGivenNames) {
  auto files = server::EnsureCertificate(directory_, "kms.example", kNow);
  ASSERT_OK(files);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(
      std::fopen(files->certificate.c_str(), "r"), std::fclose);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_X509(file.get(), nullptr, nullptr, nullptr), X509_free);
  ASSERT_NE(certificate, nullptr);
  for (const char* host : {"localhost", "kms.example"}) {
    EXPECT_EQ(X509_check_host(certificate.get(), host, 0, 0, nullptr), 1) << host;
  }
  for (const char* address : {"127.0.0.1", "::1"}) {
    EXPECT_EQ(X509_check_ip_asc(certificate.get(), address, 0), 1) << address;
  }
  EXPECT_EQ(X509_check_host(certificate.get(), "other.example", 0, 0, nullptr), 0);
  time_t when = kNow / 1000 + 3649 * 86400L;
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(certificate.get()), &when), 0);
  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())), 1);
}

TEST_F(EnsureCertificateTest, KeepsTheKeyFromOthers) {
  auto files = server::EnsureCertificate(directory_, "", kNow);
  ASSERT_OK(files);
  struct stat status{};
  ASSERT_EQ(stat(files->key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(EnsureCertificateTest, ReusesWhatIsThere) {
  auto first = server::EnsureCertificate(directory_, "", kNow);
  ASSERT_OK(first);
  const std::string certificate = Read(first->certificate);
  const std::string key = Read(first->key);
  auto second = server::EnsureCertificate(directory_, "", kNow + 1000);
  ASSERT_OK(second);
  EXPECT_EQ(Read(second->certificate), certificate);
  EXPECT_EQ(Read(second->key), key);
}

TEST_F(EnsureCertificateTest, KeepsAKeyThatHasNoCertificateYet) {
  auto files = server::EnsureCertificate(directory_, "", kNow);
  ASSERT_OK(files);
  const std::string key = Read(files->key);
  std::filesystem::remove(files->certificate);
  ASSERT_OK(server::EnsureCertificate(directory_, "", kNow));
  EXPECT_EQ(Read(files->key), key);
  EXPECT_TRUE(std::filesystem::exists(files->certificate));
}

TEST_F(EnsureCertificateTest, FailsWhenTheKeyOfACertificateIsGone) {
  auto files = server::EnsureCertificate(directory_, "", kNow);
  ASSERT_OK(files);
  std::filesystem::remove(files->key);
  EXPECT_THAT(server::EnsureCertificate(directory_, "", kNow),
              FailsAs(ErrorClass::kWrongState));
}

TEST_F(EnsureCertificateTest, FailsForAHostThatWouldAddAnExtension) {
  EXPECT_THAT(server::EnsureCertificate(directory_, "a,DNS:b", kNow),
              FailsAs(ErrorClass::kInvalidArgument));
}

TEST_F(EnsureCertificateTest, FailsInADirectoryThatIsNotThere) {
  EXPECT_THAT(server::EnsureCertificate(directory_ + "/none", "", kNow),
              FailsAs(ErrorClass::kUnavailable));
}

}  // namespace
}  // namespace kms::testing
