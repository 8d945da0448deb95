// ChunkCipher: AES-256-GCM over numbered chunks, for kmsctl/envelope_file.h.
//
// Threads: one at a time.

#ifndef KMS_SERVER_KMSCTL_CHUNK_CIPHER_H_
#define KMS_SERVER_KMSCTL_CHUNK_CIPHER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "kms/bytes.h"
#include "kms/result.h"

struct evp_cipher_ctx_st;

namespace kms::server {

class ChunkCipher {
 public:
  static constexpr std::size_t kKeySize = 32;
  static constexpr std::size_t kPrefixSize = 7;
  static constexpr std::size_t kTagSize = 16;

  // `prefix` begins every nonce.
  // Fails: kInternal.
  static Result<ChunkCipher> New(ByteView key, ByteView prefix);

  // Seal writes the ciphertext and the tag to `out`, which has room for
  // plaintext.size() + kTagSize bytes.
  Result<void> Seal(std::uint32_t number, bool last, ByteView plaintext,
                    std::span<std::uint8_t> out);

  // Open writes the plaintext to `out`, which has room for sealed.size() - kTagSize
  // bytes; on failure `out` is wiped.
  // Fails: kAuthFailed with Reason::kBadCiphertext.
  Result<void> Open(std::uint32_t number, bool last, ByteView sealed,
                    std::span<std::uint8_t> out);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  ChunkCipher() = default;
  std::array<std::uint8_t, 12> Nonce(std::uint32_t number, bool last) const;

  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
  std::array<std::uint8_t, kPrefixSize> prefix_{};
};

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_CHUNK_CIPHER_H_
