#include "crypto/backend_contract.h"

#include <algorithm>
#include <set>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "kms/digest.h"
#include "kms/encoding.h"
#include "support/matchers.h"

namespace kms::testing {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackendContract);

namespace {

// With instances, under which tokens may keep objects.
constexpr Place kPlace{"account", "key", "1", "material", "one"};
constexpr Place kElsewhere{"account", "key", "2", "material", "one"};

}  // namespace

TEST_P(BackendContract, PassesItsSelfTest) { EXPECT_OK(backend_->SelfTest()); }

TEST_P(BackendContract, RefusesEveryChangedBit) {
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const WrappedKey made = backend_->Generate(spec, kPlace).value();
    EXPECT_THAT(backend_->LoadSymmetric(spec, kElsewhere, made.sealed),
                FailsAs(ErrorClass::kCorrupt));
    const auto key = backend_->LoadSymmetric(spec, kPlace, made.sealed).value();
    const Bytes head = {1, 2}, context = {3}, text = {4, 5, 6};
    const Bytes sealed = key->Seal(head, context, text).value();
    const ByteView body = ByteView(sealed).subspan(head.size());
    EXPECT_TRUE(
        std::ranges::equal(key->Open(head, context, body).value().Reveal(), text));
    EXPECT_THAT(key->Open(context, head, body), Fails(Reason::kBadCiphertext));
    for (std::size_t bit = 0; bit < body.size() * 8; ++bit) {
      Bytes changed(body.begin(), body.end());
      changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      EXPECT_THAT(key->Open(head, context, changed), Fails(Reason::kBadCiphertext));
    }
    for (std::size_t size = 0; size < body.size(); ++size) {
      EXPECT_THAT(key->Open(head, context, body.first(size)),
                  Fails(Reason::kBadCiphertext));
    }
    EXPECT_TRUE(
        std::ranges::equal(key->Open(head, context, body).value().Reveal(), text));
  }
}

TEST_P(BackendContract, NeverRepeatsSaltAndNonce) {
  const WrappedKey made = backend_->Generate(KeySpec::kAes256, kPlace).value();
  const auto key = backend_->LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed).value();
  std::vector<std::vector<Bytes>> seen(8);
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const Bytes sealed = key->Seal({}, {}, {}).value();
        const ByteView unique = ByteView(sealed).subspan(2, GetParam().unique_bytes);
        mine.emplace_back(unique.begin(), unique.end());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Bytes> all;
  for (const auto& mine : seen) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 8u * 2000u);
}

TEST_P(BackendContract, MacsAreAsDocumented) {
  const SecretBytes material = SecretBytes::Filled(32, [](std::span<std::uint8_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i);
  });
  const WrappedKey made = backend_->Import(KeySpec::kAes256, kPlace, material).value();
  const auto key = backend_->LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed).value();
  EXPECT_EQ(ToHex(key->Mac(AsBytes("abc")).value()), GetParam().mac_of_abc);
}

TEST_P(BackendContract, MacsDependOnMaterialAndDataAlone) {
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const SecretBytes material = SecretBytes::CopyOf(Bytes(KeyBytes(spec), 6));
    const Place twice = {"account", "key", "2", "material", "two"};
    const Bytes sealed = backend_->Import(spec, kPlace, material).value().sealed;
    const Bytes again = backend_->Import(spec, twice, material).value().sealed;
    const Place other = {"account", "key", "3", "material", "three"};
    const Bytes another = backend_->Generate(spec, other).value().sealed;
    const auto key = backend_->LoadSymmetric(spec, kPlace, sealed).value();
    std::set<Digest32> macs;
    for (const std::size_t size : {0, 1, 31, 32, 64, 65, 6144}) {
      Bytes data(size, 7);
      const Digest32 mac = key->Mac(data).value();
      EXPECT_EQ(backend_->LoadSymmetric(spec, twice, again).value()->Mac(data).value(),
                mac);
      EXPECT_TRUE(macs.insert(mac).second);
      EXPECT_TRUE(
          macs.insert(Hmac(DigestAlgorithm::kSm3, material.Reveal(), data)).second)
          << "a key of its own";
      const auto stranger = backend_->LoadSymmetric(spec, other, another).value();
      const Digest32 strange = stranger->Mac(data).value();
      EXPECT_TRUE(macs.insert(strange).second);
      EXPECT_EQ(backend_->LoadSymmetric(spec, other, another).value()->Mac(data).value(),
                strange);
      if (size == 0) continue;
      data.back() ^= 1;
      EXPECT_TRUE(macs.insert(key->Mac(data).value()).second);
    }
    // What is sealed in between is another matter.
    const Bytes data = {1, 2, 3};
    const Digest32 before = key->Mac(data).value();
    const Bytes text = key->Seal({}, {}, data).value();
    EXPECT_EQ(key->Mac(data).value(), before);
    EXPECT_TRUE(std::ranges::equal(key->Open({}, {}, text).value().Reveal(), data));
  }
}

