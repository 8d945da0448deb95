// SM2 and SM4 as the fault module's vendor offers them: right by Botan's own measure, and
// as closed as keys of a token are.

#include <botan/system_rng.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "crypto/botan_compat.h"
#include "crypto/sm2_der.h"
#include "pkcs11/fault_module/vendor_sm.h"
#include "pkcs11/fault_rules.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {
namespace {

using namespace fault;  // NOLINT: the numbers of vendor_sm.h

CK_BBOOL yes = CK_TRUE;
CK_BBOOL no = CK_FALSE;

class VendorTokenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    rules_.Set({"* vendor-sm"});
    p11_ = FunctionsOf(SoftToken::FaultModule());
    ASSERT_NE(p11_, nullptr);
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    ASSERT_EQ(p11_->C_Initialize(&arguments), CKR_OK);
    std::array<CK_SLOT_ID, 4> slots{};
    CK_ULONG count = slots.size();
    ASSERT_EQ(p11_->C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      ASSERT_EQ(p11_->C_GetTokenInfo(slots[i], &info), CKR_OK);
      if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) slot_ = slots[i];
    }
    session_ = Open();
    std::string pin = token_.user_pin();
    ASSERT_EQ(p11_->C_Login(session_, CKU_USER, reinterpret_cast<CK_BYTE*>(pin.data()),
                            pin.size()),
              CKR_OK);
  }
  void TearDown() override {
    if (p11_ != nullptr) p11_->C_Finalize(nullptr);
  }

  CK_SESSION_HANDLE Open() {
    CK_SESSION_HANDLE session = 0;
    EXPECT_EQ(p11_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr,
                                  nullptr, &session),
              CKR_OK);
    return session;
  }

  // A key that can leave the token, in the clear if it is `open`.
  CK_OBJECT_HANDLE MakeSm4(CK_SESSION_HANDLE session, bool open) {
    std::array<CK_ATTRIBUTE, 2> wanted = {
        {{CKA_EXTRACTABLE, &yes, sizeof yes},
         {CKA_SENSITIVE, open ? &no : &yes, sizeof no}}};
    CK_MECHANISM mechanism{CKM_VENDOR_SM4_KEY_GEN, nullptr, 0};
    CK_OBJECT_HANDLE key = 0;
    EXPECT_EQ(
        p11_->C_GenerateKey(session, &mechanism, wanted.data(), wanted.size(), &key),
        CKR_OK);
    return key;
  }

  void MakeSm2(CK_OBJECT_HANDLE* public_key, CK_OBJECT_HANDLE* private_key) {
    CK_ATTRIBUTE wanted{CKA_EXTRACTABLE, &yes, sizeof yes};
    CK_MECHANISM mechanism{CKM_VENDOR_SM2_KEY_PAIR_GEN, nullptr, 0};
    ASSERT_EQ(p11_->C_GenerateKeyPair(session_, &mechanism, nullptr, 0, &wanted, 1,
                                      public_key, private_key),
              CKR_OK);
  }

  // An AES key whose unwrapped keys never leave the token.
  CK_OBJECT_HANDLE MakeRoot() {
    std::array<CK_ATTRIBUTE, 3> closed = {{{CKA_TOKEN, &no, sizeof no},
                                           {CKA_SENSITIVE, &yes, sizeof yes},
                                           {CKA_EXTRACTABLE, &no, sizeof no}}};
    CK_ULONG size = 32;
    std::array<CK_ATTRIBUTE, 5> wanted = {
        {{CKA_TOKEN, &no, sizeof no},
         {CKA_VALUE_LEN, &size, sizeof size},
         {CKA_WRAP, &yes, sizeof yes},
         {CKA_UNWRAP, &yes, sizeof yes},
         {CKA_UNWRAP_TEMPLATE, closed.data(), sizeof closed}}};
    CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
    CK_OBJECT_HANDLE root = 0;
    EXPECT_EQ(
        p11_->C_GenerateKey(session_, &mechanism, wanted.data(), wanted.size(), &root),
        CKR_OK);
    return root;
  }

  CK_RV Gcm(bool seals, CK_OBJECT_HANDLE key, Bytes in, Bytes* out) {
    CK_GCM_PARAMS gcm{nonce_.data(), nonce_.size(), 96, aad_.data(), aad_.size(), 128};
    CK_MECHANISM mechanism{CKM_VENDOR_SM4_GCM, &gcm, sizeof gcm};
    CK_RV code = seals ? p11_->C_EncryptInit(session_, &mechanism, key)
                       : p11_->C_DecryptInit(session_, &mechanism, key);
    if (code != CKR_OK) return code;
    const auto run = seals ? p11_->C_Encrypt : p11_->C_Decrypt;
    CK_ULONG size = 0;
    code = run(session_, in.data(), in.size(), nullptr, &size);
    if (code != CKR_OK) return code;
    out->resize(size);
    code = run(session_, in.data(), in.size(), out->data(), &size);
    out->resize(size);
    return code;
  }

  CK_RV Sign(CK_OBJECT_HANDLE key, Bytes digest, Bytes* signature) {
    CK_MECHANISM mechanism{CKM_VENDOR_SM2_SIGN, nullptr, 0};
    if (const CK_RV code = p11_->C_SignInit(session_, &mechanism, key); code != CKR_OK)
      return code;
    signature->resize(64);
    CK_ULONG size = signature->size();
    return p11_->C_Sign(session_, digest.data(), digest.size(), signature->data(), &size);
  }

  CK_RV Wrap(CK_OBJECT_HANDLE root, CK_OBJECT_HANDLE key, Bytes* wrapped) {
    CK_MECHANISM mechanism{CKM_AES_KEY_WRAP_PAD, nullptr, 0};
    CK_ULONG size = 0;
    if (const CK_RV code =
            p11_->C_WrapKey(session_, &mechanism, root, key, nullptr, &size);
        code != CKR_OK)
      return code;
    wrapped->resize(size);
    return p11_->C_WrapKey(session_, &mechanism, root, key, wrapped->data(), &size);
  }

  CK_RV Unwrap(CK_OBJECT_HANDLE root, CK_KEY_TYPE type, Bytes wrapped,
               std::vector<CK_ATTRIBUTE> wanted, CK_OBJECT_HANDLE* key) {
    wanted.push_back({CKA_KEY_TYPE, &type, sizeof type});
    CK_MECHANISM mechanism{CKM_AES_KEY_WRAP_PAD, nullptr, 0};
    return p11_->C_UnwrapKey(session_, &mechanism, root, wrapped.data(), wrapped.size(),
                             wanted.data(), wanted.size(), key);
  }

  // SoftHSM wants to be told what the unwrap template says anyway.
  static std::vector<CK_ATTRIBUTE> Flags(CK_BBOOL* extractable) {
    return {{CKA_TOKEN, &no, sizeof no},
            {CKA_SENSITIVE, &yes, sizeof yes},
            {CKA_EXTRACTABLE, extractable, sizeof *extractable}};
  }

  CK_RV Read(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, Bytes* value) {
    value->assign(200, 0);
    CK_ATTRIBUTE wanted{type, value->data(), value->size()};
    const CK_RV code = p11_->C_GetAttributeValue(session_, key, &wanted, 1);
    value->resize(code == CKR_OK ? wanted.ulValueLen : 0);
    return code;
  }

  // By Botan, of the key that CKA_EC_POINT names.
  std::unique_ptr<Botan::SM2_PublicKey> PublicKey(CK_OBJECT_HANDLE key) {
    Bytes point;
    EXPECT_EQ(Read(key, CKA_EC_POINT, &point), CKR_OK);
    if (point.size() != 67 || point[0] != 0x04 || point[1] != 65) {
      ADD_FAILURE() << "no OCTET STRING of a point";
      return nullptr;
    }
    return botan::Sm2PublicKey(botan::Sm2Group(), ByteView(point).subspan(2));
  }

  bool Verifies(const Botan::SM2_PublicKey& key, const Bytes& digest,
                const Bytes& signature) {
    Botan::PK_Verifier verifier(key, "1234567812345678,Raw", botan::kPlainSignature);
    return verifier.verify_message(digest.data(), digest.size(), signature.data(),
                                   signature.size());
  }

  SoftToken token_;
  FaultRules rules_;
  CK_FUNCTION_LIST* p11_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
  Bytes nonce_ = Bytes(12, 7), aad_ = Bytes(5, 9);
  const Bytes data_ = Bytes(100, 0x42);
  const Bytes digest_ = Bytes(32, 0x17);
};

