#include "kms/digest.h"

#include "crypto/botan_compat.h"
#include "crypto/hasher.h"

namespace kms {
namespace {

// Botan looks an algorithm up by its name, which costs as much as a short message does.
// So each is looked up once, and copied from then on.
template <typename Algorithm>
std::unique_ptr<Algorithm> New(DigestAlgorithm algorithm, const char* sha256,
                               const char* sm3) {
  static const auto of_sha256 = Algorithm::create_or_throw(sha256);
  static const auto of_sm3 = Algorithm::create_or_throw(sm3);
  return botan::AnotherOf(algorithm == DigestAlgorithm::kSha256 ? *of_sha256 : *of_sm3);
}

}  // namespace

Hasher::Hasher(DigestAlgorithm algorithm)
    : hash_(New<Botan::HashFunction>(algorithm, "SHA-256", "SM3")) {}

Hasher::~Hasher() = default;

void Hasher::Add(ByteView piece) { hash_->update(piece.data(), piece.size()); }

Digest32 Hasher::Finish() {
  Digest32 digest;
  hash_->final(digest.data());
  return digest;
}

Digest32 Digest(DigestAlgorithm algorithm, ByteView data) {
  Hasher hasher(algorithm);
  hasher.Add(data);
  return hasher.Finish();
}

Digest32 Hmac(DigestAlgorithm algorithm, ByteView key, ByteView data) {
  // A new object costs more than a short message does. It has no key between two uses.
  thread_local const auto of_sha256 = New<Botan::MessageAuthenticationCode>(
      DigestAlgorithm::kSha256, "HMAC(SHA-256)", "HMAC(SM3)");
  thread_local const auto of_sm3 = New<Botan::MessageAuthenticationCode>(
      DigestAlgorithm::kSm3, "HMAC(SHA-256)", "HMAC(SM3)");
  Botan::MessageAuthenticationCode& mac =
      algorithm == DigestAlgorithm::kSha256 ? *of_sha256 : *of_sm3;
  Digest32 digest;
  mac.set_key(key.data(), key.size());
  mac.update(data.data(), data.size());
  mac.final(digest.data());
  mac.clear();
  return digest;
}

SecretBytes Hkdf(DigestAlgorithm algorithm, ByteView key, ByteView salt, ByteView info,
                 std::size_t size) {
  const auto kdf = New<Botan::KDF>(algorithm, "HKDF(SHA-256)", "HKDF(SM3)");
  return SecretBytes::CopyOf(botan::Derive(*kdf, size, key, salt, info));
}

}  // namespace kms
