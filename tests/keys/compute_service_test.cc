#include "kms/compute_service.h"

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "keys/blob.h"
#include "keys/fixture.h"
#include "kms/encoding.h"

namespace kms {
namespace {

using testing::Fails;
using testing::Holds;

class ComputeServiceTest : public testing::KmsTest {
 protected:
  Result<Decrypted> Decrypt(const Bytes& blob) {
    return kms->compute().Decrypt(me, blob);
  }
};

TEST(BlobHeadTest, ReadsWhatItWrites) {
  const std::string key = "241ede22-6261-4617-9caf-10d89990516c";
  const std::string version = "49ec76d7-cc4c-400e-9f19-f9001587ae0f";
  const std::string head = WriteBlobHead(key, version);
  EXPECT_EQ(head,
            "0064MjQxZWRlMjItNjI2MS00NjE3LTljYWYtMTBkODk5OTA1MTZjJjQ5ZWM3NmQ3LWNjNGMtNDAw"
            "ZS05ZjE5LWY5MDAxNTg3YWUwZg==");  // the example of the manual, 5.7.1
  ASSERT_EQ(head.size(), kBlobHeadSize);
  const auto read = ReadBlobHead(AsBytes(head));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->key, key);
  EXPECT_EQ(read->version, version);
  for (std::size_t size = 0; size < head.size(); ++size)
    EXPECT_FALSE(ReadBlobHead(AsBytes(head).first(size)).has_value());
}

TEST_F(ComputeServiceTest, RoundTripsEverySize) {
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const std::string key = MakeKey({.spec = spec});
    for (const std::size_t size : {1, 15, 16, 17, 4096, 6144}) {
      const std::string text(size, 'p');
      const auto sealed = kms->compute().Encrypt(me, key, AsBytes(text)).value();
      const auto opened = Decrypt(sealed.blob).value();
      EXPECT_TRUE(Holds(opened.plaintext, text));
      EXPECT_EQ(opened.key, key);
      EXPECT_EQ(opened.version, sealed.version);
    }
    EXPECT_THAT(kms->compute().Encrypt(me, key, AsBytes("")),
                Fails(Reason::kPlaintextMissing));
    EXPECT_THAT(kms->compute().Encrypt(me, key, AsBytes(std::string(6145, 'p'))),
                Fails(Reason::kTooLong));
  }
}