TEST_F(VendorTokenTest, TheMechanismsAreThereWithTheRuleOnly) {
  const auto offers = [&](CK_MECHANISM_TYPE type) {
    CK_ULONG count = 0;
    EXPECT_EQ(p11_->C_GetMechanismList(slot_, nullptr, &count), CKR_OK);
    std::vector<CK_MECHANISM_TYPE> list(count);
    EXPECT_EQ(p11_->C_GetMechanismList(slot_, list.data(), &count), CKR_OK);
    CK_MECHANISM_INFO info{};
    const bool described = p11_->C_GetMechanismInfo(slot_, type, &info) == CKR_OK;
    const bool listed = std::find(list.begin(), list.end(), type) != list.end();
    EXPECT_EQ(described, listed);
    return listed;
  };
  EXPECT_TRUE(offers(CKM_VENDOR_SM2_SIGN));
  EXPECT_TRUE(offers(CKM_AES_GCM));
  rules_.Set({"* vendor-sm", "* hide CKM_VENDOR_SM2_SIGN"});
  EXPECT_FALSE(offers(CKM_VENDOR_SM2_SIGN));
  EXPECT_TRUE(offers(CKM_VENDOR_SM4_GCM));
  rules_.Clear();
  EXPECT_FALSE(offers(CKM_VENDOR_SM4_GCM));
}

