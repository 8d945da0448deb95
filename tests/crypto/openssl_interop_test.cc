// What one side makes, openssl(1) and libkms, the other takes.

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "crypto/botan_keys.h"
#include "crypto/hex.h"
#include "crypto/sm2_der.h"
#include "kms/crypto_backend.h"
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
  bool Openssl(const std::string& command) const {
    fs::remove(dir_ + "/out");
    return std::system(
               ("cd " + dir_ + " && openssl " + command + " >log 2>&1").c_str()) == 0;
  }
  bool Pkeyutl(const std::string& arguments) const {
    return Openssl("pkeyutl " + arguments + " -keyform DER");
  }
  void ExpectEncryptsBothWays(EncryptionAlgorithm algorithm, const std::string& options) {
    const Bytes text = {'s', 'e', 'c', 'r', 'e', 't'};
    Write("in", text);
    ASSERT_TRUE(Pkeyutl("-encrypt -pubin -inkey pub -in in -out out" + options))
        << AsText(Read("log"));
    const auto opened = secret_->Decrypt(algorithm, Read("out"));
    ASSERT_OK(opened);
    EXPECT_EQ(AsText(opened.value().Reveal()), "secret");
    Write("in", open_->Encrypt(algorithm, text).value());
    ASSERT_TRUE(Pkeyutl("-decrypt -inkey key -in in -out out" + options))
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
    ASSERT_TRUE(Pkeyutl("-sign -inkey key -in in -out out" + options))
        << AsText(Read("log"));
    EXPECT_TRUE(open_->Verify(algorithm, digest, Read("out")).value());
    Write("sig", secret_->Sign(algorithm, digest).value());
    EXPECT_TRUE(Pkeyutl("-verify -pubin -inkey pub -in in -sigfile sig" + options));
    Write("in", Bytes(32, 1));
    EXPECT_FALSE(Pkeyutl("-verify -pubin -inkey pub -in in -sigfile sig" + options));
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
  ASSERT_TRUE(Pkeyutl("-sign -inkey key -in in -out out" + options))
      << AsText(Read("log"));
  EXPECT_TRUE(open_->Verify(SignatureAlgorithm::kSm2, e, Read("out")).value());
  Write("sig", secret_->Sign(SignatureAlgorithm::kSm2, e).value());
  EXPECT_TRUE(Pkeyutl("-verify -pubin -inkey pub -in in -sigfile sig" + options))
      << AsText(Read("log"));
  Write("in", AsBytes("massage"));
  EXPECT_FALSE(Pkeyutl("-verify -pubin -inkey pub -in in -sigfile sig" + options));
}

TEST_F(OpensslTest, Sm2Encryption) {
  Use(KeySpec::kSm2);
  ExpectEncryptsBothWays(EncryptionAlgorithm::kSm2, " -pkeyopt digest:sm3");
  for (std::uint8_t i = 0; i < 10; ++i) {
    Write("in", open_->Encrypt(EncryptionAlgorithm::kSm2, Bytes{i}).value());
    ASSERT_TRUE(Pkeyutl("-decrypt -inkey key -in in -out out -pkeyopt digest:sm3"))
        << AsText(Read("log"));
    EXPECT_EQ(Read("out"), Bytes{i});
  }
}

Bytes Xor(ByteView a, ByteView b) {
  Bytes sum(a.begin(), a.end());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= b[i];
  return sum;
}

// The product of two blocks in GF(2^128), NIST SP 800-38D, 6.3.
Bytes Multiply(ByteView x, Bytes y) {
  Bytes product(16);
  for (std::size_t bit = 0; bit < 128; ++bit) {
    if ((x[bit / 8] >> (7 - bit % 8) & 1) != 0) product = Xor(product, y);
    const bool carry = (y[15] & 1) != 0;
    for (std::size_t i = 15; i > 0; --i)
      y[i] = static_cast<std::uint8_t>(y[i] >> 1 | y[i - 1] << 7);
    y[0] >>= 1;
    if (carry) y[0] ^= 0xe1;
  }
  return product;
}

