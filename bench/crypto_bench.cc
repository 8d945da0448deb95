// The library's cryptography beside bare Botan or OpenSSL with a ready object, in one
// run.

#include <benchmark/benchmark.h>
#include <botan/mac.h>
#include <botan/pubkey.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>

#include "crypto/botan_compat.h"
#include "kms/crypto_backend.h"
#include "kms/digest.h"

namespace kms {
namespace {

constexpr Place kPlace{"account", "key", "1", "material"};

// What every measurement needs; nothing here is timed.
struct Fixture {
  std::unique_ptr<RootKey> root = NewEphemeralRootKey();
  std::unique_ptr<CryptoBackend> backend = NewSoftwareBackend(*root);
  Botan::System_RNG rng;
  const Bytes head = Bytes(100, 1);
  const Bytes context = Bytes(40, 2);
  const Bytes digest = Bytes(32, 3);

  std::shared_ptr<SymmetricKey> Symmetric(KeySpec spec) {
    const WrappedKey made = backend->Generate(spec, kPlace).value();
    return backend->LoadSymmetric(spec, kPlace, made.sealed).value();
  }
};

void Seal(benchmark::State& state, KeySpec spec) {
  Fixture fixture;
  const auto key = fixture.Symmetric(spec);
  const Bytes text(static_cast<std::size_t>(state.range(0)));
  for (auto step : state) {
    benchmark::DoNotOptimize(key->Seal(fixture.head, fixture.context, text));
  }
}

void Open(benchmark::State& state, KeySpec spec) {
  Fixture fixture;
  const auto key = fixture.Symmetric(spec);
  const Bytes text(static_cast<std::size_t>(state.range(0)));
  const Bytes sealed = key->Seal(fixture.head, fixture.context, text).value();
  const ByteView body = ByteView(sealed).subspan(fixture.head.size());
  for (auto step : state) {
    benchmark::DoNotOptimize(key->Open(fixture.head, fixture.context, body));
  }
}

void BotanSeal(benchmark::State& state, const char* name) {
  Fixture fixture;
  const auto mode = Botan::AEAD_Mode::create_or_throw(name, botan::kEncryption);
  const Bytes key(mode->maximum_keylength(), 4), associated(156, 5), nonce(12, 6);
  mode->set_key(key.data(), key.size());
  mode->set_associated_data(associated.data(), associated.size());
  const Bytes text(static_cast<std::size_t>(state.range(0)));
  Botan::secure_vector<std::uint8_t> buffer;
  for (auto step : state) {
    mode->start(nonce.data(), nonce.size());
    buffer.assign(text.begin(), text.end());
    mode->finish(buffer);
    benchmark::DoNotOptimize(buffer.data());
  }
}

void BotanOpen(benchmark::State& state, const char* name) {
  const auto seal = Botan::AEAD_Mode::create_or_throw(name, botan::kEncryption);
  const auto open = Botan::AEAD_Mode::create_or_throw(name, botan::kDecryption);
  const Bytes key(seal->maximum_keylength(), 4), associated(156, 5), nonce(12, 6);
  for (const auto* mode : {&seal, &open}) {
    (*mode)->set_key(key.data(), key.size());
    (*mode)->set_associated_data(associated.data(), associated.size());
  }
  Botan::secure_vector<std::uint8_t> sealed(static_cast<std::size_t>(state.range(0)));
  seal->start(nonce.data(), nonce.size());
  seal->finish(sealed);
  Botan::secure_vector<std::uint8_t> buffer;
  for (auto step : state) {
    open->start(nonce.data(), nonce.size());
    buffer.assign(sealed.begin(), sealed.end());
    open->finish(buffer);
    benchmark::DoNotOptimize(buffer.data());
  }
}

void Sign(benchmark::State& state, KeySpec spec, SignatureAlgorithm algorithm) {
  Fixture fixture;
  const WrappedKey made = fixture.backend->Generate(spec, kPlace).value();
  const auto key = fixture.backend->LoadPrivate(spec, kPlace, made.sealed).value();
  for (auto step : state) {
    benchmark::DoNotOptimize(key->Sign(algorithm, fixture.digest));
  }
}

void Verify(benchmark::State& state, KeySpec spec, SignatureAlgorithm algorithm) {
  Fixture fixture;
  const WrappedKey made = fixture.backend->Generate(spec, kPlace).value();
  const auto secret = fixture.backend->LoadPrivate(spec, kPlace, made.sealed).value();
  const Bytes signature = secret->Sign(algorithm, fixture.digest).value();
  const auto key = fixture.backend->LoadPublic(made.public_key).value();
  for (auto step : state) {
    benchmark::DoNotOptimize(key->Verify(algorithm, fixture.digest, signature));
  }
}

void BotanSign(benchmark::State& state, const Botan::Private_Key& key, const char* name) {
  Fixture fixture;
  Botan::PK_Signer signer(key, fixture.rng, name, botan::kPlainSignature);
  for (auto step : state) {
    benchmark::DoNotOptimize(
        signer.sign_message(fixture.digest.data(), fixture.digest.size(), fixture.rng));
  }
}

void BotanVerify(benchmark::State& state, const Botan::Private_Key& key,
                 const char* name) {
  Fixture fixture;
  Botan::PK_Signer signer(key, fixture.rng, name, botan::kPlainSignature);
  const auto signature =
      signer.sign_message(fixture.digest.data(), fixture.digest.size(), fixture.rng);
  Botan::PK_Verifier verifier(key, name, botan::kPlainSignature);
  for (auto step : state) {
    benchmark::DoNotOptimize(verifier.verify_message(fixture.digest.data(),
                                                     fixture.digest.size(),
                                                     signature.data(), signature.size()));
  }
}

void BotanRsaSign(benchmark::State& state) {
  Botan::System_RNG rng;
  BotanSign(state, Botan::RSA_PrivateKey(rng, 2048), "PKCS1v15(Raw,SHA-256)");
}
void BotanRsaVerify(benchmark::State& state) {
  Botan::System_RNG rng;
  BotanVerify(state, Botan::RSA_PrivateKey(rng, 2048), "PKCS1v15(Raw,SHA-256)");
}
void BotanSm2Sign(benchmark::State& state) {
  Botan::System_RNG rng;
  BotanSign(state, Botan::SM2_PrivateKey(rng, botan::Sm2Group()), "1234567812345678,Raw");
}
void BotanSm2Verify(benchmark::State& state) {
  Botan::System_RNG rng;
  BotanVerify(state, Botan::SM2_PrivateKey(rng, botan::Sm2Group()),
              "1234567812345678,Raw");
}

// OpenSSL with a ready context, which is what RSA private operations are measured
// against.
void OpenSslRsaSign(benchmark::State& state) {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
  EVP_PKEY_sign_init(context);
  EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING);
  EVP_PKEY_CTX_set_signature_md(context, EVP_sha256());
  const Bytes digest(32, 3);
  Bytes signature(256);
  for (auto step : state) {
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(context, signature.data(), &size, digest.data(), digest.size()) !=
        1)
      state.SkipWithError("OpenSSL does not sign");
    benchmark::DoNotOptimize(signature.data());
  }
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
}

