// The vectors of docs/record_format.md, which were computed by another implementation.

#include <cctype>
#include <fstream>
#include <iterator>
#include <string>

#include "crypto/message_cipher.h"
#include "keys/blob.h"
#include "keys/fixture.h"
#include "kms/encoding.h"

namespace kms {
namespace {

using internal::CipherSuite;
using internal::MessageCipher;

constexpr std::string_view kHeader =
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000000000000000000000005";

Bytes FromHex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

SecretBytes Counting(std::size_t size) {
  return SecretBytes::Filled(size, [](std::span<std::uint8_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i);
  });
}

struct Vector {
  CipherSuite suite;
  std::string head;
  std::string context;
  std::string sealed;
};

std::vector<Vector> Vectors() {
  const std::string head = WriteBlobHead("241ede22-6261-4617-9caf-10d89990516c",
                                         "49ec76d7-cc4c-400e-9f19-f9001587ae0f");
  const std::string blob = JoinKey({"blob", "9fd671db0cc04c6d9f73e0169ba8d264"});
  const std::string salt_and_nonce(kHeader);
  return {
      {CipherSuite::kAes256Gcm, head, blob,
       "0101" + salt_and_nonce +
           "2d6c0689301641d511f23cb7ec359d72ea156e0dcb45f156c5ac39"},
      {CipherSuite::kSm4Gcm, head, blob,
       "0102" + salt_and_nonce +
           "4fccd5ccf8703cc6d4b1f7ab481ed1b1d7134e7247c8340704cf85"},
      {CipherSuite::kAes256Gcm, "",
       JoinKey({"account-1", "key-1", "version-1", "material"}),
       "0101" + salt_and_nonce +
           "24d1bbdead549b6112346c8f5ee6007cfe43f731f72a29903ae75f"},
  };
}

TEST(RecordFormatTest, TheVectorsOpen) {
  for (const Vector& vector : Vectors()) {
    MessageCipher cipher(vector.suite, Counting(internal::KeySize(vector.suite)));
    const auto opened = cipher.Open(AsBytes(vector.head), AsBytes(vector.context),
                                    FromHex(vector.sealed));
    ASSERT_OK(opened);
    EXPECT_TRUE(testing::Holds(*opened, "Hello world"));
  }
}

TEST(RecordFormatTest, WhatIsSealedHasTheDocumentedLayout) {
  MessageCipher cipher(CipherSuite::kAes256Gcm, Counting(32));
  const Bytes first = cipher.Seal(AsBytes("head"), {}, AsBytes("text")).value();
  const Bytes second = cipher.Seal(AsBytes("head"), {}, AsBytes("text")).value();
  ASSERT_EQ(first.size(), 4U + 2 + 16 + 12 + 4 + 16);
  EXPECT_EQ(AsText(ByteView(first).first(4)), "head");
  EXPECT_EQ(first[4], 1);
  EXPECT_EQ(first[5], 1);
  // One sealer, one salt; the nonce counts from 0.
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 22, second.begin()));
  EXPECT_EQ(ToHex(ByteView(first).subspan(22, 12)), "000000000000000000000000");
  EXPECT_EQ(ToHex(ByteView(second).subspan(22, 12)), "000000000000000000000001");
}

// The document shows the very vectors that are tested.
TEST(RecordFormatTest, TheDocumentHoldsTheVectors) {
  std::ifstream file(KMS_DOCS_FOLDER "/record_format.md");
  ASSERT_TRUE(file.is_open());
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  for (const Vector& vector : Vectors())
    EXPECT_NE(text.find(vector.sealed), std::string::npos) << vector.sealed;

  const auto root = NewEphemeralRootKey();
  const auto backend = NewBotanBackend(*root);
  const Place place = {"a", "k", "v", "material"};
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const WrappedKey made =
        backend->Import(spec, place, Counting(KeyBytes(spec))).value();
    const auto key = backend->LoadSymmetric(spec, place, made.sealed).value();
    const std::string mac = ToHex(key->Mac(AsBytes("abc")).value());
    EXPECT_NE(text.find(mac), std::string::npos) << mac;
  }
}

}  // namespace
}  // namespace kms
