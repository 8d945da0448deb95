#include "kmsctl/envelope_file.h"

#include <algorithm>
#include <string>
#include <vector>

#include "kms/encoding.h"
#include "support/matchers.h"

namespace kms::server {
namespace {

using kms::testing::Fails;
using kms::testing::FailsAs;

constexpr std::size_t kChunk = std::size_t{1} << kMinChunkBits;
constexpr std::size_t kSealed = kChunk + 16;

SecretBytes DataKey(std::uint8_t first = 0) {
  return SecretBytes::Filled(kDataKeySize, [&](std::span<std::uint8_t> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::uint8_t>(first + i);
  });
}

EnvelopeHeader Header() {
  EnvelopeHeader header;
  header.chunk_bits = kMinChunkBits;
  for (std::size_t i = 0; i < header.salt.size(); ++i)
    header.salt[i] = static_cast<std::uint8_t>(0xa0 + i);
  header.key_blob = {'b', 'l', 'o', 'b'};
  return header;
}

std::size_t HeaderSize() { return 28 + Header().key_blob.size(); }

// Gives at most `step` bytes at a time, as pipes do.
ReadFunction From(const Bytes& bytes, std::size_t& at, std::size_t step = 700) {
  return [&bytes, &at, step](std::span<std::uint8_t> room) -> Result<std::size_t> {
    const std::size_t n = std::min({room.size(), step, bytes.size() - at});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), n, room.begin());
    at += n;
    return n;
  };
}

WriteFunction To(Bytes& bytes) {
  return [&bytes](ByteView more) -> Result<void> {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  };
}

Bytes Plaintext(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return bytes;
}

Bytes Encrypt(const Bytes& plaintext, const EnvelopeHeader& header = Header()) {
  Bytes file;
  std::size_t at = 0;
  EXPECT_OK(EncryptStream(header, DataKey(), From(plaintext, at), To(file)));
  return file;
}

Result<Bytes> Decrypt(const Bytes& file, const SecretBytes& key = DataKey()) {
  std::size_t at = 0;
  const auto read = From(file, at);
  KMS_TRY(const EnvelopeHeader header, ReadEnvelopeHeader(read));
  Bytes plaintext;
  KMS_CHECK_OK(DecryptStream(header, key, read, To(plaintext)));
  return plaintext;
}

// The bytes [begin, begin + size) of `file`.
Bytes Cut(const Bytes& file, std::size_t begin, std::size_t size) {
  return Bytes(file.begin() + static_cast<std::ptrdiff_t>(begin),
               file.begin() + static_cast<std::ptrdiff_t>(begin + size));
}

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes whole;
  for (const Bytes& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

class EnvelopeFileSizeTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(EnvelopeFileSizeTest, DecryptsToWhatWasEncrypted) {
  const Bytes plaintext = Plaintext(GetParam());
  const auto opened = Decrypt(Encrypt(plaintext));
  ASSERT_OK(opened);
  EXPECT_EQ(*opened, plaintext);
}

TEST_P(EnvelopeFileSizeTest, TakesSixteenBytesForEachChunk) {
  const std::size_t chunks = std::max<std::size_t>(1, (GetParam() + kChunk - 1) / kChunk);
  EXPECT_EQ(Encrypt(Plaintext(GetParam())).size(),
            HeaderSize() + GetParam() + 16 * chunks);
}

INSTANTIATE_TEST_SUITE_P(Sizes, EnvelopeFileSizeTest,
                         ::testing::Values(0, 1, kChunk - 1, kChunk, kChunk + 1,
                                           2 * kChunk, 5 * kChunk + 17));

TEST(EnvelopeFileTest, DecryptsChunksOfTheDefaultSize) {
  EnvelopeHeader header = Header();
  header.chunk_bits = kDefaultChunkBits;
  const Bytes plaintext = Plaintext((std::size_t{1} << kDefaultChunkBits) + 3);
  std::size_t at = 0;
  Bytes file;
  ASSERT_OK(EncryptStream(header, DataKey(), From(plaintext, at, 1 << 16), To(file)));
  const auto opened = Decrypt(file);
  ASSERT_OK(opened);
  EXPECT_TRUE(*opened == plaintext);
}

TEST(EnvelopeFileTest, RefusesEveryFlippedBit) {
  const Bytes file = Encrypt(Plaintext(40));
  for (std::size_t i = 0; i < file.size() * 8; ++i) {
    Bytes flipped = file;
    flipped[i / 8] ^= static_cast<std::uint8_t>(1 << i % 8);
    EXPECT_FALSE(Decrypt(flipped)) << "bit " << i;
  }
}

TEST(EnvelopeFileTest, RefusesEveryTruncation) {
  const Bytes file = Encrypt(Plaintext(2 * kChunk + 5));
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(Decrypt(Cut(file, 0, size))) << size << " bytes";
}

TEST(EnvelopeFileTest, RefusesWhatFollowsTheLastChunk) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, kChunk}) {
    const Bytes file = Encrypt(Plaintext(size));
    for (const std::size_t more : {std::size_t{1}, std::size_t{16}, kSealed})
      EXPECT_FALSE(Decrypt(Join({file, Bytes(more)}))) << size << " and " << more;
  }
}

