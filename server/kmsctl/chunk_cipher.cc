#include "kmsctl/chunk_cipher.h"

#include <openssl/evp.h>

#include <algorithm>

#include "kms/secret_bytes.h"

namespace kms::server {
namespace {

Error Broken() { return Error(Reason::kInternal, "AES-256-GCM of OpenSSL failed"); }

Error Refused() {
  return Error(ErrorClass::kAuthFailed, Reason::kBadCiphertext,
               "the file was changed or cut, or its data key is another one");
}

}  // namespace

void ChunkCipher::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);  // wipes the key schedule
}

Result<ChunkCipher> ChunkCipher::New(ByteView key, ByteView prefix) {
  ChunkCipher made;
  if (key.size() != kKeySize || prefix.size() != kPrefixSize) return Broken();
  made.context_.reset(EVP_CIPHER_CTX_new());
  if (!made.context_ || EVP_CipherInit_ex(made.context_.get(), EVP_aes_256_gcm(), nullptr,
                                          key.data(), nullptr, 1) != 1)
    return Broken();
  std::copy(prefix.begin(), prefix.end(), made.prefix_.begin());
  return made;
}

std::array<std::uint8_t, 12> ChunkCipher::Nonce(std::uint32_t number, bool last) const {
  std::array<std::uint8_t, 12> nonce{};
  std::copy(prefix_.begin(), prefix_.end(), nonce.begin());
  for (int i = 0; i < 4; ++i)
    nonce[kPrefixSize + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  nonce[11] = last ? 1 : 0;
  return nonce;
}

Result<void> ChunkCipher::Seal(std::uint32_t number, bool last, ByteView plaintext,
                               std::span<std::uint8_t> out) {
  EVP_CIPHER_CTX* const context = context_.get();
  const auto nonce = Nonce(number, last);
  int written = 0;
  int rest = 0;
  if (EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), 1) != 1 ||
      EVP_CipherUpdate(context, out.data(), &written, plaintext.data(),
                       static_cast<int>(plaintext.size())) != 1 ||
      EVP_CipherFinal_ex(context, out.data() + written, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize,
                          out.data() + plaintext.size()) != 1)
    return Broken();
  return {};
}

Result<void> ChunkCipher::Open(std::uint32_t number, bool last, ByteView sealed,
                               std::span<std::uint8_t> out) {
  if (sealed.size() < kTagSize) return Refused();
  EVP_CIPHER_CTX* const context = context_.get();
  const auto nonce = Nonce(number, last);
  const ByteView body = sealed.first(sealed.size() - kTagSize);
  std::array<std::uint8_t, kTagSize> tag{};
  std::copy(sealed.end() - kTagSize, sealed.end(), tag.begin());
  // An address even for an empty chunk: OpenSSL reads a null one as associated data.
  std::uint8_t nothing = 0;
  std::uint8_t* const target = out.empty() ? &nothing : out.data();
  int written = 0;
  int rest = 0;
  if (EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), 0) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) != 1 ||
      EVP_CipherUpdate(context, target, &written, body.data(),
                       static_cast<int>(body.size())) != 1 ||
      EVP_CipherFinal_ex(context, target + written, &rest) != 1) {
    Wipe(out.first(body.size()));
    return Refused();
  }
  return {};
}

}  // namespace kms::server