TEST_P(BackendContract, MacsFromManyThreadsAgree) {
  const WrappedKey made = backend_->Generate(KeySpec::kAes256, kPlace).value();
  const auto key = backend_->LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed).value();
  const Bytes data(100, 3);
  const Digest32 expected = key->Mac(data).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) EXPECT_EQ(key->Mac(data).value(), expected);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_P(BackendContract, PairsSignAndDecryptFromManyThreads) {
  for (const KeySpec spec : {KeySpec::kRsa2048, KeySpec::kSm2}) {
    const bool sm2 = spec == KeySpec::kSm2;
    const auto signing =
        sm2 ? SignatureAlgorithm::kSm2 : SignatureAlgorithm::kRsaPssSha256;
    const auto encryption =
        sm2 ? EncryptionAlgorithm::kSm2 : EncryptionAlgorithm::kRsaPkcs1;
    const WrappedKey made = backend_->Generate(spec, kPlace).value();
    const auto secret = backend_->LoadPrivate(spec, kPlace, made.sealed).value();
    const auto open = backend_->LoadPublic(made.public_key).value();
    std::vector<std::thread> threads;
    for (std::uint8_t id = 0; id < 4; ++id) {
      threads.emplace_back([&, id] {
        for (int i = 0; i < 20; ++i) {
          const Bytes digest(32, id);
          const Bytes signature = secret->Sign(signing, digest).value();
          EXPECT_TRUE(open->Verify(signing, digest, signature).value());
          const Bytes sealed = open->Encrypt(encryption, digest).value();
          const SecretBytes opened = secret->DecryptKey(encryption, sealed, 32).value();
          EXPECT_TRUE(std::ranges::equal(opened.Reveal(), digest));
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

TEST_P(BackendContract, PairsSignAndDecrypt) {
  for (const KeySpec spec : {KeySpec::kRsa2048, KeySpec::kSm2}) {
    const WrappedKey made = backend_->Generate(spec, kPlace).value();
    const auto secret = backend_->LoadPrivate(spec, kPlace, made.sealed).value();
    const auto open = backend_->LoadPublic(made.public_key).value();
    Bytes digest(32, 7);
    for (const auto algorithm :
         {SignatureAlgorithm::kRsaPssSha256, SignatureAlgorithm::kRsaPkcs1Sha256,
          SignatureAlgorithm::kSm2}) {
      if (!Fits(algorithm, spec)) {
        EXPECT_THAT(secret->Sign(algorithm, digest),
                    Fails(Reason::kAlgorithmNotSupported));
        continue;
      }
      Bytes signature = secret->Sign(algorithm, digest).value();
      EXPECT_TRUE(open->Verify(algorithm, digest, signature).value());
      EXPECT_FALSE(open->Verify(algorithm, Bytes(32, 8), signature).value());
      EXPECT_FALSE(open->Verify(algorithm, digest, Bytes{}).value());
      signature.insert(signature.begin(), 0);
      EXPECT_FALSE(open->Verify(algorithm, digest, signature).value());
      EXPECT_THAT(secret->Sign(algorithm, Bytes(31)), Fails(Reason::kBadParameter));
    }
    for (const auto algorithm :
         {EncryptionAlgorithm::kRsaOaepSha256, EncryptionAlgorithm::kRsaOaepSha1,
          EncryptionAlgorithm::kRsaPkcs1, EncryptionAlgorithm::kSm2}) {
      if (!Fits(algorithm, spec)) continue;
      Bytes sealed = open->Encrypt(algorithm, digest).value();
      EXPECT_TRUE(std::ranges::equal(
          secret->DecryptKey(algorithm, sealed, 32).value().Reveal(), digest));
      EXPECT_FALSE(secret->DecryptKey(algorithm, sealed, 16));
      sealed.back() ^= 1;
      EXPECT_THAT(secret->DecryptKey(algorithm, sealed, 32),
                  Fails(Reason::kBadCiphertext));
    }
    Bytes longer = made.public_key;
    longer.push_back(0);
    EXPECT_THAT(backend_->LoadPublic(longer), Fails(Reason::kBadRsaKeyLength));
  }
}

TEST_P(BackendContract, DecryptsEverySpellingOfAnSm2Ciphertext) {
  const WrappedKey made = backend_->Generate(KeySpec::kSm2, kPlace).value();
  const auto secret = backend_->LoadPrivate(KeySpec::kSm2, kPlace, made.sealed).value();
  const auto open = backend_->LoadPublic(made.public_key).value();
  const Bytes text(32, 7);
  // One of four has a zero before both coordinates, which the other spellings lack:
  // 30 81 8a, 02 21 00 x, 02 21 00 y, 04 20 hash, 04 20 masked.
  Bytes der;
  for (int i = 0; i < 200 && der.size() != 141; ++i)
    der = open->Encrypt(EncryptionAlgorithm::kSm2, text).value();
  ASSERT_EQ(der.size(), 141u);
  const ByteView all = der;
  const ByteView x = all.subspan(6, 32), y = all.subspan(41, 32);
  const ByteView hash = all.subspan(75, 32), masked = all.subspan(109);
  const auto join = [](std::initializer_list<ByteView> parts) {
    Bytes joined;
    for (const ByteView part : parts)
      joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  };
  const Bytes sequence = {0x30, 0x81, 0x88}, integer = {0x02, 32}, octets = {0x04, 32};
  const Bytes uncompressed = {0x04};
  const Bytes unpadded =
      join({sequence, integer, x, integer, y, octets, hash, octets, masked});
  const Bytes raw = join({uncompressed, x, y, hash, masked});
  for (Bytes sealed : {der, unpadded, raw}) {
    const auto opened = secret->Decrypt(EncryptionAlgorithm::kSm2, sealed);
    ASSERT_OK(opened) << sealed.size();
    EXPECT_TRUE(std::ranges::equal(opened.value().Reveal(), text));
    sealed.back() ^= 1;
    EXPECT_THAT(secret->Decrypt(EncryptionAlgorithm::kSm2, sealed),
                Fails(Reason::kBadCiphertext));
  }
}

TEST_P(BackendContract, RefusesEveryBadRsaCiphertextAlike) {
  const WrappedKey made = backend_->Generate(KeySpec::kRsa2048, kPlace).value();
  const auto secret =
      backend_->LoadPrivate(KeySpec::kRsa2048, kPlace, made.sealed).value();
  const auto open = backend_->LoadPublic(made.public_key).value();
  Bytes one(256);
  one.back() = 1;
  for (const auto algorithm :
       {EncryptionAlgorithm::kRsaOaepSha256, EncryptionAlgorithm::kRsaOaepSha1,
        EncryptionAlgorithm::kRsaPkcs1}) {
    const Bytes good = open->Encrypt(algorithm, Bytes(32, 4)).value();
    Bytes longer = good, shorter = good, led = good;
    longer.push_back(0);
    led.insert(led.begin(), 0);
    shorter.pop_back();
    for (const Bytes& bad :
         {longer, led, shorter, Bytes(), Bytes(256, 0xff), Bytes(256), one}) {
      const auto decrypted = secret->Decrypt(algorithm, bad);
      const auto key = secret->DecryptKey(algorithm, bad, 32);
      ASSERT_THAT(decrypted, Fails(Reason::kBadCiphertext));
      ASSERT_THAT(key, Fails(Reason::kBadCiphertext));
      EXPECT_EQ(decrypted.error().detail(), key.error().detail());
    }
    EXPECT_OK(secret->Decrypt(algorithm, good));
  }
}

TEST_P(BackendContract, APkcs1KeyOfAnotherLengthIsABadCiphertext) {
  const WrappedKey made = backend_->Generate(KeySpec::kRsa2048, kPlace).value();
  const auto secret =
      backend_->LoadPrivate(KeySpec::kRsa2048, kPlace, made.sealed).value();
  const auto open = backend_->LoadPublic(made.public_key).value();
  for (const std::size_t size : {0, 15, 16, 17, 31, 33, 245}) {
    const Bytes pkcs1 =
        open->Encrypt(EncryptionAlgorithm::kRsaPkcs1, Bytes(size, 4)).value();
    EXPECT_THAT(secret->DecryptKey(EncryptionAlgorithm::kRsaPkcs1, pkcs1, 32),
                Fails(Reason::kBadCiphertext))
        << size;
  }
  // OAEP vouches for the length, so that it may be named; and it is no PKCS#1 padding.
  const Bytes oaep =
      open->Encrypt(EncryptionAlgorithm::kRsaOaepSha256, Bytes(16, 4)).value();
  EXPECT_THAT(secret->DecryptKey(EncryptionAlgorithm::kRsaOaepSha256, oaep, 32),
              Fails(Reason::kBadAesKeyLength));
  EXPECT_THAT(secret->DecryptKey(EncryptionAlgorithm::kRsaPkcs1, oaep, 16),
              Fails(Reason::kBadCiphertext));
}

TEST_P(BackendContract, EncryptsAsMuchAsThePaddingLeaves) {
  const WrappedKey made = backend_->Generate(KeySpec::kRsa2048, kPlace).value();
  const auto open = backend_->LoadPublic(made.public_key).value();
  for (const auto& [algorithm, most] :
       {std::pair(EncryptionAlgorithm::kRsaOaepSha256, 190),
        std::pair(EncryptionAlgorithm::kRsaOaepSha1, 214),
        std::pair(EncryptionAlgorithm::kRsaPkcs1, 245)}) {
    const auto size = static_cast<std::size_t>(most);
    EXPECT_OK(open->Encrypt(algorithm, Bytes(size)));
    EXPECT_THAT(open->Encrypt(algorithm, Bytes(size + 1)), Fails(Reason::kTooLong));
  }
  EXPECT_THAT(open->Encrypt(EncryptionAlgorithm::kSm2, Bytes(1)),
              Fails(Reason::kAlgorithmNotSupported));
}

TEST_P(BackendContract, ImportsKeysOfTheRightLength) {
  for (const auto& [spec, right, reason] :
       {std::tuple(KeySpec::kAes256, 32, Reason::kBadAesKeyLength),
        std::tuple(KeySpec::kSm4, 16, Reason::kBadSm4KeyLength)}) {
    for (int size = 0; size <= 40; ++size) {
      const SecretBytes material =
          SecretBytes::CopyOf(Bytes(static_cast<std::size_t>(size), 6));
      const auto imported = backend_->Import(spec, kPlace, material);
      if (size != right) {
        EXPECT_THAT(imported, Fails(reason)) << size;
        continue;
      }
      ASSERT_OK(imported);
      // Loaded twice it is one key; sealed at one place, it opens at no other.
      const Bytes& sealed = imported.value().sealed;
      const Bytes text =
          backend_->LoadSymmetric(spec, kPlace, sealed).value()->Seal({}, {}, {}).value();
      EXPECT_OK(
          backend_->LoadSymmetric(spec, kPlace, sealed).value()->Open({}, {}, text));
      EXPECT_THAT(backend_->LoadSymmetric(spec, kElsewhere, sealed),
                  Fails(Reason::kKeyDecryptionFailed));
    }
  }
  EXPECT_THAT(backend_->Import(KeySpec::kRsa2048, kPlace, SecretBytes::CopyOf(Bytes(32))),
              Fails(Reason::kAlgorithmNotSupported));
}

TEST_P(BackendContract, TakesInKeyPairs) {
  const auto root = NewEphemeralRootKey();
  const auto outside = NewBotanBackend(*root);
  for (const KeySpec spec : {KeySpec::kRsa2048, KeySpec::kSm2}) {
    const WrappedKey made = outside->Generate(spec, kPlace).value();
    const SecretBytes secret = outside->ExportPair(spec, kPlace, made.sealed).value();
    const auto imported = backend_->ImportPair(spec, kPlace, secret, made.public_key);
    ASSERT_OK(imported);
    EXPECT_EQ(imported->public_key, made.public_key);
    // It is the pair that signs, at its place alone.
    const auto key = backend_->LoadPrivate(spec, kPlace, imported->sealed);
    ASSERT_OK(key);
    const auto algorithm = spec == KeySpec::kSm2 ? SignatureAlgorithm::kSm2
                                                 : SignatureAlgorithm::kRsaPssSha256;
    const Bytes digest(32, 7);
    const auto signature = (*key)->Sign(algorithm, digest);
    ASSERT_OK(signature);
    EXPECT_TRUE(outside->LoadPublic(made.public_key)
                    .value()
                    ->Verify(algorithm, digest, *signature)
                    .value());
    EXPECT_THAT(backend_->LoadPrivate(spec, kElsewhere, imported->sealed),
                FailsAs(ErrorClass::kCorrupt));
    // Two halves of two pairs, and what is no key.
    const WrappedKey other = outside->Generate(spec, kElsewhere).value();
    EXPECT_THAT(backend_->ImportPair(spec, kPlace, secret, other.public_key),
                Fails(Reason::kBadParameter));
    EXPECT_THAT(backend_->ImportPair(spec, kPlace, SecretBytes::CopyOf(Bytes(31, 1)),
                                     made.public_key),
                Fails(Reason::kBadParameter));
    EXPECT_THAT(backend_->ImportPair(spec, kPlace, secret, Bytes(31, 1)),
                Fails(Reason::kBadParameter));
  }
  const SecretBytes bytes = SecretBytes::CopyOf(Bytes(32, 1));
  EXPECT_FALSE(backend_->ImportPair(KeySpec::kAes256, kPlace, bytes, {}).has_value());
}

TEST_P(BackendContract, TakesInWrappedMaterial) {
  const Place pair_place = {"account", "key", "token", "import-key", "pair"};
  const Place sent_place = {"account", "key", "1", "material", "sent"};
  const WrappedKey pair = backend_->Generate(KeySpec::kRsa2048, pair_place).value();
  const auto open = backend_->LoadPublic(pair.public_key).value();
  const Bytes material(32, 6), label = {1, 2, 3};
  const Digest32 print = Hmac(DigestAlgorithm::kSha256, material, label);
  for (const auto algorithm :
       {EncryptionAlgorithm::kRsaOaepSha256, EncryptionAlgorithm::kRsaOaepSha1,
        EncryptionAlgorithm::kRsaPkcs1}) {
    const auto import = [&](ByteView wrapped) {
      return backend_->ImportWrapped(
          KeySpec::kAes256, kPlace, {pair_place, pair.sealed, algorithm}, wrapped, label);
    };
    Bytes wrapped = open->Encrypt(algorithm, material).value();
    const auto imported = import(wrapped);
    ASSERT_OK(imported);
    EXPECT_EQ(imported->print, print);
    // It is the material that was sent.
    const auto sent =
        backend_->Import(KeySpec::kAes256, sent_place, SecretBytes::CopyOf(material))
            .value();
    const Bytes text = backend_->LoadSymmetric(KeySpec::kAes256, sent_place, sent.sealed)
                           .value()
                           ->Seal({}, {}, material)
                           .value();
    const auto loaded =
        backend_->LoadSymmetric(KeySpec::kAes256, kPlace, imported->key.sealed).value();
    EXPECT_OK(loaded->Open({}, {}, text));

    wrapped.back() ^= 1;
    EXPECT_THAT(import(wrapped), Fails(Reason::kBadCiphertext));
    EXPECT_THAT(import(Bytes(256, 0xff)), Fails(Reason::kBadCiphertext));
    EXPECT_THAT(import(Bytes(255, 1)), Fails(Reason::kBadCiphertext));
    EXPECT_THAT(import({}), Fails(Reason::kBadCiphertext));
    const bool silent = algorithm == EncryptionAlgorithm::kRsaPkcs1;
    for (const std::size_t size : {1, 16, 24, 31, 33, 64})
      EXPECT_THAT(import(open->Encrypt(algorithm, Bytes(size, 6)).value()),
                  Fails(silent ? Reason::kBadCiphertext : Reason::kBadAesKeyLength))
          << size;
  }
}

TEST_P(BackendContract, KeepsKeysBetweenUses) {
  const WrappedKey made = backend_->Generate(KeySpec::kAes256, kPlace).value();
  const Bytes text = {7, 7};
  const Bytes sealed = backend_->LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed)
                           .value()
                           ->Seal({}, {}, text)
                           .value();
  for (int i = 0; i < 100; ++i) {
    const auto key =
        backend_->LoadSymmetric(KeySpec::kAes256, kPlace, made.sealed).value();
    ASSERT_TRUE(std::ranges::equal(key->Open({}, {}, sealed).value().Reveal(), text));
  }
}

TEST_P(BackendContract, OpensNoRecordThatWasChanged) {
  for (const KeySpec spec :
       {KeySpec::kAes256, KeySpec::kSm4, KeySpec::kRsa2048, KeySpec::kSm2}) {
    const WrappedKey made = backend_->Generate(spec, kPlace).value();
    for (std::size_t at = 0; at < made.sealed.size(); at += 7) {
      Bytes changed = made.sealed;
      changed[at] ^= 0x10;
      const ErrorClass error_class =
          IsSymmetric(spec)
              ? backend_->LoadSymmetric(spec, kPlace, changed).error().error_class()
              : backend_->LoadPrivate(spec, kPlace, changed).error().error_class();
      EXPECT_EQ(error_class, ErrorClass::kCorrupt) << at;
    }
  }
}

}  // namespace kms::testing
