#include "crypto/botan_keys.h"

#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/system_rng.h>
#include <botan/x509_key.h>

#include <array>
#include <exception>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "crypto/botan_compat.h"
#include "crypto/pool.h"
#include "crypto/rsa_padding.h"
#include "crypto/sm2_der.h"

namespace kms::internal {
namespace {

constexpr std::size_t kDigestSize = 32;
constexpr std::size_t kRsaBits = 2048;
constexpr std::size_t kIdleObjects = 16;

std::string NameOf(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kRsaPssSha256:
      return "PSS_Raw(SHA-256,MGF1,32)";
    case SignatureAlgorithm::kRsaPkcs1Sha256:
      return "PKCS1v15(Raw,SHA-256)";
    case SignatureAlgorithm::kSm2:
      return "1234567812345678,Raw";
  }
  return {};
}

std::string NameOf(EncryptionAlgorithm algorithm) {
  switch (algorithm) {
    case EncryptionAlgorithm::kRsaOaepSha256:
      return "OAEP(SHA-256)";
    case EncryptionAlgorithm::kRsaOaepSha1:
      return "OAEP(SHA-1)";
    case EncryptionAlgorithm::kRsaPkcs1:
      return "PKCS1v15";
    case EncryptionAlgorithm::kSm2:
      return "SM3";
  }
  return {};
}

std::size_t MaxPlaintext(EncryptionAlgorithm algorithm) {
  switch (algorithm) {
    case EncryptionAlgorithm::kRsaOaepSha256:
      return 190;
    case EncryptionAlgorithm::kRsaOaepSha1:
      return 214;
    case EncryptionAlgorithm::kRsaPkcs1:
      return 245;
    case EncryptionAlgorithm::kSm2:
      return kSm2MaxPlaintext;
  }
  return 0;
}

// A Botan operation with the randomness that it refers to.
template <typename Operation>
struct Ready {
  template <typename Key, typename... Name>
  explicit Ready(const Key& key, const std::string& name, Name... format)
      : operation(Make(key, name, format...)) {}

  Botan::System_RNG rng;
  std::unique_ptr<Operation> operation;

 private:
  template <typename Key, typename... Name>
  std::unique_ptr<Operation> Make(const Key& key, const std::string& name,
                                  Name... format) {
    if constexpr (std::is_same_v<Operation, Botan::PK_Verifier>) {
      return std::make_unique<Operation>(key, name, format...);
    } else {
      return std::make_unique<Operation>(key, rng, name, format...);
    }
  }
};

// One pool for each algorithm. An object that failed is dropped, not given back.
template <typename Operation, std::size_t kAlgorithms>
class Operations {
 public:
  template <typename Algorithm, typename Key, typename Use, typename... Format>
  auto With(Algorithm algorithm, const Key& key, Use use, Format... format) {
    auto& pool = pools_[static_cast<std::size_t>(algorithm)];
    auto ready = pool.Take([](const auto&) { return true; });
    if (!ready) {
      ready = std::make_unique<Ready<Operation>>(key, NameOf(algorithm), format...);
    }
    auto result = use(*ready->operation, ready->rng);
    pool.Give(std::move(ready));
    return result;
  }

 private:
  using OnePool = Pool<Ready<Operation>>;
  template <std::size_t... kIndex>
  static std::array<OnePool, kAlgorithms> MakePools(std::index_sequence<kIndex...>) {
    return {((void)kIndex, OnePool(kIdleObjects))...};
  }
  std::array<OnePool, kAlgorithms> pools_ =
      MakePools(std::make_index_sequence<kAlgorithms>());
};

Error Unsupported() { return Error(Reason::kAlgorithmNotSupported); }
Error BadCiphertext() { return Error(Reason::kBadCiphertext); }

template <typename T, typename Body>
Result<T> Guarded(Reason reason, Body body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return reason;
  }
}

class BotanPrivateKey final : public PrivateKey {
 public:
  BotanPrivateKey(KeySpec spec, std::unique_ptr<Botan::Private_Key> key)
      : spec_(spec), key_(std::move(key)) {}

  Result<Bytes> Sign(SignatureAlgorithm algorithm, ByteView digest) override {
    if (!Fits(algorithm, spec_)) return Unsupported();
    if (digest.size() != kDigestSize) return Reason::kBadParameter;
    return Guarded<Bytes>(Reason::kInternal, [&] {
      return signers_.With(
          algorithm, *key_,
          [&](Botan::PK_Signer& signer, Botan::System_RNG& rng) {
            return Bytes(signer.sign_message(digest.data(), digest.size(), rng));
          },
          spec_ == KeySpec::kSm2 ? botan::kDerSignature : botan::kPlainSignature);
    });
  }

