#include "kms/digest.h"

#include <botan/hash.h>
#include <botan/mac.h>

#include "crypto/botan_compat.h"

namespace kms {

Digest32 Digest(DigestAlgorithm algorithm, ByteView data) {
  const auto hash = Botan::HashFunction::create_or_throw(
      algorithm == DigestAlgorithm::kSha256 ? "SHA-256" : "SM3");
  Digest32 digest;
  hash->update(data.data(), data.size());
  hash->final(digest.data());
  return digest;
}

Digest32 Hmac(DigestAlgorithm algorithm, ByteView key, ByteView data) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw(
      algorithm == DigestAlgorithm::kSha256 ? "HMAC(SHA-256)" : "HMAC(SM3)");
  Digest32 digest;
  mac->set_key(key.data(), key.size());
  mac->update(data.data(), data.size());
  mac->final(digest.data());
  return digest;
}

SecretBytes Hkdf(DigestAlgorithm algorithm, ByteView key, ByteView salt, ByteView info,
                 std::size_t size) {
  const auto kdf = Botan::KDF::create_or_throw(
      algorithm == DigestAlgorithm::kSha256 ? "HKDF(SHA-256)" : "HKDF(SM3)");
  return SecretBytes::CopyOf(botan::Derive(*kdf, size, key, salt, info));
}

}  // namespace kms
