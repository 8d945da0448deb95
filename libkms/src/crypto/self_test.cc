#include "crypto/self_test.h"

#include <botan/hex.h>

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <string>

#include "crypto/botan_compat.h"
#include "crypto/botan_keys.h"
#include "crypto/self_test_vectors.h"
#include "crypto/sm2_der.h"
#include "kms/digest.h"

namespace kms::internal {
namespace {

Bytes Hex(std::string_view text) { return Botan::hex_decode(text.data(), text.size()); }

Bytes Copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

struct GcmCase {
  const char* mode;
  std::string_view key, nonce, associated, plaintext;
};

// Answers the ciphertext and tag, and then what opening them gives back.
Bytes Gcm(const GcmCase& input) {
  const Bytes key = Hex(input.key), nonce = Hex(input.nonce);
  const Bytes associated = Hex(input.associated), plaintext = Hex(input.plaintext);
  Botan::secure_vector<std::uint8_t> buffer(plaintext.begin(), plaintext.end());
  Bytes answer;
  for (const auto direction : {botan::kEncryption, botan::kDecryption}) {
    const auto mode = Botan::AEAD_Mode::create_or_throw(input.mode, direction);
    mode->set_key(key.data(), key.size());
    mode->set_associated_data(associated.data(), associated.size());
    mode->start(nonce.data(), nonce.size());
    mode->finish(buffer);
    answer.insert(answer.end(), buffer.begin(), buffer.end());
  }
  return answer;
}

// Test case 16 of the specification of GCM by McGrew and Viega.
Bytes AesGcm(const SelfTestKeys&) {
  return Gcm({"AES-256/GCM",
              "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
              "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
              "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"});
}

// RFC 8998, appendix A.1.
Bytes Sm4Gcm(const SelfTestKeys&) {
  return Gcm({"SM4/GCM", "0123456789abcdeffedcba9876543210", "00001234567800000000abcd",
              "feedfacedeadbeeffeedfacedeadbeefabaddad2",
              "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
              "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"});
}

template <DigestAlgorithm kAlgorithm>
Bytes DigestOfAbc(const SelfTestKeys&) {
  return Copy(Digest(kAlgorithm, AsBytes("abc")));
}

Bytes HmacSha256(const SelfTestKeys&) {
  return Copy(Hmac(DigestAlgorithm::kSha256, AsBytes("Jefe"),
                   AsBytes("what do ya want for nothing?")));
}

Bytes HmacSm3(const SelfTestKeys&) {
  return Copy(Hmac(DigestAlgorithm::kSm3, Hex("0123456789abcdeffedcba9876543210"),
                   AsBytes("abc")));
}

// The input of RFC 5869, appendix A.1.
template <DigestAlgorithm kAlgorithm>
Bytes HkdfOfRfc5869(const SelfTestKeys&) {
  return Copy(Hkdf(kAlgorithm, Bytes(22, 0x0b), Hex("000102030405060708090a0b0c"),
                   Hex("f0f1f2f3f4f5f6f7f8f9"), 42)
                  .Reveal());
}

Digest32 RsaDigest() {
  return Digest(DigestAlgorithm::kSha256, AsBytes(self_test::kMessage));
}

Bytes RsaPkcs1Sign(const SelfTestKeys& keys) {
  const auto signature = keys.rsa->Sign(SignatureAlgorithm::kRsaPkcs1Sha256, RsaDigest());
  return signature ? signature.value() : Bytes();
}

Bytes Verdicts(PublicKey& key, SignatureAlgorithm algorithm, Bytes digest,
               std::string_view signature) {
  Bytes verdicts;
  for (int i = 0; i < 2; ++i) {
    const auto verified = key.Verify(algorithm, digest, Hex(signature));
    if (!verified) return {};
    verdicts.push_back(verified.value() ? 1 : 0);
    digest[0] ^= 1;
  }
  return verdicts;
}

Bytes RsaPssVerify(const SelfTestKeys& keys) {
  return Verdicts(*keys.rsa_public, SignatureAlgorithm::kRsaPssSha256, Copy(RsaDigest()),
                  self_test::kRsaPssSignature);
}

Bytes RsaPkcs1Verify(const SelfTestKeys& keys) {
  return Verdicts(*keys.rsa_public, SignatureAlgorithm::kRsaPkcs1Sha256,
                  Copy(RsaDigest()), self_test::kRsaPkcs1Signature);
}

Bytes Sm2Verify(const SelfTestKeys& keys) {
  return Verdicts(*keys.sm2_public, SignatureAlgorithm::kSm2, Hex(self_test::kSm2Digest),
                  self_test::kSm2Signature);
}

Bytes Decrypted(PrivateKey& key, EncryptionAlgorithm algorithm,
                std::string_view ciphertext) {
  const auto plaintext = key.Decrypt(algorithm, Hex(ciphertext));
  return plaintext ? Copy(plaintext.value().Reveal()) : Bytes();
}

Bytes RsaOaepSha256(const SelfTestKeys& keys) {
  return Decrypted(*keys.rsa, EncryptionAlgorithm::kRsaOaepSha256,
                   self_test::kRsaOaepSha256Ciphertext);
}

Bytes RsaOaepSha1(const SelfTestKeys& keys) {
  return Decrypted(*keys.rsa, EncryptionAlgorithm::kRsaOaepSha1,
                   self_test::kRsaOaepSha1Ciphertext);
}

Bytes RsaPkcs1Decrypt(const SelfTestKeys& keys) {
  return Decrypted(*keys.rsa, EncryptionAlgorithm::kRsaPkcs1,
                   self_test::kRsaPkcs1Ciphertext);
}

Bytes Sm2Decrypt(const SelfTestKeys& keys) {
  return Decrypted(*keys.sm2, EncryptionAlgorithm::kSm2, self_test::kSm2Ciphertext);
}

constexpr std::string_view kMessageInHex = "6c69626b6d732073656c662074657374";

constexpr std::array<KnownAnswer, 16> kAnswers = {{
    {"SHA-256", DigestOfAbc<DigestAlgorithm::kSha256>,
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"SM3", DigestOfAbc<DigestAlgorithm::kSm3>,
     "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"},
    {"HMAC-SHA-256", HmacSha256,
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"HMAC-SM3", HmacSm3,
     "28d8a61be67d8bf7652c4eda7092b612f88be62184f55005c57ddf076e764199"},
    {"HKDF-SHA-256", HkdfOfRfc5869<DigestAlgorithm::kSha256>,
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
     "34007208d5b887185865"},
    // No standard has an example; openssl(1) gave this one.
    {"HKDF-SM3", HkdfOfRfc5869<DigestAlgorithm::kSm3>,
     "c69fe91b7aaee2dd5718d72dcaee0cce93f1b8e41f792da51261b6a517e68b36"
     "ed2c595572b01dfa359b"},
    {"AES-256-GCM", AesGcm,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"},
    {"SM4-GCM", Sm4Gcm,
     "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
     "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
     "83de3541e4c2b58177e065a9bf7b62ec"
     "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
     "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"},
    {"RSA PKCS#1 v1.5 signature", RsaPkcs1Sign, self_test::kRsaPkcs1Signature},
    {"RSA PKCS#1 v1.5 verification", RsaPkcs1Verify, "0100"},
    {"RSA PSS verification", RsaPssVerify, "0100"},
    {"RSA OAEP-SHA-256 decryption", RsaOaepSha256, kMessageInHex},
    {"RSA OAEP-SHA-1 decryption", RsaOaepSha1, kMessageInHex},
    {"RSA PKCS#1 v1.5 decryption", RsaPkcs1Decrypt, kMessageInHex},
    {"SM2 verification", Sm2Verify, "0100"},
    {"SM2 decryption", Sm2Decrypt, self_test::kSm2Plaintext},
}};

SelfTestKeys ReadKeys(PrivateKeyReader read) {
  SelfTestKeys keys;
  keys.rsa = read(KeySpec::kRsa2048, Hex(self_test::kRsaTestKey));
  keys.rsa_public = ReadPublicKey(Hex(self_test::kRsaTestPublicKey));
  keys.sm2 = read(KeySpec::kSm2, Hex(self_test::kSm2TestKey));
  keys.sm2_public = ReadPublicKey(Sm2PublicKeyInfo(Hex(self_test::kSm2TestPoint)));
  return keys;
}

Error Failed(std::string_view algorithm) {
  return Error(Reason::kInternal, "known answer test failed: " + std::string(algorithm));
}

}  // namespace

std::span<const KnownAnswer> KnownAnswers() { return kAnswers; }

Result<void> RunSelfTest(PrivateKeyReader read, std::span<const KnownAnswer> answers) {
  std::string_view at = "reading the keys";
  try {
    const SelfTestKeys keys = ReadKeys(read);
    if (keys.rsa == nullptr || keys.rsa_public == nullptr || keys.sm2 == nullptr ||
        keys.sm2_public == nullptr) {
      return Failed(at);
    }
    for (const KnownAnswer& answer : answers) {
      at = answer.algorithm;
      if (answer.compute(keys) != Hex(answer.expected)) return Failed(at);
    }
    return {};
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return Failed(at);
  }
}

}  // namespace kms::internal
