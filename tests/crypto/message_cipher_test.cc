#include "crypto/message_cipher.h"

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "crypto/botan_compat.h"
#include "crypto/pool.h"
#include "kms/digest.h"
#include "support/matchers.h"

namespace kms::internal {
namespace {

constexpr std::size_t kSalt = 2, kNonce = kSalt + MessageCipher::kSaltSize;

SecretBytes Key(std::size_t size) { return SecretBytes::CopyOf(Bytes(size, 9)); }

Bytes SaltOf(const Bytes& sealed) {
  return {sealed.begin() + kSalt, sealed.begin() + kNonce};
}
Bytes NonceOf(const Bytes& sealed) {
  return {sealed.begin() + kNonce, sealed.begin() + kNonce + MessageCipher::kNonceSize};
}

// A second implementation, of the words in docs/record_format.md.
Bytes OpenAsDocumented(CipherSuite suite, ByteView head, ByteView context,
                       const Bytes& body) {
  const bool aes = suite == CipherSuite::kAes256Gcm;
  Bytes info;
  for (const char c : std::string_view("libkms sealed message v1")) {
    info.push_back(static_cast<std::uint8_t>(c));
  }
  info.push_back(aes ? 1 : 2);
  info.insert(info.end(), head.begin(), head.end());
  const SecretBytes key =
      Hkdf(aes ? DigestAlgorithm::kSha256 : DigestAlgorithm::kSm3,
           Bytes(KeySize(suite), 9), SaltOf(body), info, KeySize(suite));
  Bytes associated;
  for (const ByteView part : {head, context}) {
    associated.insert(associated.end(), 7, 0);
    associated.push_back(static_cast<std::uint8_t>(part.size()));
    associated.insert(associated.end(), part.begin(), part.end());
  }
  const auto mode = Botan::AEAD_Mode::create_or_throw(aes ? "AES-256/GCM" : "SM4/GCM",
                                                      botan::kDecryption);
  mode->set_key(key.Reveal().data(), key.size());
  mode->set_associated_data(associated.data(), associated.size());
  const Bytes nonce = NonceOf(body);
  mode->start(nonce.data(), nonce.size());
  Botan::secure_vector<std::uint8_t> text(body.begin() + 30, body.end());
  mode->finish(text);
  return {text.begin(), text.end()};
}

TEST(MessageCipherTest, SealsAsDocumentedAtEverySize) {
  for (const auto suite : {CipherSuite::kAes256Gcm, CipherSuite::kSm4Gcm}) {
    MessageCipher cipher(suite, Key(KeySize(suite)));
    const Bytes head = {1, 2, 3}, context = {4, 5};
    for (std::size_t size = 0; size < 300; ++size) {
      Bytes text(size);
      for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::uint8_t>(i * 7);
      const Bytes sealed = cipher.Seal(head, context, text).value();
      ASSERT_EQ(sealed.size(), head.size() + MessageCipher::kOverhead + size);
      ASSERT_TRUE(std::equal(head.begin(), head.end(), sealed.begin()));
      const Bytes body(sealed.begin() + 3, sealed.end());
      EXPECT_EQ(OpenAsDocumented(suite, head, context, body), text);
      const auto opened = cipher.Open(head, context, body);
      ASSERT_OK(opened);
      EXPECT_TRUE(std::ranges::equal(opened.value().Reveal(), text)) << size;
    }
  }
}

TEST(MessageCipherTest, AChangedBitInALongMessageIsRefused) {
  MessageCipher cipher(CipherSuite::kAes256Gcm, Key(32));
  const Bytes sealed = cipher.Seal({}, {}, Bytes(1000, 3)).value();
  for (std::size_t at = 30; at < sealed.size(); at += 7) {
    Bytes changed = sealed;
    changed[at] ^= 0x10;
    EXPECT_THAT(cipher.Open({}, {}, changed), testing::Fails(Reason::kBadCiphertext));
    EXPECT_OK(cipher.Open({}, {}, sealed));
  }
}

TEST(MessageCipherTest, FollowsChangesOfTheContext) {
  MessageCipher cipher(CipherSuite::kAes256Gcm, Key(32));
  const Bytes a = {1}, b = {1, 2};
  const Bytes of_a = cipher.Seal({}, a, a).value(), of_b = cipher.Seal({}, b, b).value();
  const Bytes again = cipher.Seal({}, a, a).value();
  EXPECT_OK(cipher.Open({}, a, of_a));
  EXPECT_OK(cipher.Open({}, b, of_b));
  EXPECT_OK(cipher.Open({}, a, again));
  EXPECT_THAT(cipher.Open({}, b, of_a), testing::Fails(Reason::kBadCiphertext));
  EXPECT_THAT(cipher.Open({}, {}, of_a), testing::Fails(Reason::kBadCiphertext));
}

TEST(MessageCipherTest, ASaltServesItsNumberOfMessages) {
  MessageCipher cipher(CipherSuite::kAes256Gcm, Key(32), 4);
  std::vector<Bytes> salts;
  std::set<Bytes> seen;
  for (std::uint8_t i = 0; i < 12; ++i) {
    const Bytes sealed = cipher.Seal({}, {}, {}).value();
    salts.push_back(SaltOf(sealed));
    EXPECT_EQ(NonceOf(sealed).back(), i % 4);
    EXPECT_EQ(salts[i] == salts[i / 4 * 4], true);
    seen.insert(salts[i]);
    EXPECT_OK(cipher.Open({}, {}, sealed));
  }
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(MessageCipher::kMessagesPerSalt, 1u << 20);
}

TEST(MessageCipherTest, OpensMoreSaltsThanItRemembersFromManyThreads) {
  MessageCipher cipher(CipherSuite::kSm4Gcm, Key(16), 1);
  std::vector<Bytes> sealed;
  for (std::uint8_t i = 0; i < 100; ++i) {
    sealed.push_back(cipher.Seal({}, {}, Bytes{i}).value());
  }
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&] {
      for (int round = 0; round < 3; ++round) {
        for (std::uint8_t i = 0; i < 100; ++i) {
          const auto opened = cipher.Open({}, {}, sealed[i]);
          ASSERT_TRUE(opened && opened.value().Reveal()[0] == i);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(PoolTest, KeepsTheMostRecentlyUsed) {
  Pool<int> pool(2);
  const auto is = [](int wanted) { return [wanted](int it) { return it == wanted; }; };
  EXPECT_EQ(pool.Take(is(1)), nullptr);
  for (const int number : {1, 2}) pool.Give(std::make_unique<int>(number));
  auto one = pool.Take(is(1));
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(pool.Take(is(1)), nullptr);
  pool.Give(std::move(one));
  pool.Give(std::make_unique<int>(3));  // 2 was used least recently
  EXPECT_EQ(pool.Take(is(2)), nullptr);
  EXPECT_NE(pool.Take(is(1)), nullptr);
  EXPECT_NE(pool.Take(is(3)), nullptr);
}

}  // namespace
}  // namespace kms::internal