void Encrypt(benchmark::State& state, KeySpec spec, EncryptionAlgorithm algorithm) {
  Fixture fixture;
  const WrappedKey made = fixture.backend->Generate(spec, kPlace).value();
  const auto key = fixture.backend->LoadPublic(made.public_key).value();
  for (auto step : state) {
    benchmark::DoNotOptimize(key->Encrypt(algorithm, fixture.digest));
  }
}

void Decrypt(benchmark::State& state, KeySpec spec, EncryptionAlgorithm algorithm) {
  Fixture fixture;
  const WrappedKey made = fixture.backend->Generate(spec, kPlace).value();
  const auto to = fixture.backend->LoadPublic(made.public_key).value();
  const Bytes sealed = to->Encrypt(algorithm, fixture.digest).value();
  const auto key = fixture.backend->LoadPrivate(spec, kPlace, made.sealed).value();
  for (auto step : state) {
    benchmark::DoNotOptimize(key->Decrypt(algorithm, sealed));
  }
}

void BotanEncrypt(benchmark::State& state, const Botan::Private_Key& key,
                  const char* name) {
  Fixture fixture;
  const Botan::PK_Encryptor_EME encryptor(key, fixture.rng, name);
  for (auto step : state) {
    benchmark::DoNotOptimize(
        encryptor.encrypt(fixture.digest.data(), fixture.digest.size(), fixture.rng));
  }
}

