#include "kmsctl/file_digest.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "kms/encoding.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

namespace fs = std::filesystem;

class FileDigestTest : public ::testing::Test {
 protected:
  FileDigestTest() {
    std::string name = (fs::temp_directory_path() / "digest_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FileDigestTest() override { fs::remove_all(folder_); }

  std::string File(const std::string& content) const {
    const std::string path = folder_ + "/file";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::string folder_;
};

Bytes Hex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string Pem(const Bytes& der) {
  return "-----BEGIN PUBLIC KEY-----\n" + ToBase64(der) + "\n-----END PUBLIC KEY-----\n";
}

TEST_F(FileDigestTest, Sha256) {
  const auto digest = Sha256OfFile(File("abc"));
  ASSERT_OK(digest);
  EXPECT_EQ(ToHex(*digest),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_THAT(Sha256OfFile("/nonexistent"),
              kms::testing::FailsAs(ErrorClass::kInvalidArgument));
}

// GB/T 32918.5, annex A.
TEST_F(FileDigestTest, Sm2AsInTheStandard) {
  const Bytes key =
      Hex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"
          "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
          "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13");
  const auto digest = Sm2DigestOfFile(File("message digest"), Pem(key));
  ASSERT_OK(digest);
  EXPECT_EQ(ToHex(*digest),
            "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640");
}

TEST_F(FileDigestTest, Sm2TakesNoOtherKey) {
  // The base point of P-256.
  const Bytes other =
      Hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"
          "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  EXPECT_FALSE(Sm2DigestOfFile(File("x"), Pem(other)));
  EXPECT_FALSE(Sm2DigestOfFile(File("x"), "no key"));
}

}  // namespace
}  // namespace kms::server
