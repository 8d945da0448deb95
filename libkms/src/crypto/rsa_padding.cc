// The padding checks are deprecated in OpenSSL 3 in favour of whole decryptions. Those
// answer a wrong PKCS#1 v1.5 padding with random bytes from OpenSSL 3.2 on, and cannot be
// had at all where the key is in a token.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/rsa_padding.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <span>
#include <utility>

#include "crypto/openssl_context.h"

namespace kms::internal {

Result<SecretBytes> Unpad(EncryptionAlgorithm algorithm, ByteView encoded) {
  if (encoded.size() != kRsaSize) return Reason::kBadCiphertext;
  const QuietErrors quiet;
  int size = -1;
  const SecretBytes room =
      SecretBytes::Filled(encoded.size(), [&](std::span<std::uint8_t> out) {
        const int room_size = static_cast<int>(out.size());
        const int encoded_size = static_cast<int>(encoded.size());
        const EVP_MD* const digest =
            algorithm == EncryptionAlgorithm::kRsaOaepSha256 ? EVP_sha256() : EVP_sha1();
        if (algorithm == EncryptionAlgorithm::kRsaPkcs1) {
          size = RSA_padding_check_PKCS1_type_2(out.data(), room_size, encoded.data(),
                                                encoded_size, encoded_size);
        } else {
          size = RSA_padding_check_PKCS1_OAEP_mgf1(out.data(), room_size, encoded.data(),
                                                   encoded_size, encoded_size, nullptr, 0,
                                                   digest, digest);
        }
      });
  if (size < 0) return Reason::kBadCiphertext;
  return SecretBytes::CopyOf(room.Reveal().first(static_cast<std::size_t>(size)));
}

Result<SecretBytes> OfSize(std::size_t size, EncryptionAlgorithm algorithm,
                           SecretBytes key) {
  if (key.size() == size) return key;
  return algorithm == EncryptionAlgorithm::kRsaPkcs1 ? Reason::kBadCiphertext
                                                     : Reason::kBadAesKeyLength;
}

}  // namespace kms::internal