TEST_F(ComputeServiceTest, RefusesEveryFlippedBit) {
  const std::string key = MakeKey();
  const Bytes blob = kms->compute().Encrypt(me, key, AsBytes("plaintext"))->blob;
  for (std::size_t bit = 0; bit < blob.size() * 8; ++bit) {
    Bytes spoilt = blob;
    spoilt[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const auto opened = Decrypt(spoilt);
    ASSERT_FALSE(opened.has_value()) << bit;
    // A head that still reads, and names another key, names an absent one.
    const auto head = ReadBlobHead(spoilt);
    const bool other_key = head && head->key != key;
    ASSERT_EQ(opened.error().reason(),
              other_key ? Reason::kKeyNotFound : Reason::kBadCiphertext)
        << bit;
  }
}

TEST_F(ComputeServiceTest, RefusesEveryOtherLength) {
  const std::string key = MakeKey();
  Bytes blob = kms->compute().Encrypt(me, key, AsBytes("plaintext"))->blob;
  for (std::size_t size = 0; size < blob.size(); ++size)
    ASSERT_THAT(Decrypt(Bytes(blob.begin(), blob.begin() + static_cast<long>(size))),
                Fails(Reason::kBadCiphertext));
  blob.push_back(0);
  EXPECT_THAT(Decrypt(blob), Fails(Reason::kBadCiphertext));
}

TEST_F(ComputeServiceTest, ABlobMovedToAnotherVersionIsRefused) {
  const std::string key = MakeKey({.rotation_days = 7});
  const Bytes old = kms->compute().Encrypt(me, key, AsBytes("x"))->blob;
  clock.Advance(7 * testing::kDay);
  ASSERT_EQ(kms->RunDueWork()->rotated, 1U);
  Bytes moved = kms->compute().Encrypt(me, key, AsBytes("x"))->blob;
  moved.resize(kBlobHeadSize);
  moved.insert(moved.end(), old.begin() + kBlobHeadSize, old.end());
  EXPECT_THAT(Decrypt(moved), Fails(Reason::kBadCiphertext));
}

TEST_F(ComputeServiceTest, ABlobOfAnotherAccountNamesNoKeyHere) {
  const auto blob = kms->compute().Encrypt(me, MakeKey(), AsBytes("x"))->blob;
  EXPECT_THAT(kms->compute().Decrypt(ContextOf("account-2"), blob),
              Fails(Reason::kKeyNotFound));
}

EncryptionContext Bound(
    std::vector<std::pair<std::string_view, std::string_view>> pairs) {
  return EncryptionContext::Of(std::move(pairs)).value();
}

TEST(EncryptionContextTest, HasNoZeros) {
  using namespace std::string_view_literals;
  for (const auto& [name, text] : {std::pair("a\0b"sv, "c"sv), std::pair("a"sv, "\0"sv)})
    EXPECT_THAT(EncryptionContext::Of({{name, text}}), Fails(Reason::kBadParameter));
}

TEST_F(ComputeServiceTest, ABlobOpensOnlyInItsContext) {
  const EncryptionContext right = Bound({{"a", "1"}, {"b", "2"}});
  const EncryptionContext wrong[] = {{},
                                     Bound({{"a", "1"}}),
                                     Bound({{"a", "1"}, {"b", "3"}}),
                                     Bound({{"a", "1"}, {"c", "2"}}),
                                     Bound({{"a", "1b"}, {"b", "2"}}),
                                     Bound({{"a1", ""}, {"b", "2"}}),
                                     Bound({{"a", "1"}, {"b", "2"}, {"c", ""}})};
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const std::string key = MakeKey({.spec = spec});
    ComputeService& compute = kms->compute();
    const auto data_key = compute.GenerateDataKey(me, key, 16, right).value();
    const std::string clear(AsText(data_key.plaintext.Reveal()));
    const Bytes blobs[] = {
        compute.Encrypt(me, key, AsBytes("x"), right)->blob, data_key.encrypted.blob,
        compute.GenerateDataKeyWithoutPlaintext(me, key, 16, right)->blob};
    for (const Bytes& blob : blobs) {
      EXPECT_OK(compute.Decrypt(me, blob, Bound({{"b", "2"}, {"a", "1"}})));
      for (const EncryptionContext& other : wrong)
        EXPECT_THAT(compute.Decrypt(me, blob, other), Fails(Reason::kBadCiphertext));
    }
    EXPECT_THAT(compute.Decrypt(me, compute.Encrypt(me, key, AsBytes("x"))->blob, right),
                Fails(Reason::kBadCiphertext));

    const Bytes again =
        compute.ReEncrypt(me, data_key.encrypted.blob, key, nullptr, right, wrong[1])
            ->blob;
    EXPECT_THAT(compute.Decrypt(me, again, right), Fails(Reason::kBadCiphertext));
    EXPECT_TRUE(Holds(compute.Decrypt(me, again, wrong[1])->plaintext, clear));
    EXPECT_THAT(compute.ReEncrypt(me, again, key, nullptr, right),
                Fails(Reason::kBadCiphertext));
  }
}

TEST_F(ComputeServiceTest, ExportsADataKeyOnlyInItsContext) {
  const EncryptionContext right = Bound({{"for", "x"}});
  const std::string key = MakeKey();
  const Bytes recipient =
      backend->Generate(KeySpec::kRsa2048, {"a", "b", "c", "test"}).value().public_key;
  const auto algorithm = EncryptionAlgorithm::kRsaOaepSha256;
  const auto made =
      kms->compute().GenerateAndExportDataKey(me, key, 32, recipient, algorithm, right);
  ASSERT_OK(made);
  EXPECT_OK(kms->compute().ExportDataKey(me, made->encrypted.blob, recipient, algorithm,
                                         right));
  EXPECT_THAT(
      kms->compute().ExportDataKey(me, made->encrypted.blob, recipient, algorithm),
      Fails(Reason::kBadCiphertext));

  // What is encrypted to a public key is bound to nothing.
  const std::string pair = MakeKey({.spec = KeySpec::kRsa2048});
  const std::string version = VersionOf(pair);
  const PublicKeySource source{pair, version, algorithm};
  const Bytes sent = kms->asymmetric()
                         .Encrypt(me, {pair, source.version}, algorithm, AsBytes("x"))
                         ->blob;
  const auto taken = kms->compute().ReEncrypt(me, sent, key, &source, {}, right);
  EXPECT_OK(kms->compute().Decrypt(me, taken->blob, right));
  EXPECT_THAT(kms->compute().ReEncrypt(me, sent, key, &source, right),
              Fails(Reason::kBadParameter));
}