void BotanSm2Encrypt(benchmark::State& state) {
  Botan::System_RNG rng;
  BotanEncrypt(state, Botan::SM2_PrivateKey(rng, botan::Sm2Group()), "SM3");
}
void BotanSm2Decrypt(benchmark::State& state) {
  Fixture fixture;
  const Botan::SM2_PrivateKey key(fixture.rng, botan::Sm2Group());
  const auto sealed =
      Botan::PK_Encryptor_EME(key, fixture.rng, "SM3")
          .encrypt(fixture.digest.data(), fixture.digest.size(), fixture.rng);
  const Botan::PK_Decryptor_EME decryptor(key, fixture.rng, "SM3");
  for (auto step : state) {
    benchmark::DoNotOptimize(decryptor.decrypt(sealed.data(), sealed.size()));
  }
}
void BotanRsaEncrypt(benchmark::State& state) {
  Botan::System_RNG rng;
  BotanEncrypt(state, Botan::RSA_PrivateKey(rng, 2048), "OAEP(SHA-256)");
}

// The private operation alone; unpadding is another two microseconds.
void OpenSslRsaDecrypt(benchmark::State& state) {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
  EVP_PKEY_decrypt_init(context);
  EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING);
  const Bytes sealed(256, 3);
  Bytes text(256);
  for (auto step : state) {
    std::size_t size = text.size();
    if (EVP_PKEY_decrypt(context, text.data(), &size, sealed.data(), sealed.size()) != 1)
      state.SkipWithError("OpenSSL does not decrypt");
    benchmark::DoNotOptimize(text.data());
  }
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
}

void HmacOf(benchmark::State& state, DigestAlgorithm algorithm) {
  const Bytes key(32, 1), data(static_cast<std::size_t>(state.range(0)), 2);
  for (auto step : state) {
    benchmark::DoNotOptimize(Hmac(algorithm, key, data));
  }
}

void BotanHmac(benchmark::State& state, const char* name) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw(name);
  const Bytes key(32, 1), data(static_cast<std::size_t>(state.range(0)), 2);
  mac->set_key(key.data(), key.size());
  Digest32 digest;
  for (auto step : state) {
    mac->update(data.data(), data.size());
    mac->final(digest.data());
    benchmark::DoNotOptimize(digest);
  }
}

BENCHMARK_CAPTURE(Seal, aes, KeySpec::kAes256)->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(Open, aes, KeySpec::kAes256)->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(BotanSeal, aes, "AES-256/GCM")->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(BotanOpen, aes, "AES-256/GCM")->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(Seal, sm4, KeySpec::kSm4)->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(BotanSeal, sm4, "SM4/GCM")->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(Open, sm4, KeySpec::kSm4)->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(BotanOpen, sm4, "SM4/GCM")->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(Sign, rsa, KeySpec::kRsa2048, SignatureAlgorithm::kRsaPkcs1Sha256);
BENCHMARK(OpenSslRsaSign);
BENCHMARK(BotanRsaSign);
BENCHMARK_CAPTURE(Verify, rsa, KeySpec::kRsa2048, SignatureAlgorithm::kRsaPkcs1Sha256);
BENCHMARK(BotanRsaVerify);
BENCHMARK_CAPTURE(Sign, sm2, KeySpec::kSm2, SignatureAlgorithm::kSm2);
BENCHMARK(BotanSm2Sign);
BENCHMARK_CAPTURE(Verify, sm2, KeySpec::kSm2, SignatureAlgorithm::kSm2);
BENCHMARK(BotanSm2Verify);
BENCHMARK_CAPTURE(Encrypt, rsa, KeySpec::kRsa2048, EncryptionAlgorithm::kRsaOaepSha256);
BENCHMARK(BotanRsaEncrypt);
BENCHMARK_CAPTURE(Decrypt, rsa, KeySpec::kRsa2048, EncryptionAlgorithm::kRsaOaepSha256);
BENCHMARK(OpenSslRsaDecrypt);
BENCHMARK_CAPTURE(Encrypt, sm2, KeySpec::kSm2, EncryptionAlgorithm::kSm2);
BENCHMARK(BotanSm2Encrypt);
BENCHMARK_CAPTURE(Decrypt, sm2, KeySpec::kSm2, EncryptionAlgorithm::kSm2);
BENCHMARK(BotanSm2Decrypt);
BENCHMARK_CAPTURE(HmacOf, sha256, DigestAlgorithm::kSha256)->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(BotanHmac, sha256, "HMAC(SHA-256)")->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(HmacOf, sm3, DigestAlgorithm::kSm3)->Arg(32)->Arg(4096);
BENCHMARK_CAPTURE(BotanHmac, sm3, "HMAC(SM3)")->Arg(32)->Arg(4096);

}  // namespace
}  // namespace kms

BENCHMARK_MAIN();
