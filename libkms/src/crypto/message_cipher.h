// MessageCipher: seals messages under one key, each with its own nonce.
//
// A sealed body is: format 01, suite, salt (16), nonce (12), ciphertext, tag (16).
// The message key is HKDF(key, salt, label, suite, head); the associated data are
// the head and the context, each behind its length. A salt is drawn at random for a
// seal state and serves 2^20 messages, whose nonces count from zero; so no nonce
// repeats under a message key, and no message waits for randomness.
//
// Threads: one cipher may be used from many threads at once.

#ifndef KMS_CRYPTO_MESSAGE_CIPHER_H_
#define KMS_CRYPTO_MESSAGE_CIPHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "crypto/pool.h"
#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::internal {

enum class CipherSuite : std::uint8_t { kAes256Gcm = 1, kSm4Gcm = 2 };

constexpr std::size_t KeySize(CipherSuite suite) {
  return suite == CipherSuite::kAes256Gcm ? 32 : 16;
}

class MessageCipher {
 public:
  static constexpr std::size_t kSaltSize = 16;
  static constexpr std::size_t kNonceSize = 12;
  static constexpr std::size_t kTagSize = 16;
  static constexpr std::size_t kOverhead = 2 + kSaltSize + kNonceSize + kTagSize;

  static constexpr std::uint64_t kMessagesPerSalt = std::uint64_t{1} << 20;

  MessageCipher(CipherSuite suite, SecretBytes key,
                std::uint64_t messages_per_salt = kMessagesPerSalt);
  MessageCipher(const MessageCipher&) = delete;
  MessageCipher& operator=(const MessageCipher&) = delete;
  ~MessageCipher();

  // Seal returns `head` followed by the body.
  // Fails: kUnavailable with Reason::kRandomFailed.
  Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext);

  // Open fails with Reason::kBadCiphertext for every way to be wrong.
  Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body);

 private:
  struct State;

  std::unique_ptr<State> NewState(bool seals, ByteView head, ByteView salt) const;

  const CipherSuite suite_;
  const std::uint64_t messages_per_salt_;
  const SecretBytes key_;
  Pool<State> sealing_;
  Pool<State> opening_;
};

}  // namespace kms::internal

#endif  // KMS_CRYPTO_MESSAGE_CIPHER_H_
