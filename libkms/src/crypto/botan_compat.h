// The one place that asks which Botan this is: 2.19 or 3.

#ifndef KMS_CRYPTO_BOTAN_COMPAT_H_
#define KMS_CRYPTO_BOTAN_COMPAT_H_

#include <botan/aead.h>
#include <botan/bigint.h>
#include <botan/ec_group.h>
#include <botan/hash.h>
#include <botan/kdf.h>
#include <botan/mac.h>
#include <botan/pubkey.h>
#include <botan/sm2.h>
#include <botan/version.h>

#include <memory>
#include <utility>

#include "kms/bytes.h"

namespace kms::botan {

#if BOTAN_VERSION_MAJOR >= 3

inline constexpr auto kEncryption = Botan::Cipher_Dir::Encryption;
inline constexpr auto kDecryption = Botan::Cipher_Dir::Decryption;
inline constexpr auto kPlainSignature = Botan::Signature_Format::Standard;
inline constexpr auto kDerSignature = Botan::Signature_Format::DerSequence;

inline Botan::EC_Group Sm2Group() { return Botan::EC_Group::from_name("sm2p256v1"); }

// Null if the 65 bytes 04 x y are no point of the curve.
inline std::unique_ptr<Botan::SM2_PublicKey> Sm2PublicKey(const Botan::EC_Group& group,
                                                          ByteView point) {
  const auto decoded = Botan::EC_AffinePoint::deserialize(group, point);
  if (!decoded) return nullptr;
  return std::make_unique<Botan::SM2_PublicKey>(group, *decoded);
}

// Null if the 32 bytes are no scalar of the group.
inline std::unique_ptr<Botan::SM2_PrivateKey> Sm2PrivateKey(
    const Botan::EC_Group& group, ByteView scalar, Botan::RandomNumberGenerator&) {
  auto decoded = Botan::EC_Scalar::deserialize(group, scalar);
  if (!decoded || decoded->is_zero()) return nullptr;
  return std::make_unique<Botan::SM2_PrivateKey>(group, std::move(*decoded));
}

inline Botan::secure_vector<std::uint8_t> Sm2Scalar(const Botan::SM2_PrivateKey& key) {
  return key.raw_private_key_bits();
}

// Big-endian, without zeros before it.
inline Botan::secure_vector<std::uint8_t> BytesOf(const Botan::BigInt& number) {
  return number.serialize<Botan::secure_vector<std::uint8_t>>();
}

inline Botan::secure_vector<std::uint8_t> Derive(const Botan::KDF& kdf, std::size_t size,
                                                 ByteView key, ByteView salt,
                                                 ByteView info) {
  return kdf.derive_key(size, key, salt, info);
}

// A new object of the same algorithm, with neither its key nor its state.
template <typename Algorithm>
std::unique_ptr<Algorithm> AnotherOf(const Algorithm& algorithm) {
  return algorithm.new_object();
}

#else

inline constexpr auto kEncryption = Botan::ENCRYPTION;
inline constexpr auto kDecryption = Botan::DECRYPTION;
inline constexpr auto kPlainSignature = Botan::IEEE_1363;
inline constexpr auto kDerSignature = Botan::DER_SEQUENCE;

inline Botan::EC_Group Sm2Group() { return Botan::EC_Group("sm2p256v1"); }

// Null if the 65 bytes 04 x y are no point of the curve.
inline std::unique_ptr<Botan::SM2_PublicKey> Sm2PublicKey(const Botan::EC_Group& group,
                                                          ByteView point) {
  try {
    return std::make_unique<Botan::SM2_PublicKey>(
        group, group.OS2ECP(point.data(), point.size()));
  } catch (const Botan::Exception&) {
    return nullptr;
  }
}

// Null if the 32 bytes are no scalar of the group.
inline std::unique_ptr<Botan::SM2_PrivateKey> Sm2PrivateKey(
    const Botan::EC_Group& group, ByteView scalar, Botan::RandomNumberGenerator& rng) {
  const Botan::BigInt value(scalar.data(), scalar.size());
  if (value.is_zero() || value >= group.get_order()) return nullptr;
  return std::make_unique<Botan::SM2_PrivateKey>(rng, group, value);
}

inline Botan::secure_vector<std::uint8_t> Sm2Scalar(const Botan::SM2_PrivateKey& key) {
  return Botan::BigInt::encode_1363(key.private_value(), 32);
}

// Big-endian, without zeros before it.
inline Botan::secure_vector<std::uint8_t> BytesOf(const Botan::BigInt& number) {
  return Botan::BigInt::encode_locked(number);
}

inline Botan::secure_vector<std::uint8_t> Derive(const Botan::KDF& kdf, std::size_t size,
                                                 ByteView key, ByteView salt,
                                                 ByteView info) {
  return kdf.derive_key(size, key.data(), key.size(), salt.data(), salt.size(),
                        info.data(), info.size());
}

template <typename Algorithm>
std::unique_ptr<Algorithm> AnotherOf(const Algorithm& algorithm) {
  return std::unique_ptr<Algorithm>(algorithm.clone());
}

#endif

}  // namespace kms::botan

#endif  // KMS_CRYPTO_BOTAN_COMPAT_H_
