// Pkcs11Hsm over SoftHSM: what is in the token, what the token refuses, and how the
// adapter fares when the token goes away.

#include <gmock/gmock.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "kms/encoding.h"
#include "pkcs11/outsider.h"
#include "pkcs11/soft_hsm.h"

namespace kms::testing {
namespace {

using namespace std::chrono_literals;
using pkcs11::Template;

constexpr Place kPlace{"account", "key", "1", "material", "one"};
constexpr KeySpec kAllSpecs[] = {KeySpec::kAes256, KeySpec::kSm4, KeySpec::kRsa2048,
                                 KeySpec::kSm2};

// Waits for something that another thread brings about.
bool Eventually(const std::function<bool()>& happened) {
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (std::chrono::steady_clock::now() < until) {
    if (happened()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

class Pkcs11HsmTest : public ::testing::Test {
 protected:
  // Closes the adapter, so that the module is free.
  Outsider Outside() {
    token_.Close();
    return Outsider(
        PrepareSoftHsm({.folder = token_.folder(), .module = {}}, false).value());
  }

  // The sealing key of the root, wrapped, as the store has it.
  Bytes StoredSealingKey() {
    const auto snapshot = token_.store().Read().value();
    const auto records = snapshot->Scan(JoinKey({"hsm-root"}), {}, 2).value();
    EXPECT_EQ(records.size(), 1u);
    const auto record = boost::json::parse(records.at(0).value);
    return FromBase64(record.at("seal").as_string()).value();
  }

  // An AES key that may be unwrapped, or made.
  static Template AesKey(bool token, bool sensitive, bool extractable) {
    Template key;
    key.Number(CKA_CLASS, CKO_SECRET_KEY)
        .Number(CKA_KEY_TYPE, CKK_AES)
        .Flag(CKA_TOKEN, token)
        .Flag(CKA_SENSITIVE, sensitive)
        .Flag(CKA_EXTRACTABLE, extractable);
    return key;
  }

  // A key of that spec that has sealed or signed something.
  Result<void> Use(CryptoBackend& backend, KeySpec spec, const WrappedKey& made) {
    const Bytes text = {1, 2, 3};
    if (IsSymmetric(spec)) {
      KMS_TRY(const auto key, backend.LoadSymmetric(spec, kPlace, made.sealed));
      KMS_TRY(const Bytes sealed, key->Seal({}, {}, text));
      KMS_TRY(const SecretBytes opened, key->Open({}, {}, sealed));
      return {};
    }
    KMS_TRY(const auto key, backend.LoadPrivate(spec, kPlace, made.sealed));
    KMS_TRY(const Bytes signature,
            key->Sign(spec == KeySpec::kSm2 ? SignatureAlgorithm::kSm2
                                            : SignatureAlgorithm::kRsaPssSha256,
                      Bytes(32, 1)));
    return {};
  }

  SoftHsm token_{[](Pkcs11Config& config) {
    config.probe_interval_millis = 20;
    config.call_timeout_millis = 30'000;  // an RSA key may take long to make
  }};
};

TEST_F(Pkcs11HsmTest, TheRootIsTheOnlyObjectInTheToken) {
  for (const KeySpec spec : kAllSpecs) {
    const WrappedKey made = token_.backend().Generate(spec, kPlace).value();
    EXPECT_EQ(made.root, 1u);
    EXPECT_FALSE(made.in_token);
    ASSERT_OK(Use(token_.backend(), spec, made));
  }
  EXPECT_FALSE(token_.backend().keeps_objects());
  Outsider outsider = Outside();
  const auto objects = outsider.Objects();
  ASSERT_EQ(objects.size(), 1u);
  const CK_OBJECT_HANDLE root = objects.front();
  for (const auto type : {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE,
                          CKA_NEVER_EXTRACTABLE, CKA_LOCAL, CKA_WRAP, CKA_UNWRAP})
    EXPECT_TRUE(outsider.Flag(root, type)) << type;
  for (const auto type : {CKA_EXTRACTABLE, CKA_MODIFIABLE, CKA_ENCRYPT, CKA_DECRYPT,
                          CKA_SIGN, CKA_VERIFY, CKA_DERIVE})
    EXPECT_FALSE(outsider.Flag(root, type)) << type;
}

TEST_F(Pkcs11HsmTest, TheTokenRefusesToMisuseTheRoot) {
  const Bytes stored = StoredSealingKey();
  Outsider outsider = Outside();
  const CK_OBJECT_HANDLE root = outsider.Objects().at(0);
  const CK_SESSION_HANDLE session = outsider.session();
  auto& cryptoki = outsider.functions();
  EXPECT_EQ(outsider.Read(root, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
  CK_BYTE iv[16] = {};
  CK_GCM_PARAMS gcm_parameters{};
  gcm_parameters.pIv = iv;
  gcm_parameters.ulIvLen = 12;
  gcm_parameters.ulIvBits = 96;
  gcm_parameters.ulTagBits = 128;
  CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv};
  CK_MECHANISM gcm = {CKM_AES_GCM, &gcm_parameters, sizeof gcm_parameters};
  for (CK_MECHANISM* const cipher : {&cbc, &gcm}) {
    EXPECT_EQ(cryptoki.C_EncryptInit(session, cipher, root),
              CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT_EQ(cryptoki.C_DecryptInit(session, cipher, root),
              CKR_KEY_FUNCTION_NOT_PERMITTED);
  }
  CK_MECHANISM mac = {CKM_AES_CMAC, nullptr, 0};
  CK_MECHANISM_INFO about{};
  if (cryptoki.C_GetMechanismInfo(outsider.slot(), mac.mechanism, &about) == CKR_OK) {
    EXPECT_EQ(cryptoki.C_SignInit(session, &mac, root), CKR_KEY_FUNCTION_NOT_PERMITTED);
  }
  CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
  CK_BYTE from[32] = {};
  CK_AES_CBC_ENCRYPT_DATA_PARAMS derive_parameters{};
  derive_parameters.pData = from;
  derive_parameters.length = sizeof from;
  CK_MECHANISM derive = {CKM_AES_CBC_ENCRYPT_DATA, &derive_parameters,
                         sizeof derive_parameters};
  Template derived = AesKey(false, false, true);
  EXPECT_EQ(
      cryptoki.C_DeriveKey(session, &derive, root, derived.data(), derived.size(), &made),
      CKR_KEY_FUNCTION_NOT_PERMITTED);
  Template stronger;
  stronger.Flag(CKA_DECRYPT, true);
  EXPECT_NE(cryptoki.C_SetAttributeValue(session, root, stronger.data(), 1), CKR_OK);
  EXPECT_NE(cryptoki.C_CopyObject(session, root, stronger.data(), 1, &made), CKR_OK);

  // A key as the adapter wraps them.
  Template key = AesKey(false, true, true);
  key.Number(CKA_VALUE_LEN, 32);
  CK_MECHANISM generate = {CKM_AES_KEY_GEN, nullptr, 0};
  ASSERT_EQ(cryptoki.C_GenerateKey(session, &generate, key.data(), key.size(), &made),
            CKR_OK);
  EXPECT_EQ(outsider.Read(made, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
  CK_MECHANISM wrap = {CKM_AES_KEY_WRAP_PAD, nullptr, 0};
  Bytes wrapped(256);
  CK_ULONG size = wrapped.size();
  ASSERT_EQ(cryptoki.C_WrapKey(session, &wrap, root, made, wrapped.data(), &size),
            CKR_OK);
  wrapped.resize(size);
  // What the root unwraps cannot be read, taken out, or kept; and neither can what the
  // store holds.
  for (Bytes blob : {wrapped, stored}) {
    const auto unwrap = [&](Template as) {
      return cryptoki.C_UnwrapKey(session, &wrap, root, blob.data(), blob.size(),
                                  as.data(), as.size(), &made);
    };
    EXPECT_NE(unwrap(AesKey(false, false, false)), CKR_OK);
    EXPECT_NE(unwrap(AesKey(false, true, true)), CKR_OK);
    EXPECT_NE(unwrap(AesKey(true, true, false)), CKR_OK);
    ASSERT_EQ(unwrap(AesKey(false, true, false)), CKR_OK);
    EXPECT_EQ(outsider.Read(made, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
    size = wrapped.size();
    EXPECT_EQ(cryptoki.C_WrapKey(session, &wrap, root, made, wrapped.data(), &size),
              CKR_KEY_UNEXTRACTABLE);
  }
}

TEST_F(Pkcs11HsmTest, NoKeyInUseCanBeReadBesideTheAdapter) {
  // At rest, so that nothing but the outsider calls the module.
  token_.Close();
  token_.SetChange(
      [](Pkcs11Config& config) { config.probe_interval_millis = 3'600'000; });
  ASSERT_OK(token_.Open());
  CryptoBackend& backend = token_.backend();
  const Bytes text = {1, 2, 3};
  std::vector<std::shared_ptr<SymmetricKey>> symmetric;
  std::vector<std::shared_ptr<PrivateKey>> pairs;
  for (const KeySpec spec : kAllSpecs) {
    const WrappedKey made = backend.Generate(spec, kPlace).value();
    if (IsSymmetric(spec)) {
      symmetric.push_back(backend.LoadSymmetric(spec, kPlace, made.sealed).value());
      Bytes sealed = symmetric.back()->Seal({}, {}, text).value();
      ASSERT_OK(symmetric.back()->Open({}, {}, sealed));
      sealed.back() ^= 1;  // for which the token is tried with a key of its own
      ASSERT_THAT(symmetric.back()->Open({}, {}, sealed), Fails(Reason::kBadCiphertext));
    } else {
      pairs.push_back(backend.LoadPrivate(spec, kPlace, made.sealed).value());
      ASSERT_OK(pairs.back()->Sign(spec == KeySpec::kSm2
                                       ? SignatureAlgorithm::kSm2
                                       : SignatureAlgorithm::kRsaPssSha256,
                                   Bytes(32, 1)));
    }
  }
  Outsider outsider(*FunctionsOf(SoftToken::Module()));
  auto& cryptoki = outsider.functions();
  int secret_keys = 0, private_keys = 0;
  for (const CK_OBJECT_HANDLE object : outsider.Objects()) {
    CK_OBJECT_CLASS its_class = 0;
    CK_ATTRIBUTE attribute{CKA_CLASS, &its_class, sizeof its_class};
    ASSERT_EQ(cryptoki.C_GetAttributeValue(outsider.session(), object, &attribute, 1),
              CKR_OK);
    EXPECT_TRUE(outsider.Flag(object, CKA_PRIVATE));
    EXPECT_TRUE(outsider.Flag(object, CKA_SENSITIVE));
    EXPECT_FALSE(outsider.Flag(object, CKA_EXTRACTABLE));
    if (its_class == CKO_SECRET_KEY) {
      ++secret_keys;
      EXPECT_EQ(outsider.Read(object, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
    } else {
      ++private_keys;
      ASSERT_EQ(its_class, CKO_PRIVATE_KEY);
      for (const CK_ATTRIBUTE_TYPE part :
           {CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2})
        EXPECT_EQ(outsider.Read(object, part), CKR_ATTRIBUTE_SENSITIVE);
    }
    Template weaker;
    weaker.Flag(CKA_EXTRACTABLE, true);
    EXPECT_NE(cryptoki.C_SetAttributeValue(outsider.session(), object, weaker.data(), 1),
              CKR_OK);
  }
  // The root; its sealing key and the AES key, each with what it has sealed and opened
  // with; and the one that the token is tried with.
  EXPECT_EQ(secret_keys, 1 + 3 + 3 + 1);
  EXPECT_EQ(private_keys, 1);
}

TEST_F(Pkcs11HsmTest, RecordsHoldNoKeyInClear) {
  // A pattern that would be found wherever it was written.
  const Bytes material(32, 0x5a);
  const WrappedKey made =
      token_.backend()
          .Import(KeySpec::kAes256, kPlace, SecretBytes::CopyOf(material))
          .value();
  const Bytes again = token_.hsm().root().Seal(kPlace, material).value();
  for (const Bytes& record : {made.sealed, again})
    EXPECT_EQ(
        std::search(record.begin(), record.end(), material.begin(), material.begin() + 8),
        record.end());
  const auto snapshot = token_.store().Read().value();
  const auto records = snapshot->Scan({}, {}, kAllRecords).value();
  for (const Record& record : records) {
    EXPECT_EQ(record.value.find(std::string(8, '\x5a')), std::string::npos);
    EXPECT_EQ(record.value.find(ToBase64(material).substr(0, 16)), std::string::npos);
  }
}

TEST_F(Pkcs11HsmTest, KeysOutliveARestartAndANewRoot) {
  std::vector<std::pair<KeySpec, WrappedKey>> keys;
  for (const KeySpec spec : kAllSpecs)
    keys.emplace_back(spec, token_.backend().Generate(spec, kPlace).value());
  token_.Close();
  ASSERT_OK(token_.Open());
  ASSERT_OK(token_.hsm().AddRoot());
  EXPECT_EQ(token_.hsm().Status().root, 2u);
  for (const KeySpec spec : kAllSpecs)
    keys.emplace_back(spec, token_.backend().Generate(spec, kPlace).value());
  for (const auto& [spec, made] : keys) EXPECT_OK(Use(token_.backend(), spec, made));
  EXPECT_EQ(keys.front().second.root, 1u);
  EXPECT_EQ(keys.back().second.root, 2u);
  token_.Close();
  ASSERT_OK(token_.Open());
  for (const auto& [spec, made] : keys) EXPECT_OK(Use(token_.backend(), spec, made));
}

TEST_F(Pkcs11HsmTest, ATokenThatComesBackNeedsNoRestart) {
  std::vector<std::pair<KeySpec, WrappedKey>> keys;
  for (const KeySpec spec : kAllSpecs)
    keys.emplace_back(spec, token_.backend().Generate(spec, kPlace).value());
  const auto aes = token_.backend()
                       .LoadSymmetric(KeySpec::kAes256, kPlace, keys[0].second.sealed)
                       .value();
  const auto sm4 = token_.backend()
                       .LoadSymmetric(KeySpec::kSm4, kPlace, keys[1].second.sealed)
                       .value();
  const Bytes text = {4, 5};
  const Bytes sealed = aes->Seal({}, {}, text).value();

  // Used all the while.
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::thread user([&] {
    while (!stop) {
      const auto opened = aes->Open({}, {}, sealed);
      if (!opened && opened.error().reason() != Reason::kHsmUnavailable) ++wrong;
      if (opened && !std::ranges::equal(opened->Reveal(), text)) ++wrong;
    }
  });
  for (int round = 0; round < 3; ++round) {
    token_.MoveAway();
    ASSERT_TRUE(Eventually([&] { return !token_.backend().Check(); }));
    const auto down = token_.backend().Check();
    EXPECT_THAT(down, Fails(Reason::kHsmUnavailable));
    EXPECT_NE(down.error().detail(), "");
    EXPECT_FALSE(token_.hsm().Status().up);
    EXPECT_THAT(aes->Seal({}, {}, text), Fails(Reason::kHsmUnavailable));
    EXPECT_THAT(sm4->Seal({}, {}, text), Fails(Reason::kHsmUnavailable));
    for (const KeySpec spec : kAllSpecs)
      EXPECT_THAT(token_.backend().Generate(spec, kPlace),
                  Fails(Reason::kHsmUnavailable));
    token_.MoveBack();
    ASSERT_TRUE(Eventually([&] { return token_.backend().Check().has_value(); }));
    EXPECT_OK(aes->Open({}, {}, sealed));
    EXPECT_OK(sm4->Seal({}, {}, text));
    for (const auto& [spec, made] : keys) EXPECT_OK(Use(token_.backend(), spec, made));
  }
  stop = true;
  user.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(token_.hsm().Status().reconnects, 3u);
}

TEST_F(Pkcs11HsmTest, SaysWhatIsMissing) {
  token_.Close();
  const auto opened_with = [&](const std::function<void(Pkcs11Config&)>& change) {
    token_.SetChange(change);
    const auto opened = token_.Open();
    EXPECT_THAT(opened, Fails(Reason::kHsmUnavailable));
    return opened ? std::string() : opened.error().detail();
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(opened_with([](auto& config) { config.module = "/nowhere/module.so"; }),
              HasSubstr("/nowhere/module.so"));
  EXPECT_THAT(opened_with([](auto& config) { config.module = "/lib64/libc.so.6"; }),
              HasSubstr("module"));
  EXPECT_THAT(opened_with([](auto& config) { config.token = "other"; }),
              HasSubstr("\"other\""));
  EXPECT_THAT(opened_with([](auto& config) { config.serial = "4711"; }),
              HasSubstr("4711"));
  EXPECT_THAT(opened_with([](auto& config) {
                config.pin = SecretBytes::CopyOf(AsBytes("wrong-pin"));
              }),
              HasSubstr("CKR_PIN_INCORRECT"));
  EXPECT_THAT(opened_with([](auto& config) { config.pin = {}; }), HasSubstr("PIN"));
  token_.SetChange({});
  EXPECT_OK(token_.Open());
}

TEST_F(Pkcs11HsmTest, ADeletedOrExchangedRootIsNamed) {
  const WrappedKey made = token_.backend().Generate(KeySpec::kAes256, kPlace).value();
  Bytes id(64);
  {
    Outsider outsider = Outside();
    const CK_OBJECT_HANDLE root = outsider.Objects().at(0);
    CK_ATTRIBUTE attribute{CKA_ID, id.data(), id.size()};
    ASSERT_EQ(
        outsider.functions().C_GetAttributeValue(outsider.session(), root, &attribute, 1),
        CKR_OK);
    id.resize(attribute.ulValueLen);
    ASSERT_EQ(outsider.functions().C_DestroyObject(outsider.session(), root), CKR_OK);
  }
  const auto missing = token_.Open();
  ASSERT_THAT(missing, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(missing.error().detail(), ::testing::HasSubstr(std::string(AsText(id))));
  {
    // Another key under the name of the root.
    Outsider outsider(
        PrepareSoftHsm({.folder = token_.folder(), .module = {}}, false).value());
    Template root;
    root.Number(CKA_CLASS, CKO_SECRET_KEY)
        .Number(CKA_KEY_TYPE, CKK_AES)
        .Number(CKA_VALUE_LEN, 32)
        .Data(CKA_ID, id)
        .Flag(CKA_TOKEN, true)
        .Flag(CKA_PRIVATE, true)
        .Flag(CKA_SENSITIVE, true)
        .Flag(CKA_EXTRACTABLE, false)
        .Flag(CKA_MODIFIABLE, false)
        .Flag(CKA_WRAP, true)
        .Flag(CKA_UNWRAP, true)
        .Flag(CKA_ENCRYPT, false)
        .Flag(CKA_DECRYPT, true);
    CK_MECHANISM generate = {CKM_AES_KEY_GEN, nullptr, 0};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    ASSERT_EQ(outsider.functions().C_GenerateKey(outsider.session(), &generate,
                                                 root.data(), root.size(), &handle),
              CKR_OK);
  }
  const auto weaker = token_.Open();
  ASSERT_THAT(weaker, Fails(Reason::kHsmUnavailable));
  EXPECT_THAT(weaker.error().detail(), ::testing::HasSubstr("can decrypt"));
}

TEST_F(Pkcs11HsmTest, MeasuresItsSpeed) {
  const auto curve = token_.hsm().Measure(6, 20);
  ASSERT_OK(curve);
  std::vector<int> sessions;
  for (const Pkcs11Speed& speed : *curve) {
    sessions.push_back(speed.sessions);
    EXPECT_GT(speed.aes_per_second, 0);
    EXPECT_GT(speed.rsa_per_second, 0);
  }
  EXPECT_EQ(sessions, (std::vector<int>{1, 2, 4, 6}));
}

}  // namespace
}  // namespace kms::testing