TEST(EncryptionContextTest, HasOneFormAndBounds) {
  EXPECT_TRUE(Bound({}).empty());
  EXPECT_EQ(Bound({{"a", "1"}, {"b", ""}}).encoded(),
            Bound({{"b", ""}, {"a", "1"}}).encoded());
  EXPECT_THAT(EncryptionContext::Of({{"", "1"}}), Fails(Reason::kBadParameter));
  EXPECT_THAT(EncryptionContext::Of({{"a", "1"}, {"a", "2"}}),
              Fails(Reason::kBadParameter));
  const std::string half(EncryptionContext::kMaxBytes / 2, 'x');
  EXPECT_OK(EncryptionContext::Of({{half, half}}));
  EXPECT_THAT(EncryptionContext::Of({{half, half + "x"}}), Fails(Reason::kTooLong));
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= EncryptionContext::kMaxPairs; ++i)
    names.push_back("n" + std::to_string(i));
  std::vector<std::pair<std::string_view, std::string_view>> pairs(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) pairs[i].first = names[i];
  EXPECT_THAT(EncryptionContext::Of(pairs), Fails(Reason::kTooLong));
  pairs.pop_back();
  EXPECT_OK(EncryptionContext::Of(pairs));
}

TEST_F(ComputeServiceTest, ABlobThatNamesAKeyPairIsWrong) {
  const std::string pair = MakeKey({.spec = KeySpec::kSm2});
  Bytes blob = kms->compute().Encrypt(me, MakeKey(), AsBytes("x"))->blob;
  const std::string head = WriteBlobHead(pair, VersionOf(pair));
  std::copy(head.begin(), head.end(), blob.begin());
  EXPECT_THAT(Decrypt(blob), Fails(Reason::kBadCiphertext));
}

TEST_F(ComputeServiceTest, DataKeysAreRandomAndOfTheirSize) {
  const std::string key = MakeKey();
  std::set<std::string> seen;
  for (const std::size_t size : {1, 16, 32, 1024}) {
    const auto made = kms->compute().GenerateDataKey(me, key, size).value();
    EXPECT_EQ(made.plaintext.size(), size);
    EXPECT_TRUE(made.plaintext == Decrypt(made.encrypted.blob)->plaintext);
    if (size > 1) {
      EXPECT_TRUE(seen.insert(ToHex(made.plaintext.Reveal())).second);
    }
  }
  EXPECT_THAT(kms->compute().GenerateDataKey(me, key, 0), Fails(Reason::kBadParameter));
  EXPECT_THAT(kms->compute().GenerateDataKey(me, key, 1025),
              Fails(Reason::kBadParameter));
  const auto hidden = kms->compute().GenerateDataKeyWithoutPlaintext(me, key, 32).value();
  EXPECT_EQ(Decrypt(hidden.blob)->plaintext.size(), 32U);
}

TEST_F(ComputeServiceTest, ExportsToAPublicKey) {
  constexpr auto kOaep = EncryptionAlgorithm::kRsaOaepSha256;
  const std::string key = MakeKey();
  const Place place = {"a", "b", "c", "test"};
  const WrappedKey recipient = backend->Generate(KeySpec::kRsa2048, place).value();
  const auto private_key =
      backend->LoadPrivate(KeySpec::kRsa2048, place, recipient.sealed).value();
  const auto made = kms->compute().GenerateDataKey(me, key, 32).value();
  const auto exported =
      kms->compute()
          .ExportDataKey(me, made.encrypted.blob, recipient.public_key, kOaep)
          .value();
  EXPECT_TRUE(private_key->Decrypt(kOaep, exported.exported).value() == made.plaintext);
  const auto fresh =
      kms->compute()
          .GenerateAndExportDataKey(me, key, 16, recipient.public_key, kOaep)
          .value();
  EXPECT_TRUE(private_key->Decrypt(kOaep, fresh.exported).value() ==
              Decrypt(fresh.encrypted.blob)->plaintext);
  EXPECT_THAT(kms->compute().ExportDataKey(me, made.encrypted.blob, Bytes(10, 0), kOaep),
              Fails(Reason::kBadRsaKeyLength));
}

