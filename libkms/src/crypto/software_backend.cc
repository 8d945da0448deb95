#include <botan/system_rng.h>

#include <exception>
#include <new>
#include <utility>

#include "crypto/botan_keys.h"
#include "crypto/message_cipher.h"
#include "crypto/openssl_rsa.h"
#include "crypto/pair_test.h"
#include "crypto/self_test.h"
#include "kms/crypto_backend.h"
#include "kms/digest.h"

namespace kms {

namespace {

using internal::CipherSuite;

CipherSuite SuiteOf(KeySpec spec) {
  return spec == KeySpec::kAes256 ? CipherSuite::kAes256Gcm : CipherSuite::kSm4Gcm;
}

constexpr std::string_view kMacLabel = "libkms HMAC-SM3 v1";

class BotanSymmetricKey final : public SymmetricKey {
 public:
  BotanSymmetricKey(CipherSuite suite, SecretBytes key)
      : mac_key_(Hkdf(DigestAlgorithm::kSm3, key.Reveal(), {}, AsBytes(kMacLabel),
                      sizeof(Digest32))),
        cipher_(suite, std::move(key)) {}

  Result<Bytes> Seal(ByteView head, ByteView context, ByteView plaintext) override {
    return cipher_.Seal(head, context, plaintext);
  }
  Result<SecretBytes> Open(ByteView head, ByteView context, ByteView body) override {
    return cipher_.Open(head, context, body);
  }
  Result<Digest32> Mac(ByteView data) override {
    return Hmac(DigestAlgorithm::kSm3, mac_key_.Reveal(), data);
  }
  std::size_t footprint_bytes() const override { return 8 * 1024; }

 private:
  const SecretBytes mac_key_;
  internal::MessageCipher cipher_;
};

class SoftwareBackend final : public CryptoBackend {
 public:
  SoftwareBackend(const RootKey& root, internal::PrivateKeyReader read_private_key)
      : root_(root), read_private_key_(read_private_key) {}

  Result<void> SelfTest() override { return internal::RunSelfTest(read_private_key_); }

  Result<SecretBytes> Random(std::size_t size) override {
    try {
      return SecretBytes::Filled(size, [](std::span<std::uint8_t> out) {
        Botan::System_RNG rng;
        rng.randomize(out.data(), out.size());
      });
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& failure) {
      return Error(ErrorClass::kUnavailable, Reason::kRandomFailed, failure.what());
    }
  }

  Result<WrappedKey> Generate(KeySpec spec, const Place& place) override {
    if (IsSymmetric(spec)) {
      KMS_TRY(const SecretBytes key, Random(internal::KeySize(SuiteOf(spec))));
      return Import(spec, place, key);
    }
    try {
      internal::NewPair pair = internal::GeneratePair(spec);
      KMS_CHECK_OK(CheckPair(spec, pair.secret, pair.public_key));
      KMS_TRY(Bytes sealed, root_.Seal(place, pair.secret.Reveal()));
      return WrappedKey{std::move(sealed), std::move(pair.public_key)};
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& failure) {
      return Error(Reason::kKeyCreationFailed, failure.what());
    }
  }

  Result<WrappedKey> Import(KeySpec spec, const Place& place,
                            const SecretBytes& material) override {
    if (!IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
    if (material.size() != internal::KeySize(SuiteOf(spec))) {
      return spec == KeySpec::kAes256 ? Reason::kBadAesKeyLength
                                      : Reason::kBadSm4KeyLength;
    }
    KMS_TRY(Bytes sealed, root_.Seal(place, material.Reveal()));
    return WrappedKey{std::move(sealed), {}};
  }

  Result<WrappedKey> ImportPair(KeySpec spec, const Place& place,
                                const SecretBytes& secret, ByteView public_key) override {
    if (IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
    try {
      if (!CheckPair(spec, secret, public_key)) return Reason::kBadParameter;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {
      return Reason::kBadParameter;
    }
    KMS_TRY(Bytes sealed, root_.Seal(place, secret.Reveal()));
    return WrappedKey{std::move(sealed), Bytes(public_key.begin(), public_key.end())};
  }

  Result<SecretBytes> ExportPair(KeySpec spec, const Place& place,
                                 ByteView sealed) override {
    if (IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
    return root_.Open(place, sealed);
  }

  Result<std::shared_ptr<SymmetricKey>> LoadSymmetric(KeySpec spec, const Place& place,
                                                      ByteView sealed) override {
    if (!IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
    KMS_TRY(SecretBytes key, root_.Open(place, sealed));
    if (key.size() != internal::KeySize(SuiteOf(spec))) return Corrupt();
    return std::shared_ptr<SymmetricKey>(
        std::make_shared<BotanSymmetricKey>(SuiteOf(spec), std::move(key)));
  }

  Result<std::shared_ptr<PrivateKey>> LoadPrivate(KeySpec spec, const Place& place,
                                                  ByteView sealed) override {
    if (IsSymmetric(spec)) return Reason::kAlgorithmNotSupported;
    KMS_TRY(const SecretBytes secret, root_.Open(place, sealed));
    try {
      auto key = read_private_key_(spec, secret.Reveal());
      if (key == nullptr) return Corrupt();
      return key;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {
      return Corrupt();
    }
  }

  Result<std::shared_ptr<PublicKey>> LoadPublic(ByteView subject_public_key) override {
    try {
      auto key = internal::ReadPublicKey(subject_public_key);
      if (key == nullptr) return Reason::kBadRsaKeyLength;
      return key;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {
      return Reason::kBadRsaKeyLength;
    }
  }

 private:
  static Error Corrupt() { return Error(Reason::kKeyDecryptionFailed); }

  Result<void> CheckPair(KeySpec spec, const SecretBytes& secret,
                         ByteView subject_public_key) const {
    const auto private_key = read_private_key_(spec, secret.Reveal());
    const auto public_key = internal::ReadPublicKey(subject_public_key);
    if (private_key == nullptr || public_key == nullptr || public_key->spec() != spec)
      return Reason::kKeyCreationFailed;
    return internal::TestPair(spec, *private_key, *public_key);
  }

  const RootKey& root_;
  const internal::PrivateKeyReader read_private_key_;
};

}  // namespace

std::unique_ptr<CryptoBackend> NewBotanBackend(const RootKey& root) {
  return std::make_unique<SoftwareBackend>(root, internal::ReadPrivateKey);
}

std::unique_ptr<CryptoBackend> NewSoftwareBackend(const RootKey& root) {
  return std::make_unique<SoftwareBackend>(root, internal::ReadPrivateKeyForOpenSsl);
}

}  // namespace kms
