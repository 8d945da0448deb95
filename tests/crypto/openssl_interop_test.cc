// What one side makes, openssl(1) and libkms, the other takes.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "crypto/botan_keys.h"
#include "crypto/hex.h"
#include "crypto/sm2_der.h"
#include "kms/digest.h"
#include "support/matchers.h"

namespace kms::internal {
namespace {

namespace fs = std::filesystem;
using testing::Hex;

Bytes Join(std::initializer_list<ByteView> parts) {
  Bytes joined;
  for (const ByteView part : parts) {
    joined.insert(joined.end(), part.begin(), part.end());
  }
  return joined;
}

// ECPrivateKey of RFC 5915.
Bytes Sm2PrivateDer(ByteView scalar, ByteView point) {
  return Join(
      {Hex("30770201010420"), scalar, Hex("a00a06082a811ccf5501822da144034200"), point});
}

class OpensslTest : public ::testing::Test {
 protected:
  OpensslTest() {
    std::string name = fs::temp_directory_path() / "interop_XXXXXX";
    dir_ = ::mkdtemp(name.data());
  }
  ~OpensslTest() override { fs::remove_all(dir_); }

  void SetUp() override {
    if (std::system("openssl version >/dev/null 2>&1") != 0) {
      GTEST_SKIP() << "openssl(1) is not installed";
    }
  }

  void Use(KeySpec spec) {
    const NewPair pair = GeneratePair(spec);
    secret_ = ReadPrivateKey(spec, pair.secret.Reveal());
    open_ = ReadPublicKey(pair.public_key);
    Write("pub", pair.public_key);
    if (spec == KeySpec::kSm2) {
      point_ = *Sm2PointOf(pair.public_key);
      Write("key", Sm2PrivateDer(pair.secret.Reveal(), point_));
    } else {
      Write("key", pair.secret.Reveal());
    }
  }
  void Write(const std::string& name, ByteView content) const {
    std::ofstream(dir_ + "/" + name, std::ios::binary) << AsText(content);
  }
  Bytes Read(const std::string& name) const {
    std::ifstream file(dir_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool Openssl(const std::string& arguments) const {
    fs::remove(dir_ + "/out");
    return std::system(("cd " + dir_ + " && openssl pkeyutl " + arguments +
                        " -keyform DER >log 2>&1")
                           .c_str()) == 0;
  }
  void ExpectEncryptsBothWays(EncryptionAlgorithm algorithm, const std::string& options) {
    const Bytes text = {'s', 'e', 'c', 'r', 'e', 't'};
    Write("in", text);
    ASSERT_TRUE(Openssl("-encrypt -pubin -inkey pub -in in -out out" + options))
        << AsText(Read("log"));
    const auto opened = secret_->Decrypt(algorithm, Read("out"));
    ASSERT_OK(opened);
    EXPECT_EQ(AsText(opened.value().Reveal()), "secret");
    Write("in", open_->Encrypt(algorithm, text).value());
    ASSERT_TRUE(Openssl("-decrypt -inkey key -in in -out out" + options))
        << AsText(Read("log"));
    EXPECT_EQ(Read("out"), text);
  }

  std::shared_ptr<PrivateKey> secret_;
  std::shared_ptr<PublicKey> open_;
  Bytes point_;

 private:
  std::string dir_;
};

TEST_F(OpensslTest, RsaSignatures) {
  Use(KeySpec::kRsa2048);
  const Digest32 made = Digest(DigestAlgorithm::kSha256, AsBytes("message"));
  const Bytes digest(made.begin(), made.end());
  for (const auto& [algorithm, padding] :
       {std::pair(SignatureAlgorithm::kRsaPkcs1Sha256, "pkcs1"),
        std::pair(SignatureAlgorithm::kRsaPssSha256,
                  "pss -pkeyopt rsa_pss_saltlen:32 -pkeyopt rsa_mgf1_md:sha256")}) {
    const std::string options =
        std::string(" -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:") + padding;
    Write("in", digest);
    ASSERT_TRUE(Openssl("-sign -inkey key -in in -out out" + options))
        << AsText(Read("log"));
    EXPECT_TRUE(open_->Verify(algorithm, digest, Read("out")).value());
    Write("sig", secret_->Sign(algorithm, digest).value());
    EXPECT_TRUE(Openssl("-verify -pubin -inkey pub -in in -sigfile sig" + options));
    Write("in", Bytes(32, 1));
    EXPECT_FALSE(Openssl("-verify -pubin -inkey pub -in in -sigfile sig" + options));
  }
}

TEST_F(OpensslTest, RsaEncryption) {
  Use(KeySpec::kRsa2048);
  const std::string oaep = " -pkeyopt rsa_padding_mode:oaep";
  ExpectEncryptsBothWays(
      EncryptionAlgorithm::kRsaOaepSha256,
      oaep + " -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256");
  ExpectEncryptsBothWays(EncryptionAlgorithm::kRsaOaepSha1,
                         oaep + " -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1");
  ExpectEncryptsBothWays(EncryptionAlgorithm::kRsaPkcs1,
                         " -pkeyopt rsa_padding_mode:pkcs1");
}

TEST_F(OpensslTest, Sm2Signatures) {
  Use(KeySpec::kSm2);
  // GB/T 32918.2, 5.5 and 6.1: the length of the identity in bits, the identity, a, b and
  // the base point of the curve, the public key.
  const Bytes curve =
      Hex("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
          "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"
          "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
          "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0");
  const Digest32 za =
      Digest(DigestAlgorithm::kSm3, Join({Hex("0080"), AsBytes("1234567812345678"), curve,
                                          ByteView(point_).subspan(1)}));
  const Digest32 e = Digest(DigestAlgorithm::kSm3, Join({za, AsBytes("message")}));
  const std::string options = " -rawin -digest sm3 -pkeyopt distid:1234567812345678";
  Write("in", AsBytes("message"));
  ASSERT_TRUE(Openssl("-sign -inkey key -in in -out out" + options))
      << AsText(Read("log"));
  EXPECT_TRUE(open_->Verify(SignatureAlgorithm::kSm2, e, Read("out")).value());
  Write("sig", secret_->Sign(SignatureAlgorithm::kSm2, e).value());
  EXPECT_TRUE(Openssl("-verify -pubin -inkey pub -in in -sigfile sig" + options))
      << AsText(Read("log"));
  Write("in", AsBytes("massage"));
  EXPECT_FALSE(Openssl("-verify -pubin -inkey pub -in in -sigfile sig" + options));
}

TEST_F(OpensslTest, Sm2Encryption) {
  Use(KeySpec::kSm2);
  ExpectEncryptsBothWays(EncryptionAlgorithm::kSm2, " -pkeyopt digest:sm3");
  for (std::uint8_t i = 0; i < 10; ++i) {
    Write("in", open_->Encrypt(EncryptionAlgorithm::kSm2, Bytes{i}).value());
    ASSERT_TRUE(Openssl("-decrypt -inkey key -in in -out out -pkeyopt digest:sm3"))
        << AsText(Read("log"));
    EXPECT_EQ(Read("out"), Bytes{i});
  }
}

}  // namespace
}  // namespace kms::internal
