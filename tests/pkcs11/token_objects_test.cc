// A token that cannot wrap keeps AES and RSA keys as objects of its own, to which the
// store only refers: what they are, who destroys them, and what happens without them.

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "keys/token_records.h"
#include "kms/digest.h"
#include "kms/encoding.h"
#include "pkcs11/plain_token.h"

namespace kms::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Ids = std::multiset<std::string>;

constexpr Place kOne{"account", "key", "1", "material", "one"};
constexpr Place kTwo{"account", "key", "2", "material", "two"};
constexpr KeySpec kKept[] = {KeySpec::kAes256, KeySpec::kRsa2048};
constexpr EncryptionAlgorithm kOaep = EncryptionAlgorithm::kRsaOaepSha256;

bool Eventually(const std::function<bool()>& happened) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < until) {
    if (happened()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

// A token whose first root is still to be made.
class NewTokenTest : public ::testing::Test {
 protected:
  // Of each root that the store names, whether it is made.
  std::vector<bool> RootsMade() {
    const auto snapshot = token_.store().Read().value();
    std::vector<bool> made;
    for (const Record& root : snapshot->Scan(JoinKey({"hsm-root"}), {}, 64).value())
      made.push_back(root.value.find(R"("made":true)") != std::string::npos);
    return made;
  }

  CallTrace trace_;
  PlainToken token_{kNoWrap};
};

class TokenObjectsTest : public NewTokenTest {
 protected:
  TokenObjectsTest() { token_.Open().value(); }

  CryptoBackend& backend() { return token_.backend(); }

  WrappedKey Make(KeySpec spec, const Place& place) {
    return backend().Generate(spec, place).value();
  }
  Result<void> LoadAndUse(KeySpec spec, const Place& place, const WrappedKey& made) {
    if (IsSymmetric(spec)) {
      KMS_TRY(const auto key, backend().LoadSymmetric(spec, place, made.sealed));
      return Use(*key);
    }
    KMS_TRY(const auto key, backend().LoadPrivate(spec, place, made.sealed));
    return Use(*key, made);
  }
  Result<void> Use(SymmetricKey& key) {
    KMS_TRY(const Bytes sealed, key.Seal({}, {}, text_));
    KMS_TRY(const SecretBytes opened, key.Open({}, {}, sealed));
    EXPECT_TRUE(std::ranges::equal(opened.Reveal(), text_));
    return {};
  }
  Result<void> Use(PrivateKey& key, const WrappedKey& made) {
    const Bytes digest(32, 1);
    KMS_TRY(const Bytes signature, key.Sign(SignatureAlgorithm::kRsaPssSha256, digest));
    KMS_TRY(const auto open, backend().LoadPublic(made.public_key));
    EXPECT_TRUE(
        open->Verify(SignatureAlgorithm::kRsaPssSha256, digest, signature).value());
    return {};
  }

  // Whether it is up after probes. All else that calls the token now is the destruction
  // of the few objects that were loaded.
  bool StaysUp() {
    const std::uint64_t before = token_.hsm().Status().calls;
    return Eventually([&] { return token_.hsm().Status().calls >= before + 10; }) &&
           backend().Check();
  }

  const Bytes text_ = {1, 2, 3};
};

// What restorations of earlier releases have added for it, too.
TEST_F(NewTokenTest, ARootThatWasNeverMadeLeavesNothing) {
  ASSERT_OK(token_.store().Update([](Transaction& transaction) -> Result<void> {
    transaction.Put(place::HsmRoot(1), WriteRecord(HsmRootRecord{.index = 1}));
    transaction.Put(place::HsmRootNonces(1), WriteRecord(NonceCountRecord{kMostNonces}));
    return {};
  }));
  ASSERT_OK(token_.Open());
  EXPECT_EQ(RootsMade(), std::vector<bool>{true});
  const auto snapshot = token_.store().Read().value();
  EXPECT_EQ(snapshot->Get(place::HsmRootNonces(1)).value(), std::nullopt);
}

TEST_F(TokenObjectsTest, KeysAreObjectsThatCanOnlyCompute) {
  EXPECT_TRUE(backend().keeps_objects());
  EXPECT_FALSE(token_.hsm().Status().wraps);
  EXPECT_EQ(token_.Keys(), Ids{});
  for (const KeySpec spec : kKept) {
    const WrappedKey made = Make(spec, kOne);
    EXPECT_TRUE(made.in_token);
    EXPECT_EQ(made.root, 1u);
    ASSERT_EQ(token_.Keys(), Ids{"libkms/one"});
    TokenObjects objects;
    for (const auto type : {CKA_PRIVATE, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE,
                            CKA_NEVER_EXTRACTABLE, CKA_LOCAL})
      EXPECT_TRUE(objects.Flag("libkms/one", type)) << type;
    for (const auto type : {CKA_EXTRACTABLE, CKA_WRAP, CKA_UNWRAP})
      EXPECT_FALSE(objects.Flag("libkms/one", type)) << type;
    EXPECT_EQ(
        objects.Read("libkms/one", IsSymmetric(spec) ? CKA_VALUE : CKA_PRIVATE_EXPONENT),
        CKR_ATTRIBUTE_SENSITIVE);
  }
  // What is computed in this process needs no object.
  for (const KeySpec spec : {KeySpec::kSm4, KeySpec::kSm2})
    EXPECT_FALSE(Make(spec, kTwo).in_token);
  EXPECT_EQ(token_.Keys(), Ids{"libkms/one"});
}

TEST_F(TokenObjectsTest, ImportedMaterialIsAnObjectToo) {
  const Bytes material(32, 0x5a), label = {7};
  const WrappedKey imported =
      backend().Import(KeySpec::kAes256, kOne, SecretBytes::CopyOf(material)).value();
  const Place pair_place{"account", "key", "token", "import-key", "pair"};
  const WrappedKey pair = Make(KeySpec::kRsa2048, pair_place);
  const Bytes wrapped =
      backend().LoadPublic(pair.public_key).value()->Encrypt(kOaep, material).value();
  const ImportedKey unwrapped =
      backend()
          .ImportWrapped(KeySpec::kAes256, kTwo, {pair_place, pair.sealed, kOaep},
                         wrapped, label)
          .value();
  EXPECT_EQ(unwrapped.print, Hmac(DigestAlgorithm::kSha256, material, label));
  EXPECT_TRUE(imported.in_token);
  EXPECT_TRUE(unwrapped.key.in_token);
  EXPECT_EQ(token_.Keys(), (Ids{"libkms/one", "libkms/two", "libkms/pair"}));
  for (const char* id : {"libkms/one", "libkms/two"}) {
    TokenObjects objects;
    EXPECT_TRUE(objects.Flag(id, CKA_SENSITIVE));
    EXPECT_FALSE(objects.Flag(id, CKA_EXTRACTABLE));
    EXPECT_EQ(objects.Read(id, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
  }
  // Both hold the same material.
  const auto one =
      backend().LoadSymmetric(KeySpec::kAes256, kOne, imported.sealed).value();
  const auto two =
      backend().LoadSymmetric(KeySpec::kAes256, kTwo, unwrapped.key.sealed).value();
  EXPECT_OK(two->Open({}, {}, one->Seal({}, {}, text_).value()));
}

TEST_F(TokenObjectsTest, KeysOutliveARestart) {
  const WrappedKey rsa = Make(KeySpec::kRsa2048, kOne);
  const WrappedKey aes = Make(KeySpec::kAes256, kTwo);
  const Place place{"account", "key", "3", "material", "three"};
  const WrappedKey imported =
      backend()
          .Import(KeySpec::kAes256, place, SecretBytes::CopyOf(Bytes(32, 3)))
          .value();
  const Bytes sealed = backend()
                           .LoadSymmetric(KeySpec::kAes256, kTwo, aes.sealed)
                           .value()
                           ->Seal({}, {}, text_)
                           .value();
  ASSERT_OK(token_.Reopen());
  EXPECT_EQ(token_.Keys(), (Ids{"libkms/one", "libkms/two", "libkms/three"}));
  EXPECT_OK(backend()
                .LoadSymmetric(KeySpec::kAes256, kTwo, aes.sealed)
                .value()
                ->Open({}, {}, sealed));
  EXPECT_OK(LoadAndUse(KeySpec::kRsa2048, kOne, rsa));
  EXPECT_OK(LoadAndUse(KeySpec::kAes256, place, imported));
}

TEST_F(TokenObjectsTest, WhatIsDestroyedIsGoneAndNothingElse) {
  for (const KeySpec spec : kKept) {
    const WrappedKey one = Make(spec, kOne), two = Make(spec, kTwo);
    ASSERT_OK(LoadAndUse(spec, kOne, one));
    ASSERT_OK(backend().Destroy("one"));
    EXPECT_EQ(token_.Keys(), Ids{"libkms/two"});
    EXPECT_THAT(LoadAndUse(spec, kOne, one), FailsAs(ErrorClass::kCorrupt));
    EXPECT_OK(backend().Destroy("one"));
    EXPECT_OK(LoadAndUse(spec, kTwo, two));
  }
}

TEST_F(TokenObjectsTest, AnObjectThatWasDeletedIsNamedAndHoldsUpNobody) {
  for (const bool copies : {true, false}) {
    token_.SetChange(
        [copies](Pkcs11Config& config) { config.copy_token_objects = copies; });
    ASSERT_OK(token_.Reopen());
    for (const KeySpec spec : kKept) {
      const WrappedKey one = Make(spec, kOne), two = Make(spec, kTwo);
      TokenObjects().Destroy("libkms/one");
      const auto gone = LoadAndUse(spec, kOne, one);
      ASSERT_THAT(gone, FailsAs(ErrorClass::kCorrupt));
      EXPECT_THAT(gone.error().detail(), HasSubstr("libkms/one"));
      EXPECT_OK(backend().Check());
      EXPECT_OK(LoadAndUse(spec, kTwo, two));
    }
    EXPECT_EQ(token_.hsm().Status().failures, 0u);
    EXPECT_TRUE(token_.hsm().Status().up);
  }
}

TEST_F(TokenObjectsTest, AnObjectThatIsDeletedWhileItIsUsedIsNamed) {
  token_.SetChange([](Pkcs11Config& config) { config.copy_token_objects = false; });
  ASSERT_OK(token_.Reopen());
  const WrappedKey one = Make(KeySpec::kRsa2048, kOne);
  const WrappedKey two = Make(KeySpec::kRsa2048, kTwo);
  const auto loaded = backend().LoadPrivate(KeySpec::kRsa2048, kOne, one.sealed).value();
  const auto other = backend().LoadPrivate(KeySpec::kRsa2048, kTwo, two.sealed).value();
  ASSERT_OK(Use(*loaded, one));
  TokenObjects().Destroy("libkms/one");
  const auto gone = Use(*loaded, one);
  ASSERT_THAT(gone, FailsAs(ErrorClass::kCorrupt));
  EXPECT_THAT(gone.error().detail(), HasSubstr("libkms/one"));
  EXPECT_OK(Use(*other, two));
  EXPECT_TRUE(StaysUp());
}

TEST_F(TokenObjectsTest, AnInstanceHasOneObject) {
  // Each kind takes the place of each.
  for (const KeySpec spec : {KeySpec::kAes256, KeySpec::kAes256, KeySpec::kRsa2048,
                             KeySpec::kRsa2048, KeySpec::kAes256}) {
    const WrappedKey made = Make(spec, kOne);
    ASSERT_EQ(token_.Keys(), Ids{"libkms/one"});
    EXPECT_OK(LoadAndUse(spec, kOne, made));
  }
  ASSERT_OK(backend().Import(KeySpec::kAes256, kOne, SecretBytes::CopyOf(Bytes(32, 3))));
  EXPECT_EQ(token_.Keys(), Ids{"libkms/one"});
}

// How often each key is copied when it is loaded once and used often.
TEST_F(TokenObjectsTest, AnObjectIsCopiedOnceForEachLoad) {
  const auto copies = [&](const Place& place, const WrappedKey& made, KeySpec spec) {
    const int before = trace_.Count("C_CopyObject");
    if (IsSymmetric(spec)) {
      const auto key = backend().LoadSymmetric(spec, place, made.sealed).value();
      for (int i = 0; i < 20; ++i) EXPECT_OK(Use(*key));
    } else {
      const auto key = backend().LoadPrivate(spec, place, made.sealed).value();
      for (int i = 0; i < 20; ++i) EXPECT_OK(Use(*key, made));
    }
    return trace_.Count("C_CopyObject") - before;
  };
  const WrappedKey aes = Make(KeySpec::kAes256, kOne);
  const WrappedKey rsa = Make(KeySpec::kRsa2048, kTwo);
  for (int load = 0; load < 2; ++load) {
    EXPECT_EQ(copies(kOne, aes, KeySpec::kAes256), 1);
    EXPECT_EQ(copies(kTwo, rsa, KeySpec::kRsa2048), 1);
  }
  EXPECT_EQ(token_.Keys(), (Ids{"libkms/one", "libkms/two"}));

  // A token that does not let its objects be copied is asked, and they are used.
  token_.SetFault("C_CopyObject return CKR_ACTION_PROHIBITED");
  EXPECT_EQ(copies(kOne, aes, KeySpec::kAes256), 1);
  EXPECT_EQ(copies(kTwo, rsa, KeySpec::kRsa2048), 1);
  EXPECT_EQ(token_.hsm().Status().failures, 0u);
  token_.ClearFault();

  token_.SetChange([](Pkcs11Config& config) { config.copy_token_objects = false; });
  ASSERT_OK(token_.Reopen());
  EXPECT_EQ(copies(kOne, aes, KeySpec::kAes256), 0);
  EXPECT_EQ(copies(kTwo, rsa, KeySpec::kRsa2048), 0);
  EXPECT_EQ(token_.Keys(), (Ids{"libkms/one", "libkms/two"}));
}

TEST_F(TokenObjectsTest, AKeyIsDurableBeforeItIsHandedOut) {
  std::string folder = "/nonexistent/folder";
  token_.SetChange([&](Pkcs11Config& config) { config.sync_folder = folder; });
  ASSERT_OK(token_.Reopen());
  for (const KeySpec spec : kKept) {
    const auto made = backend().Generate(spec, kOne);
    ASSERT_THAT(made, Fails(Reason::kHsmUnavailable));
    EXPECT_THAT(made.error().detail(), HasSubstr(folder));
  }
  EXPECT_THAT(backend().Import(KeySpec::kAes256, kOne, SecretBytes::CopyOf(Bytes(32, 3))),
              Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(backend().Destroy("one"), Fails(Reason::kHsmUnavailable));
  folder = "/";
  ASSERT_OK(token_.Reopen());
  for (const KeySpec spec : kKept) EXPECT_OK(LoadAndUse(spec, kOne, Make(spec, kOne)));
  EXPECT_OK(backend().Destroy("one"));
}

TEST_F(TokenObjectsTest, AFullTokenMakesNoKeyAndServesOn) {
  const std::map<KeySpec, WrappedKey> before = {
      {KeySpec::kAes256, Make(KeySpec::kAes256, kOne)},
      {KeySpec::kRsa2048, Make(KeySpec::kRsa2048, kTwo)}};
  const Place place{"account", "key", "3", "material", "three"};
  const auto rsa =
      backend().LoadPrivate(KeySpec::kRsa2048, kTwo, before.at(KeySpec::kRsa2048).sealed);
  ASSERT_OK(rsa);
  token_.SetFault("* full");
  const auto refused = [&](const Result<WrappedKey>& made) {
    ASSERT_THAT(made, Fails(Reason::kHsmUnavailable));
    EXPECT_THAT(made.error().detail(), HasSubstr("CKR_DEVICE_MEMORY"));
  };
  refused(backend().Generate(KeySpec::kAes256, place));
  refused(backend().Generate(KeySpec::kRsa2048, place));
  refused(backend().Import(KeySpec::kAes256, place, SecretBytes::CopyOf(Bytes(32, 3))));
  EXPECT_TRUE(StaysUp());
  EXPECT_EQ(token_.hsm().Status().reconnects, 0u);
  EXPECT_OK(Use(**rsa, before.at(KeySpec::kRsa2048)));
  EXPECT_OK(LoadAndUse(KeySpec::kAes256, kOne, before.at(KeySpec::kAes256)));
  EXPECT_OK(LoadAndUse(KeySpec::kRsa2048, kTwo, before.at(KeySpec::kRsa2048)));
  EXPECT_EQ(token_.Keys(), (Ids{"libkms/one", "libkms/two"}));
  token_.ClearFault();
  for (const KeySpec spec : kKept) EXPECT_OK(LoadAndUse(spec, place, Make(spec, place)));
}

TEST_F(NewTokenTest, ItsRootIsDurableBeforeItIsOne) {
  token_.SetChange(
      [](Pkcs11Config& config) { config.sync_folder = "/nonexistent/folder"; });
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto opened = token_.Open();
    ASSERT_THAT(opened, Fails(Reason::kHsmUnavailable));
    EXPECT_THAT(opened.error().detail(), HasSubstr("/nonexistent/folder"));
    EXPECT_EQ(RootsMade(), std::vector{false});
  }
  token_.SetChange({});
  ASSERT_OK(token_.Open());
  EXPECT_EQ(RootsMade(), std::vector{true});
  EXPECT_EQ(TokenObjects().Ids(), Ids{token_.hsm().Status().root_id});
}

TEST_F(NewTokenTest, AFullTokenIsRefusedAndSaysSo) {
  token_.SetFault("* full");
  const auto opened = token_.Open();
  ASSERT_THAT(opened, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(opened.error().detail(), HasSubstr("CKR_DEVICE_MEMORY"));
  EXPECT_EQ(RootsMade(), std::vector{false});
  token_.ClearFault();
  ASSERT_OK(token_.Open());
  EXPECT_EQ(RootsMade(), std::vector{true});
  EXPECT_EQ(TokenObjects().Ids(), Ids{token_.hsm().Status().root_id});
}

TEST_F(NewTokenTest, ARootThatDoesNotFitLeavesTheOldOneInService) {
  ASSERT_OK(token_.Open());
  const std::string root = token_.hsm().Status().root_id;
  token_.SetFault("* full");
  EXPECT_THAT(token_.hsm().AddRoot(), Fails(Reason::kHsmUnavailable));
  EXPECT_EQ(token_.hsm().Status().root, 1u);
  EXPECT_OK(token_.hsm().root().Seal(kOne, Bytes(1)));
  token_.ClearFault();
  ASSERT_OK(token_.hsm().AddRoot());
  EXPECT_EQ(token_.hsm().Status().root, 2u);
  EXPECT_EQ(TokenObjects().Ids(), (Ids{root, token_.hsm().Status().root_id}));
}

}  // namespace
}  // namespace kms::testing