// Messages sealed under an SM4 key, as docs/record_format.md describes them. OpenSSL has
// SM4-GCM from 3.1 on only, so it is put together here of SM4-ECB and SM4-CTR.
class OpensslSm4Test : public OpensslTest {
 protected:
  // HKDF with SM3.
  Bytes MessageKey(ByteView salt) const {
    const Bytes info = Join({AsBytes("libkms sealed message v1"), Hex("02"), head_});
    return Output("kdf -keylen 16 -binary -out out -kdfopt digest:SM3 -kdfopt hexkey:" +
                      ToHex(material_) + " -kdfopt hexsalt:" + ToHex(salt) +
                      " -kdfopt hexinfo:" + ToHex(info) + " HKDF",
                  {});
  }
  // Encrypts or decrypts: block 1 is for the tag, so the text begins with block 2.
  Bytes Ctr(ByteView key, ByteView nonce, ByteView text) const {
    const Bytes first = Join({nonce, Hex("00000002")});
    return Output(
        "enc -sm4-ctr -in in -out out -K " + ToHex(key) + " -iv " + ToHex(first), text);
  }
  Bytes Tag(ByteView key, ByteView nonce, ByteView ciphertext) const {
    const auto encrypt = [&](const Bytes& block) {
      return Output("enc -sm4-ecb -nopad -in in -out out -K " + ToHex(key), block);
    };
    const Bytes associated =
        Join({Be64(head_.size()), head_, Be64(context_.size()), context_});
    const Bytes blocks =
        Join({associated, PaddingOf(associated), ciphertext, PaddingOf(ciphertext),
              Be64(8 * associated.size()), Be64(8 * ciphertext.size())});
    const Bytes h = encrypt(Bytes(16));
    Bytes hash(16);
    for (std::size_t at = 0; at < blocks.size(); at += 16)
      hash = Multiply(Xor(hash, ByteView(blocks).subspan(at, 16)), h);
    return Xor(hash, encrypt(Join({nonce, Hex("00000001")})));
  }
  static Bytes TextOf(std::size_t size) {
    Bytes text(size);
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::uint8_t>(i * 7);
    return text;
  }

  static constexpr std::size_t kSizes[] = {0, 1, 15, 16, 17, 100, 6144};
  const Bytes head_ = {1, 2, 3}, context_ = {4, 5};
  const Bytes material_ = Hex("000102030405060708090a0b0c0d0e0f");
  const std::unique_ptr<RootKey> root_ = NewEphemeralRootKey();
  const std::unique_ptr<CryptoBackend> backend_ = NewBotanBackend(*root_);
  const std::shared_ptr<SymmetricKey> key_ = Import();

 private:
  std::shared_ptr<SymmetricKey> Import() const {
    constexpr Place kPlace{"account", "key", "1", "material"};
    const WrappedKey imported =
        backend_->Import(KeySpec::kSm4, kPlace, SecretBytes::CopyOf(material_)).value();
    return backend_->LoadSymmetric(KeySpec::kSm4, kPlace, imported.sealed).value();
  }
  Bytes Output(const std::string& command, ByteView input) const {
    Write("in", input);
    EXPECT_TRUE(Openssl(command)) << AsText(Read("log"));
    return Read("out");
  }
  static std::string ToHex(ByteView bytes) {
    return Botan::hex_encode(bytes.data(), bytes.size());
  }
  static Bytes Be64(std::size_t number) {
    Bytes bytes(8);
    for (std::size_t i = 8; i-- > 0; number >>= 8)
      bytes[i] = static_cast<std::uint8_t>(number);
    return bytes;
  }
  static Bytes PaddingOf(ByteView part) { return Bytes((16 - part.size() % 16) % 16); }
};

TEST_F(OpensslSm4Test, OpensWhatIsSealed) {
  for (const std::size_t size : kSizes) {
    const Bytes sealed = key_->Seal(head_, context_, TextOf(size)).value();
    const ByteView body = ByteView(sealed).subspan(head_.size());
    ASSERT_EQ(body.size(), 30 + size + 16);
    const ByteView salt = body.subspan(2, 16), nonce = body.subspan(18, 12);
    const ByteView ciphertext = body.subspan(30, size), tag = body.subspan(30 + size);
    const Bytes key = MessageKey(salt);
    EXPECT_EQ(Ctr(key, nonce, ciphertext), TextOf(size));
    EXPECT_EQ(Tag(key, nonce, ciphertext), Bytes(tag.begin(), tag.end())) << size;
  }
}

TEST_F(OpensslSm4Test, SealsWhatIsOpened) {
  const Bytes salt(16, 0xa5), nonce = Hex("fffefdfcfbfaf9f8f7f6f5f4");
  const Bytes key = MessageKey(salt);
  for (const std::size_t size : kSizes) {
    const Bytes ciphertext = Ctr(key, nonce, TextOf(size));
    const Bytes tag = Tag(key, nonce, ciphertext);
    const Bytes body = Join({Hex("0102"), salt, nonce, ciphertext, tag});
    const auto opened = key_->Open(head_, context_, body);
    ASSERT_OK(opened) << size;
    EXPECT_TRUE(std::ranges::equal(opened.value().Reveal(), TextOf(size))) << size;
    for (std::size_t bit = 0; bit < 128; ++bit) {
      Bytes changed = body;
      changed[body.size() - 16 + bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      EXPECT_THAT(key_->Open(head_, context_, changed),
                  testing::Fails(Reason::kBadCiphertext));
    }
  }
}

}  // namespace
}  // namespace kms::internal
