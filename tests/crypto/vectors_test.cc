// Published examples. AES-GCM and SM4-GCM are in the self test.

#include <botan/block_cipher.h>

#include "crypto/hex.h"
#include "kms/digest.h"
#include "support/matchers.h"

namespace kms {
namespace {

using testing::Hex;
constexpr auto kSha256 = DigestAlgorithm::kSha256;
constexpr auto kSm3 = DigestAlgorithm::kSm3;

struct MacVector {
  const char* source;
  DigestAlgorithm algorithm;
  Bytes key, data;
  const char* expected;
};

TEST(VectorsTest, Digests) {
  const auto expect = [](DigestAlgorithm algorithm, std::string_view text,
                         std::string_view expected) {
    const Digest32 digest = Digest(algorithm, AsBytes(text));
    EXPECT_EQ(Bytes(digest.begin(), digest.end()), Hex(expected)) << text;
  };
  // FIPS 180-4 and GB/T 32905, appendix A.
  expect(kSha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(kSha256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  expect(kSm3, "abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  expect(kSm3, "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
         "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

TEST(VectorsTest, DigestsOfPieces) {
  for (const DigestAlgorithm algorithm : {kSha256, kSm3})
    EXPECT_EQ(Digest(algorithm, {AsBytes("ab"), {}, AsBytes("c")}),
              Digest(algorithm, AsBytes("abc")));
}

// GM/T 0002 (GB/T 32907), appendix A: once, and a million times.
TEST(VectorsTest, Sm4) {
  const Bytes text = Hex("0123456789abcdeffedcba9876543210");
  const auto cipher = Botan::BlockCipher::create_or_throw("SM4");
  cipher->set_key(text.data(), text.size());
  Bytes block = text;
  cipher->encrypt(block.data());
  EXPECT_EQ(block, Hex("681edf34d206965e86b3e94f536e4246"));
  for (int i = 1; i < 1'000'000; ++i) cipher->encrypt(block.data());
  EXPECT_EQ(block, Hex("595298c7c6fd271f0402f804c33d3f66"));
  for (int i = 0; i < 1'000'000; ++i) cipher->decrypt(block.data());
  EXPECT_EQ(block, text);
}

TEST(VectorsTest, Macs) {
  const MacVector vectors[] = {
      {"RFC 4231, 1", kSha256, Bytes(20, 0x0b), Hex("4869205468657265"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"RFC 4231, 3", kSha256, Bytes(20, 0xaa), Bytes(50, 0xdd),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {"RFC 4231, 6", kSha256, Bytes(131, 0xaa),
       Hex("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202"
           "d"
           "2048617368204b6579204669727374"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {"HMAC-SM3", kSm3, Hex("0123456789abcdeffedcba9876543210"), Hex("616263"),
       "28d8a61be67d8bf7652c4eda7092b612f88be62184f55005c57ddf076e764199"},
  };
  for (const MacVector& vector : vectors) {
    const Digest32 mac = Hmac(vector.algorithm, vector.key, vector.data);
    EXPECT_EQ(Bytes(mac.begin(), mac.end()), Hex(vector.expected)) << vector.source;
  }
}

TEST(VectorsTest, KeyDerivation) {
  const auto expect = [](ByteView key, ByteView salt, ByteView info,
                         std::string_view expected) {
    const Bytes right = Hex(expected);
    EXPECT_TRUE(
        ConstantTimeEqual(Hkdf(kSha256, key, salt, info, right.size()).Reveal(), right));
  };
  // RFC 5869, A.2 and A.3.
  Bytes key(80), salt(80), info(80);
  for (std::size_t i = 0; i < 80; ++i) {
    key[i] = static_cast<std::uint8_t>(i);
    salt[i] = static_cast<std::uint8_t>(0x60 + i);
    info[i] = static_cast<std::uint8_t>(0xb0 + i);
  }
  expect(
      key, salt, info,
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
      "71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f"
      "1d87");
  expect(
      Bytes(22, 0x0b), {}, {},
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a"
      "96c8");
}

}  // namespace
}  // namespace kms