TEST_F(ComputeServiceTest, ReEncryptsFromBlobsAndFromPublicKeyCiphertexts) {
  constexpr auto kOaep = EncryptionAlgorithm::kRsaOaepSha1;
  const std::string from = MakeKey();
  const std::string to = MakeKey({.spec = KeySpec::kSm4});
  const auto blob = kms->compute().Encrypt(me, from, AsBytes("x")).value();
  const auto again = kms->compute().ReEncrypt(me, blob.blob, to, nullptr).value();
  EXPECT_EQ(again.key, from) << "the key that decrypted";
  EXPECT_EQ(again.version, blob.version);
  EXPECT_EQ(Decrypt(again.blob)->key, to);
  EXPECT_TRUE(Holds(Decrypt(again.blob)->plaintext, "x"));

  const std::string pair = MakeKey({.spec = KeySpec::kRsa2048});
  const std::string version = VersionOf(pair);
  const auto sent =
      kms->asymmetric().Encrypt(me, {pair, version}, kOaep, AsBytes("y")).value();
  const PublicKeySource source = {pair, version, kOaep};
  const auto taken = kms->compute().ReEncrypt(me, sent.blob, to, &source).value();
  EXPECT_EQ(taken.key, pair);
  EXPECT_TRUE(Holds(Decrypt(taken.blob)->plaintext, "y"));

  EXPECT_THAT(kms->compute().ReEncrypt(me, blob.blob, pair, nullptr),
              Fails(Reason::kNotSymmetric));
  EXPECT_THAT(kms->compute().ReEncrypt(me, blob.blob,
                                       "0f8fad5b-d9cb-469f-a165-70867728950e", nullptr),
              Fails(Reason::kDestinationKeyNotFound));
}

class HmacTest : public ComputeServiceTest {
 protected:
  MadeMac Compute(std::string_view key, std::string_view version = {}) {
    return kms->compute().ComputeMac(me, key, version, data).value();
  }
  MacVerdict Verify(std::string_view key, const Digest32& mac,
                    std::string_view version = {}) {
    return kms->compute().VerifyMac(me, key, version, data, mac).value();
  }
  void Rotate() {
    clock.Advance(7 * testing::kDay);
    ASSERT_EQ(kms->RunDueWork()->rotated, 1U);
  }
  ByteView data = AsBytes("data");
};

TEST_F(HmacTest, VerifiesWhatItComputes) {
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kSm4}) {
    const std::string key = MakeKey({.spec = spec});
    const MadeMac made = Compute(key);
    EXPECT_EQ(made.key, key);
    EXPECT_EQ(made.version, VersionOf(key));
    EXPECT_EQ(Compute(key).mac, made.mac);
    for (const std::string& version : {std::string(), made.version}) {
      const MacVerdict verdict = Verify(key, made.mac, version);
      EXPECT_TRUE(verdict.valid);
      EXPECT_EQ(verdict.key, key);
      EXPECT_EQ(verdict.version, made.version);
    }
    for (std::size_t bit = 0; bit < 256; ++bit) {
      Digest32 wrong = made.mac;
      wrong[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      EXPECT_FALSE(Verify(key, wrong).valid) << bit;
    }
    EXPECT_FALSE(kms->compute().VerifyMac(me, key, {}, AsBytes("date"), made.mac)->valid);
    EXPECT_FALSE(Verify(MakeKey({.spec = spec}), made.mac).valid);
  }
}

TEST_F(HmacTest, RotationLeavesOldOnesVerifiable) {
  const std::string key = MakeKey({.rotation_days = 7});
  const MadeMac old = Compute(key);
  Rotate();
  const MadeMac fresh = Compute(key);
  EXPECT_NE(fresh.version, old.version);
  EXPECT_NE(fresh.mac, old.mac);
  EXPECT_EQ(Compute(key, old.version).mac, old.mac);
  EXPECT_EQ(Verify(key, old.mac).version, old.version);
  EXPECT_TRUE(Verify(key, old.mac).valid);
  EXPECT_EQ(Verify(key, fresh.mac).version, fresh.version);
  EXPECT_TRUE(Verify(key, fresh.mac).valid);
  EXPECT_FALSE(Verify(key, old.mac, fresh.version).valid);
  EXPECT_TRUE(Verify(key, old.mac, old.version).valid);
  const MacVerdict wrong = Verify(key, Digest32{});
  EXPECT_FALSE(wrong.valid);
  EXPECT_EQ(wrong.version, fresh.version);
}

TEST_F(HmacTest, TriesTheNewestVersionsAlone) {
  const std::string key = MakeKey({.rotation_days = 7});
  const MadeMac oldest = Compute(key);
  for (std::size_t i = 1; i < ComputeService::kTriedVersions; ++i) Rotate();
  EXPECT_TRUE(Verify(key, oldest.mac).valid);
  Rotate();
  EXPECT_FALSE(Verify(key, oldest.mac).valid);
  EXPECT_TRUE(Verify(key, oldest.mac, oldest.version).valid);
}