  Result<SecretBytes> Decrypt(EncryptionAlgorithm algorithm,
                              ByteView ciphertext) override {
    if (!Fits(algorithm, spec_)) return Unsupported();
    return Guarded<SecretBytes>(Reason::kBadCiphertext, [&]() -> Result<SecretBytes> {
      KMS_TRY(const Bytes input, Normalise(ciphertext));
      return decryptors_.With(
          algorithm, *key_, [&](Botan::PK_Decryptor& decryptor, Botan::System_RNG&) {
            return SecretBytes::CopyOf(decryptor.decrypt(input.data(), input.size()));
          });
    });
  }

  Result<SecretBytes> DecryptKey(EncryptionAlgorithm algorithm, ByteView ciphertext,
                                 std::size_t size) override {
    if (algorithm == EncryptionAlgorithm::kRsaPkcs1 && Fits(algorithm, spec_)) {
      return DecryptPkcs1Key(ciphertext, size);
    }
    KMS_TRY(SecretBytes key, Decrypt(algorithm, ciphertext));
    if (key.size() != size) return Reason::kBadAesKeyLength;
    return key;
  }

  std::size_t footprint_bytes() const override {
    return spec_ == KeySpec::kSm2 ? 8 * 1024 : 32 * 1024;
  }

 private:
  // Returns what Botan may see: of the right length, in canonical form, on the curve.
  Result<Bytes> Normalise(ByteView ciphertext) const {
    if (spec_ == KeySpec::kRsa2048) {
      if (ciphertext.size() != kRsaSize) return BadCiphertext();
      return Bytes(ciphertext.begin(), ciphertext.end());
    }
    const auto read = ReadSm2Ciphertext(ciphertext);
    if (!read || botan::Sm2PublicKey(botan::Sm2Group(), read->point) == nullptr) {
      return BadCiphertext();
    }
    return WriteSm2Ciphertext(*read);
  }

  // A wrong padding yields fresh random bytes each time, a right one the same bytes
  // twice; so comparing tells them apart with the same work for both.
  Result<SecretBytes> DecryptPkcs1Key(ByteView ciphertext, std::size_t size) {
    // Shorter keys would agree by chance.
    if (ciphertext.size() != kRsaSize || size < 16) return BadCiphertext();
    return Guarded<SecretBytes>(Reason::kBadCiphertext, [&]() -> Result<SecretBytes> {
      return decryptors_.With(EncryptionAlgorithm::kRsaPkcs1, *key_,
                              [&](Botan::PK_Decryptor& decryptor,
                                  Botan::System_RNG& rng) -> Result<SecretBytes> {
                                const auto once = decryptor.decrypt_or_random(
                                    ciphertext.data(), ciphertext.size(), size, rng);
                                const auto twice = decryptor.decrypt_or_random(
                                    ciphertext.data(), ciphertext.size(), size, rng);
                                if (!ConstantTimeEqual(once, twice))
                                  return BadCiphertext();
                                return SecretBytes::CopyOf(once);
                              });
    });
  }

  const KeySpec spec_;
  const std::unique_ptr<const Botan::Private_Key> key_;
  Operations<Botan::PK_Signer, 3> signers_;
  Operations<Botan::PK_Decryptor_EME, 4> decryptors_;
};

class BotanPublicKey final : public PublicKey {
 public:
  BotanPublicKey(KeySpec spec, std::unique_ptr<Botan::Public_Key> key)
      : spec_(spec), key_(std::move(key)) {}

  Result<bool> Verify(SignatureAlgorithm algorithm, ByteView digest,
                      ByteView signature) override {
    if (!Fits(algorithm, spec_)) return Unsupported();
    if (digest.size() != kDigestSize) return Reason::kBadParameter;
    Bytes plain(signature.begin(), signature.end());
    if (spec_ == KeySpec::kSm2) {
      auto read = Sm2PlainSignature(signature);
      if (!read) return false;
      plain = std::move(*read);
    } else if (signature.size() != kRsaSize) {
      return false;
    }
    auto verified = Guarded<bool>(Reason::kInternal, [&] {
      return verifiers_.With(
          algorithm, *key_,
          [&](Botan::PK_Verifier& verifier, Botan::System_RNG&) {
            return verifier.verify_message(digest.data(), digest.size(), plain.data(),
                                           plain.size());
          },
          botan::kPlainSignature);
    });
    return verified && *verified;
  }

