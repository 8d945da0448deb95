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
  return Digest(algorithm, {data});
}

Digest32 Digest(DigestAlgorithm algorithm, std::initializer_list<ByteView> pieces) {
  // A new object costs as much as a short message does. It holds nothing between two
  // uses.
  thread_local Hasher of_sha256(DigestAlgorithm::kSha256);
  thread_local Hasher of_sm3(DigestAlgorithm::kSm3);
  Hasher& hasher = algorithm == DigestAlgorithm::kSha256 ? of_sha256 : of_sm3;
  for (const ByteView piece : pieces) hasher.Add(piece);
  return hasher.Finish();
}

Digest32 Hmac(DigestAlgorithm algorithm, ByteView key, ByteView data) {
  // As with Digest. It has no key between two uses.
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