TEST_F(HmacTest, NeedsAnEnabledSymmetricKeyOfTheAccount) {
  const std::string key = MakeKey();
  const MadeMac made = Compute(key);
  const auto both_fail = [&](const RequestContext& who, const std::string& of_key,
                             std::string_view version, Reason reason) {
    EXPECT_THAT(kms->compute().ComputeMac(who, of_key, version, data), Fails(reason));
    EXPECT_THAT(kms->compute().VerifyMac(who, of_key, version, data, made.mac),
                Fails(reason));
  };
  both_fail(ContextOf("account-2"), key, {}, Reason::kKeyNotFound);
  both_fail(ContextOf("account-1", "region-2"), key, {}, Reason::kKeyNotFound);
  both_fail(me, key, VersionOf(MakeKey()), Reason::kVersionNotFound);
  const std::string pair = MakeKey({.spec = KeySpec::kSm2});
  both_fail(me, pair, {}, Reason::kNotSymmetric);
  both_fail(me, MakeKey({.origin = KeyOrigin::kExternal}), {}, Reason::kKeyDisabled);
  ASSERT_OK(kms->keys().Disable(me, key));
  both_fail(me, key, {}, Reason::kKeyDisabled);
  both_fail(me, key, made.version, Reason::kKeyDisabled);
  ASSERT_OK(kms->keys().Enable(me, key));
  EXPECT_TRUE(Verify(key, made.mac).valid);
}

TEST_F(HmacTest, TakesAsMuchAsEncrypt) {
  const std::string key = MakeKey();
  const std::string longest(6144, 'x'), longer(6145, 'x');
  for (const std::string& text : {std::string(), longest}) {
    const auto made = kms->compute().ComputeMac(me, key, {}, AsBytes(text)).value();
    EXPECT_TRUE(kms->compute().VerifyMac(me, key, {}, AsBytes(text), made.mac)->valid);
  }
  EXPECT_THAT(kms->compute().ComputeMac(me, key, {}, AsBytes(longer)),
              Fails(Reason::kTooLong));
  EXPECT_THAT(kms->compute().VerifyMac(me, key, {}, AsBytes(longer), {}),
              Fails(Reason::kTooLong));
}

TEST_F(ComputeServiceTest, NothingStoredHoldsThePlaintextOfAKey) {
  const std::string key = MakeKey();
  const auto parameters =
      kms->imports()
          .GetParameters(me, MakeKey({.origin = KeyOrigin::kExternal}),
                         EncryptionAlgorithm::kRsaOaepSha256)
          .value();
  const auto snapshot = memory->Read().value();
  for (const Record& record : snapshot->Scan("", "", SIZE_MAX).value()) {
    EXPECT_EQ(record.value.find("PRIVATE"), std::string::npos) << record.key;
    EXPECT_EQ(record.value.find("plaintext"), std::string::npos) << record.key;
  }
}

// Two versions' sealed bytes swapped by somebody who can write to the store.
TEST_F(ComputeServiceTest, SwappedRecordsDoNotOpen) {
  const std::string one = MakeKey();
  const std::string two = MakeKey();
  const auto blob = kms->compute().Encrypt(me, one, AsBytes("x"))->blob;
  const auto place_of = [&](const std::string& key) {
    return JoinKey({"version", me.principal.account, key, VersionOf(key)});
  };
  const auto sealed_of = [&](const std::string& key) {
    const std::string json(memory->Read().value()->Get(place_of(key)).value()->value);
    const std::size_t at = json.find("\"sealed\":\"") + 10;
    return json.substr(at, json.find('"', at) - at);
  };
  const std::string a = sealed_of(one);
  const std::string b = sealed_of(two);
  ASSERT_OK(memory->Update([&](Transaction& transaction) -> Result<void> {
    std::string json(transaction.Get(place_of(one)).value()->value);
    json.replace(json.find(a), a.size(), b);
    transaction.Put(place_of(one), json);
    return {};
  }));
  Reopen();
  EXPECT_THAT(Decrypt(blob), Fails(Reason::kKeyDecryptionFailed));
  EXPECT_OK(kms->compute().Encrypt(me, two, AsBytes("x")));
}

TEST_F(ComputeServiceTest, AfterDisableIsAnsweredNothingEncrypts) {
  const std::string key = MakeKey();
  std::atomic<int> phase = 0;  // odd: the answer to disable is there
  std::atomic<bool> stop = false;
  std::atomic<int> late = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const int before = phase;
        const auto result = kms->compute().Encrypt(me, key, AsBytes("x"));
        if (before % 2 == 1 && phase == before && result.has_value()) ++late;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK(kms->keys().Disable(me, key));
    ++phase;
    std::this_thread::yield();
    ++phase;
    ASSERT_OK(kms->keys().Enable(me, key));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(late, 0);
}

}  // namespace
}  // namespace kms