  Result<Bytes> Encrypt(EncryptionAlgorithm algorithm, ByteView plaintext) override {
    if (!Fits(algorithm, spec_)) return Unsupported();
    if (plaintext.size() > MaxPlaintext(algorithm)) return Reason::kTooLong;
    if (spec_ == KeySpec::kSm2 && plaintext.empty()) return Reason::kBadParameter;
    return Guarded<Bytes>(Reason::kInternal, [&] {
      return encryptors_.With(
          algorithm, *key_,
          [&](Botan::PK_Encryptor& encryptor, Botan::System_RNG& rng) -> Bytes {
            for (;;) {
              Bytes made = encryptor.encrypt(plaintext.data(), plaintext.size(), rng);
              if (spec_ != KeySpec::kSm2) return made;
              // A mask of zeros must be drawn again; Botan does not.
              const auto read = ReadSm2Ciphertext(made);
              if (read && !ConstantTimeEqual(read->masked, plaintext)) return made;
            }
          });
    });
  }

  KeySpec spec() const override { return spec_; }
  std::size_t footprint_bytes() const override { return 8 * 1024; }

 private:
  const KeySpec spec_;
  const std::unique_ptr<const Botan::Public_Key> key_;
  Operations<Botan::PK_Verifier, 3> verifiers_;
  Operations<Botan::PK_Encryptor_EME, 4> encryptors_;
};

}  // namespace

NewPair GeneratePair(KeySpec spec) {
  Botan::System_RNG rng;
  if (spec == KeySpec::kSm2) {
    const Botan::SM2_PrivateKey key(rng, botan::Sm2Group());
    return {SecretBytes::CopyOf(botan::Sm2Scalar(key)),
            Sm2PublicKeyInfo(key.public_key_bits())};
  }
  const Botan::RSA_PrivateKey key(rng, kRsaBits, 65537);
  return {SecretBytes::CopyOf(Botan::PKCS8::BER_encode(key)),
          Botan::X509::BER_encode(key)};
}

std::shared_ptr<PrivateKey> ReadPrivateKey(KeySpec spec, ByteView secret) {
  if (spec == KeySpec::kSm2) {
    if (secret.size() != 32) return nullptr;
    Botan::System_RNG rng;
    auto key = botan::Sm2PrivateKey(botan::Sm2Group(), secret, rng);
    if (key == nullptr) return nullptr;
    return std::make_shared<BotanPrivateKey>(spec, std::move(key));
  }
  auto key = ReadRsa(secret);
  if (key == nullptr) return nullptr;
  return std::make_shared<BotanPrivateKey>(spec, std::move(key));
}

std::unique_ptr<Botan::RSA_PrivateKey> ReadRsa(ByteView pkcs8) {
  Botan::DataSource_Memory source(pkcs8.data(), pkcs8.size());
  std::unique_ptr<Botan::Private_Key> key(Botan::PKCS8::load_key(source));
  if (key->key_length() != kRsaBits) return nullptr;
  auto* const rsa = dynamic_cast<Botan::RSA_PrivateKey*>(key.get());
  if (rsa == nullptr) return nullptr;
  (void)key.release();
  return std::unique_ptr<Botan::RSA_PrivateKey>(rsa);
}

std::shared_ptr<PublicKey> ReadPublicKey(ByteView public_key_info) {
  if (const auto point = Sm2PointOf(public_key_info)) {
    auto key = botan::Sm2PublicKey(botan::Sm2Group(), *point);
    if (key == nullptr) return nullptr;
    return std::make_shared<BotanPublicKey>(KeySpec::kSm2, std::move(key));
  }
  const Bytes given(public_key_info.begin(), public_key_info.end());
  std::unique_ptr<Botan::Public_Key> key(Botan::X509::load_key(given));
  const auto* rsa = dynamic_cast<const Botan::RSA_PublicKey*>(key.get());
  if (rsa == nullptr || rsa->get_n().bits() != kRsaBits || rsa->get_n().is_even() ||
      rsa->get_e().is_even() || rsa->get_e() < 3 || rsa->get_e().bits() > 64 ||
      Botan::X509::BER_encode(*rsa) != given) {
    return nullptr;
  }
  return std::make_shared<BotanPublicKey>(KeySpec::kRsa2048, std::move(key));
}

}  // namespace kms::internal