TEST_F(VendorTokenTest, Sm4GcmAgreesWithBotan) {
  const CK_OBJECT_HANDLE key = MakeSm4(session_, true);
  Bytes value, sealed, plain;
  ASSERT_EQ(Read(key, CKA_VALUE, &value), CKR_OK);
  ASSERT_EQ(Gcm(true, key, data_, &sealed), CKR_OK);
  const auto mode = Botan::AEAD_Mode::create_or_throw("SM4/GCM", botan::kEncryption);
  mode->set_key(value.data(), value.size());
  mode->set_associated_data(aad_.data(), aad_.size());
  mode->start(nonce_.data(), nonce_.size());
  Botan::secure_vector<std::uint8_t> expected(data_.begin(), data_.end());
  mode->finish(expected);
  EXPECT_EQ(sealed, Bytes(expected.begin(), expected.end()));
  ASSERT_EQ(Gcm(false, key, sealed, &plain), CKR_OK);
  EXPECT_EQ(plain, data_);
  sealed.back() ^= 1;
  EXPECT_EQ(Gcm(false, key, sealed, &plain), CKR_ENCRYPTED_DATA_INVALID);
  EXPECT_EQ(Gcm(false, key, Bytes(3), &plain), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

TEST_F(VendorTokenTest, Sm2SignsAndDecrypts) {
  CK_OBJECT_HANDLE open = 0, secret = 0;
  ASSERT_NO_FATAL_FAILURE(MakeSm2(&open, &secret));
  const auto key = PublicKey(open);
  ASSERT_NE(key, nullptr);
  Bytes signature;
  ASSERT_EQ(Sign(secret, digest_, &signature), CKR_OK);
  EXPECT_TRUE(Verifies(*key, digest_, signature));
  EXPECT_EQ(Sign(secret, Bytes(31), &signature), CKR_DATA_LEN_RANGE);

  Botan::System_RNG rng;
  const Botan::PK_Encryptor_EME encryptor(*key, rng, "SM3");
  const auto der = encryptor.encrypt(data_.data(), data_.size(), rng);
  const auto parts = internal::ReadSm2Ciphertext(der);
  ASSERT_TRUE(parts);
  Bytes raw = parts->point;
  raw.insert(raw.end(), parts->hash.begin(), parts->hash.end());
  raw.insert(raw.end(), parts->masked.begin(), parts->masked.end());
  const auto decrypt = [&](Bytes in, Bytes* out) {
    CK_MECHANISM mechanism{CKM_VENDOR_SM2_DECRYPT, nullptr, 0};
    EXPECT_EQ(p11_->C_DecryptInit(session_, &mechanism, secret), CKR_OK);
    out->resize(in.size());
    CK_ULONG size = out->size();
    const CK_RV code =
        p11_->C_Decrypt(session_, in.data(), in.size(), out->data(), &size);
    out->resize(size);
    return code;
  };
  Bytes plain;
  ASSERT_EQ(decrypt(raw, &plain), CKR_OK);
  EXPECT_EQ(plain, data_);
  raw.back() ^= 1;
  EXPECT_EQ(decrypt(raw, &plain), CKR_ENCRYPTED_DATA_INVALID);
}

TEST_F(VendorTokenTest, WrappedKeysComeBackClosed) {
  const CK_OBJECT_HANDLE root = MakeRoot();
  const CK_OBJECT_HANDLE sm4 = MakeSm4(session_, false);
  CK_OBJECT_HANDLE open = 0, sm2 = 0;
  ASSERT_NO_FATAL_FAILURE(MakeSm2(&open, &sm2));
  const auto verifying = PublicKey(open);
  ASSERT_NE(verifying, nullptr);
  Bytes sealed, plain, signature, wrapped_sm4, wrapped_sm2, value;
  EXPECT_EQ(Read(sm4, CKA_VALUE, &value), CKR_ATTRIBUTE_SENSITIVE);
  ASSERT_EQ(Gcm(true, sm4, data_, &sealed), CKR_OK);
  ASSERT_EQ(Wrap(root, sm4, &wrapped_sm4), CKR_OK);
  ASSERT_EQ(Wrap(root, sm2, &wrapped_sm2), CKR_OK);
  ASSERT_EQ(p11_->C_DestroyObject(session_, sm4), CKR_OK);
  EXPECT_EQ(Gcm(true, sm4, data_, &sealed), CKR_KEY_HANDLE_INVALID);

  CK_OBJECT_HANDLE back = 0;
  ASSERT_EQ(Unwrap(root, CKK_VENDOR_SM4, wrapped_sm4, Flags(&no), &back), CKR_OK);
  ASSERT_EQ(Gcm(false, back, sealed, &plain), CKR_OK);
  EXPECT_EQ(plain, data_);
  // As the root's unwrap template wants it.
  EXPECT_EQ(Read(back, CKA_VALUE, &value), CKR_ATTRIBUTE_SENSITIVE);
  EXPECT_EQ(Wrap(root, back, &value), CKR_KEY_UNEXTRACTABLE);
  EXPECT_EQ(Unwrap(root, CKK_VENDOR_SM4, wrapped_sm4, Flags(&yes), &back),
            CKR_TEMPLATE_INCONSISTENT);

  ASSERT_EQ(Unwrap(root, CKK_VENDOR_SM2, wrapped_sm2, Flags(&no), &back), CKR_OK);
  ASSERT_EQ(Sign(back, digest_, &signature), CKR_OK);
  EXPECT_TRUE(Verifies(*verifying, digest_, signature));

  // Neither part can be changed, nor one kind of key taken for the other.
  for (const std::size_t at : {std::size_t{3}, wrapped_sm4.size() - 1}) {
    Bytes changed = wrapped_sm4;
    changed[at] ^= 1;
    EXPECT_NE(Unwrap(root, CKK_VENDOR_SM4, changed, Flags(&no), &back), CKR_OK) << at;
  }
  EXPECT_NE(Unwrap(root, CKK_VENDOR_SM4, wrapped_sm2, Flags(&no), &back), CKR_OK);
}

TEST_F(VendorTokenTest, KeysGoWithTheirSessionAndWithTheLogin) {
  const CK_SESSION_HANDLE other = Open();
  const CK_OBJECT_HANDLE theirs = MakeSm4(other, false);
  const CK_OBJECT_HANDLE ours = MakeSm4(session_, false);
  Bytes sealed;
  EXPECT_EQ(Gcm(true, theirs, data_, &sealed), CKR_OK);
  ASSERT_EQ(p11_->C_CloseSession(other), CKR_OK);
  EXPECT_EQ(Gcm(true, theirs, data_, &sealed), CKR_KEY_HANDLE_INVALID);
  EXPECT_EQ(Gcm(true, ours, data_, &sealed), CKR_OK);
  rules_.Set({"* vendor-sm", "C_EncryptInit logout times=1"});
  EXPECT_EQ(Gcm(true, ours, data_, &sealed), CKR_USER_NOT_LOGGED_IN);
}

TEST_F(VendorTokenTest, ItsOutputsAreTamperedWithToo) {
  const CK_OBJECT_HANDLE key = MakeSm4(session_, false);
  Bytes sealed;
  rules_.Set({"* vendor-sm", "C_Encrypt short 4"});
  ASSERT_EQ(Gcm(true, key, data_, &sealed), CKR_OK);
  EXPECT_EQ(sealed.size(), data_.size() + 12);
}

}  // namespace
}  // namespace kms::testing