TEST(EnvelopeFileTest, RefusesChunksInAnotherOrder) {
  const Bytes file = Encrypt(Plaintext(3 * kChunk));
  const std::size_t h = HeaderSize();
  const Bytes head = Cut(file, 0, h);
  const Bytes a = Cut(file, h, kSealed);
  const Bytes b = Cut(file, h + kSealed, kSealed);
  const Bytes c = Cut(file, h + 2 * kSealed, kSealed);
  ASSERT_OK(Decrypt(Join({head, a, b, c})));
  EXPECT_THAT(Decrypt(Join({head, b, a, c})), Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Decrypt(Join({head, a, c, b})), Fails(Reason::kBadCiphertext));
}

TEST(EnvelopeFileTest, RefusesChunksTwiceOrLeftOut) {
  const Bytes file = Encrypt(Plaintext(3 * kChunk));
  const std::size_t h = HeaderSize();
  const Bytes head = Cut(file, 0, h);
  const Bytes a = Cut(file, h, kSealed);
  const Bytes b = Cut(file, h + kSealed, kSealed);
  const Bytes c = Cut(file, h + 2 * kSealed, kSealed);
  EXPECT_THAT(Decrypt(Join({head, a, b, b, c})), Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Decrypt(Join({head, a, c})), Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Decrypt(Join({head, c})), Fails(Reason::kBadCiphertext));
  EXPECT_THAT(Decrypt(head), Fails(Reason::kBadCiphertext));
}

TEST(EnvelopeFileTest, RefusesAChunkOfAnotherFileUnderTheSameDataKey) {
  EnvelopeHeader other = Header();
  other.salt[0] ^= 1;
  const Bytes one = Encrypt(Plaintext(40));
  const Bytes two = Encrypt(Plaintext(40), other);
  EXPECT_THAT(Decrypt(Join({Cut(one, 0, HeaderSize()), Cut(two, HeaderSize(), 56)})),
              Fails(Reason::kBadCiphertext));
}

TEST(EnvelopeFileTest, RefusesAnotherDataKey) {
  EXPECT_THAT(Decrypt(Encrypt(Plaintext(40)), DataKey(1)), Fails(Reason::kBadCiphertext));
}

TEST(EnvelopeFileTest, TellsANewerFormat) {
  Bytes file = Encrypt(Plaintext(1));
  file[7] = 2;
  EXPECT_THAT(Decrypt(file), FailsAs(ErrorClass::kUnsupported));
}

TEST(EnvelopeFileTest, RefusesToEncryptUnderADataKeyOfAnotherLength) {
  Bytes file;
  const Bytes plaintext = Plaintext(1);
  std::size_t at = 0;
  EXPECT_THAT(EncryptStream(Header(), SecretBytes::CopyOf(Bytes(16)), From(plaintext, at),
                            To(file)),
              FailsAs(ErrorClass::kInvalidArgument));
  EXPECT_TRUE(file.empty());
}

TEST(EnvelopeFileTest, PassesOnWhatReadingAndWritingFailWith) {
  const Bytes plaintext = Plaintext(1);
  std::size_t at = 0;
  const WriteFunction full = [](ByteView) -> Result<void> { return Reason::kTooLong; };
  EXPECT_THAT(EncryptStream(Header(), DataKey(), From(plaintext, at), full),
              Fails(Reason::kTooLong));
  Bytes file;
  const ReadFunction broken = [](std::span<std::uint8_t>) -> Result<std::size_t> {
    return Reason::kTooLong;
  };
  EXPECT_THAT(EncryptStream(Header(), DataKey(), broken, To(file)),
              Fails(Reason::kTooLong));
}

// The vector of docs/file_format.md, computed by an independent implementation.
TEST(EnvelopeFileTest, KeepsTheFormat) {
  const std::string text = "attack at dawn";
  EXPECT_EQ(ToHex(Encrypt(Bytes(text.begin(), text.end()))),
            "4b4d5346494c4501010aa0a1a2a3a4a5a6a7a8a9aaabacadaeaf0004626c6f62"
            "b241926c6d907c49be2128bb49374a6fb5325d632fa7952deefb8eab8f30");
}

}  // namespace
}  // namespace kms::server
