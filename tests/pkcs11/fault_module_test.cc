// The fault module does what its rules say, in front of a real SoftHSM.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pkcs11/fault_rules.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {
namespace {

using Bytes = std::vector<CK_BYTE>;

CK_BBOOL yes = CK_TRUE;
CK_BBOOL no = CK_FALSE;

class FaultModule : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("KMS_FAULT_TRACE", trace_path().c_str(), 1);
    p11_ = FunctionsOf(SoftToken::FaultModule());
    ASSERT_NE(p11_, nullptr);
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    ASSERT_EQ(p11_->C_Initialize(&arguments), CKR_OK);
    ASSERT_NO_FATAL_FAILURE(FindSlot());
    ASSERT_NO_FATAL_FAILURE(Begin());
  }

  void TearDown() override {
    rules_.Clear();
    if (p11_ != nullptr) p11_->C_Finalize(nullptr);
    ::unsetenv("KMS_FAULT_TRACE");
  }

  std::string trace_path() const { return (token_.folder() / "trace").string(); }

  void FindSlot() {
    std::array<CK_SLOT_ID, 4> slots{};
    CK_ULONG count = slots.size();
    ASSERT_EQ(p11_->C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      ASSERT_EQ(p11_->C_GetTokenInfo(slots[i], &info), CKR_OK);
      if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) slot_ = slots[i];
    }
  }

  CK_RV Open() {
    return p11_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr,
                               nullptr, &session_);
  }

  CK_RV Login() {
    std::string pin = token_.user_pin();
    return p11_->C_Login(session_, CKU_USER, reinterpret_cast<CK_BYTE*>(pin.data()),
                         pin.size());
  }

  // A session, a login and a session key.
  void Begin() {
    ASSERT_EQ(Open(), CKR_OK);
    ASSERT_EQ(Login(), CKR_OK);
    ASSERT_EQ(MakeKey(false, &key_), CKR_OK);
  }

  CK_RV MakeKey(bool on_token, CK_OBJECT_HANDLE* key) {
    CK_ULONG size = 32;
    std::array<CK_BYTE, 4> id = {1, 2, 3, 4};
    std::array<CK_ATTRIBUTE, 8> wanted = {{
        {CKA_TOKEN, on_token ? &yes : &no, sizeof yes},
        {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_ENCRYPT, &yes, sizeof yes},
        {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_WRAP, &yes, sizeof yes},
        {CKA_UNWRAP, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &yes, sizeof yes},
        {CKA_ID, id.data(), id.size()},
    }};
    CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
    return p11_->C_GenerateKey(session_, &mechanism, wanted.data(), wanted.size(), key);
  }

  // AES-ECB of `data`, into a buffer with room behind the output.
  CK_RV Encrypt(Bytes data, Bytes* out) {
    CK_MECHANISM mechanism{CKM_AES_ECB, nullptr, 0};
    if (const CK_RV code = p11_->C_EncryptInit(session_, &mechanism, key_);
        code != CKR_OK)
      return code;
    out->assign(data.size(), 0xEE);
    CK_ULONG size = out->size();
    const CK_RV code =
        p11_->C_Encrypt(session_, data.data(), data.size(), out->data(), &size);
    reported_ = size;
    return code;
  }

  CK_RV Random() {
    std::array<CK_BYTE, 8> bytes{};
    return p11_->C_GenerateRandom(session_, bytes.data(), bytes.size());
  }

  std::vector<std::string> Trace() const {
    std::ifstream file(trace_path());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  bool Offers(CK_MECHANISM_TYPE mechanism) {
    CK_ULONG count = 0;
    EXPECT_EQ(p11_->C_GetMechanismList(slot_, nullptr, &count), CKR_OK);
    std::vector<CK_MECHANISM_TYPE> list(count);
    EXPECT_EQ(p11_->C_GetMechanismList(slot_, list.data(), &count), CKR_OK);
    EXPECT_EQ(list.size(), count);
    return std::find(list.begin(), list.end(), mechanism) != list.end();
  }

  SoftToken token_;
  FaultRules rules_;
  CK_FUNCTION_LIST* p11_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
  CK_OBJECT_HANDLE key_ = 0;
  CK_ULONG reported_ = 0;
  const Bytes data_ = Bytes(16, 0x42);
};

TEST_F(FaultModule, WithoutRulesEverythingPasses) {
  Bytes sealed;
  ASSERT_EQ(Encrypt(data_, &sealed), CKR_OK);
  EXPECT_EQ(reported_, 16U);
  CK_MECHANISM mechanism{CKM_AES_ECB, nullptr, 0};
  ASSERT_EQ(p11_->C_DecryptInit(session_, &mechanism, key_), CKR_OK);
  Bytes plain(16);
  CK_ULONG size = plain.size();
  ASSERT_EQ(p11_->C_Decrypt(session_, sealed.data(), sealed.size(), plain.data(), &size),
            CKR_OK);
  EXPECT_EQ(plain, data_);
}

TEST_F(FaultModule, ReturnSkipsAndCounts) {
  rules_.Set({"C_GenerateRandom return CKR_DEVICE_ERROR skip=1 times=2"});
  EXPECT_EQ(Random(), CKR_OK);
  EXPECT_EQ(Random(), CKR_DEVICE_ERROR);
  // The count goes on while the rule stays.
  rules_.Set({"C_GenerateRandom return CKR_DEVICE_ERROR skip=1 times=2",
              "C_Sign return 0x80000001"});
  EXPECT_EQ(Random(), CKR_DEVICE_ERROR);
  EXPECT_EQ(Random(), CKR_OK);
  CK_ULONG size = 0;
  EXPECT_EQ(p11_->C_Sign(session_, nullptr, 0, nullptr, &size), 0x80000001U);
  // And begins anew when it comes back.
  rules_.Clear();
  EXPECT_EQ(Random(), CKR_OK);
  rules_.Set({"C_GenerateRandom return CKR_DEVICE_ERROR skip=1 times=2"});
  EXPECT_EQ(Random(), CKR_OK);
  EXPECT_EQ(Random(), CKR_DEVICE_ERROR);
}

TEST_F(FaultModule, AStarIsEveryFunction) {
  rules_.Set({"* return CKR_HOST_MEMORY"});
  EXPECT_EQ(Random(), CKR_HOST_MEMORY);
  CK_INFO info{};
  EXPECT_EQ(p11_->C_GetInfo(&info), CKR_HOST_MEMORY);
}

TEST_F(FaultModule, ALineThatIsNoRuleIsNotIgnored) {
  std::ofstream(rules_.path()) << "C_Sing return CKR_OK\n";
  EXPECT_EQ(Random(), CKR_GENERAL_ERROR);
  for (const char* wrong :
       {"C_Sign", "C_Sign explode", "C_Sign return", "C_Sign return CKR_NO_SUCH",
        "C_Sign short x", "C_Sign hang later", "C_Sign hang times=", "C_Sign vanish",
        "* hide", "* hide CKM_NO_SUCH", "* vanish times=1", "C_Sign hang many=1"})
    EXPECT_FALSE(fault::ParseRule(wrong)) << wrong;
}

TEST_F(FaultModule, HangLastsAsLongAsItsRule) {
  // The end of the login tells that the call has come.
  rules_.Set({"C_GenerateRandom logout", "C_GenerateRandom hang"});
  std::atomic<bool> back = false;
  std::thread caller([&] {
    EXPECT_EQ(Random(), CKR_OK);
    back = true;
  });
  CK_SESSION_INFO info{};
  do ASSERT_EQ(p11_->C_GetSessionInfo(session_, &info), CKR_OK);
  while (info.state != CKS_RW_PUBLIC_SESSION);
  // Other rules do not end it, and other functions pass meanwhile.
  rules_.Set({"C_GenerateRandom hang", "C_Sign return CKR_OK"});
  EXPECT_EQ(p11_->C_GetSessionInfo(session_, &info), CKR_OK);
  EXPECT_FALSE(back);
  rules_.Clear();
  caller.join();
}

// Only that it is not shorter: how much longer is the machine's affair.
TEST_F(FaultModule, DelayWaitsAndForwards) {
  rules_.Set({"C_GenerateRandom delay 30"});
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(Random(), CKR_OK);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30));
}

TEST_F(FaultModule, ShortAndLongAndEmptyChangeTheLengthOnly) {
  Bytes right, spoilt;
  ASSERT_EQ(Encrypt(data_, &right), CKR_OK);
  const struct {
    const char* rule;
    CK_ULONG size;
  } cases[] = {{"C_Encrypt short 3", 13},
               {"C_Encrypt short 300", 0},
               {"C_Encrypt long 5", 21},
               {"C_Encrypt empty", 0}};
  for (const auto& [rule, size] : cases) {
    rules_.Set({rule});
    ASSERT_EQ(Encrypt(data_, &spoilt), CKR_OK);
    EXPECT_EQ(reported_, size) << rule;
    EXPECT_EQ(spoilt, right) << rule;
  }
}

TEST_F(FaultModule, GarbageKeepsTheLengthEvenAfterLong) {
  Bytes right, spoilt;
  ASSERT_EQ(Encrypt(data_, &right), CKR_OK);
  rules_.Set({"C_Encrypt long 4096", "C_Encrypt garbage"});
  ASSERT_EQ(Encrypt(data_, &spoilt), CKR_OK);
  EXPECT_EQ(reported_, 16U + 4096U);
  for (std::size_t i = 0; i < right.size(); ++i) EXPECT_NE(spoilt[i], right[i]);
}

TEST_F(FaultModule, AskingForTheSizeIsNotTamperedWith) {
  rules_.Set({"C_Encrypt short 3 times=1"});
  CK_MECHANISM mechanism{CKM_AES_ECB, nullptr, 0};
  ASSERT_EQ(p11_->C_EncryptInit(session_, &mechanism, key_), CKR_OK);
  Bytes data = data_;
  CK_ULONG size = 0;
  ASSERT_EQ(p11_->C_Encrypt(session_, data.data(), data.size(), nullptr, &size), CKR_OK);
  EXPECT_EQ(size, 16U);
  Bytes out(16);
  ASSERT_EQ(p11_->C_Encrypt(session_, data.data(), data.size(), out.data(), &size),
            CKR_OK);
  EXPECT_EQ(size, 13U);
}

TEST_F(FaultModule, AttributesAreTamperedWith) {
  const auto read = [&](std::array<CK_BYTE, 4>* id) {
    CK_ATTRIBUTE wanted{CKA_ID, id->data(), id->size()};
    EXPECT_EQ(p11_->C_GetAttributeValue(session_, key_, &wanted, 1), CKR_OK);
    return wanted.ulValueLen;
  };
  std::array<CK_BYTE, 4> right{}, spoilt{};
  ASSERT_EQ(read(&right), 4U);
  rules_.Set({"C_GetAttributeValue short 1"});
  EXPECT_EQ(read(&spoilt), 3U);
  rules_.Set({"C_GetAttributeValue empty"});
  EXPECT_EQ(read(&spoilt), 0U);
  rules_.Set({"C_GetAttributeValue garbage"});
  EXPECT_EQ(read(&spoilt), 4U);
  for (std::size_t i = 0; i < right.size(); ++i) EXPECT_NE(spoilt[i], right[i]);
}

TEST_F(FaultModule, WrappedKeysAreTamperedWith) {
  rules_.Set({"C_WrapKey long 8"});
  CK_MECHANISM mechanism{CKM_AES_KEY_WRAP_PAD, nullptr, 0};
  Bytes wrapped(40);
  CK_ULONG size = wrapped.size();
  ASSERT_EQ(p11_->C_WrapKey(session_, &mechanism, key_, key_, wrapped.data(), &size),
            CKR_OK);
  EXPECT_EQ(size, 48U);
}

TEST_F(FaultModule, LosingSessionsLosesTheLogin) {
  rules_.Set({"C_GenerateRandom lose-sessions times=1"});
  EXPECT_EQ(Random(), CKR_SESSION_HANDLE_INVALID);
  ASSERT_EQ(Open(), CKR_OK);
  CK_SESSION_INFO info{};
  ASSERT_EQ(p11_->C_GetSessionInfo(session_, &info), CKR_OK);
  EXPECT_EQ(info.state, CKS_RW_PUBLIC_SESSION);
  EXPECT_EQ(Login(), CKR_OK);
  EXPECT_EQ(Random(), CKR_OK);
}

TEST_F(FaultModule, LogoutLeavesTheSession) {
  rules_.Set({"C_GenerateRandom logout times=1"});
  EXPECT_EQ(Random(), CKR_OK);
  CK_SESSION_INFO info{};
  ASSERT_EQ(p11_->C_GetSessionInfo(session_, &info), CKR_OK);
  EXPECT_EQ(info.state, CKS_RW_PUBLIC_SESSION);
}

TEST_F(FaultModule, ATokenThatVanishedComesBackWithoutItsSessions) {
  rules_.Set({"* vanish"});
  CK_ULONG count = 7;
  EXPECT_EQ(p11_->C_GetSlotList(CK_TRUE, nullptr, &count), CKR_OK);
  EXPECT_EQ(count, 0U);
  CK_SLOT_INFO slot{};
  EXPECT_EQ(p11_->C_GetSlotInfo(slot_, &slot), CKR_OK);
  EXPECT_EQ(slot.flags & CKF_TOKEN_PRESENT, 0U);
  CK_TOKEN_INFO info{};
  EXPECT_EQ(p11_->C_GetTokenInfo(slot_, &info), CKR_TOKEN_NOT_PRESENT);
  EXPECT_EQ(Random(), CKR_DEVICE_REMOVED);
  const CK_SESSION_HANDLE old = session_;
  EXPECT_EQ(Open(), CKR_TOKEN_NOT_PRESENT);
  rules_.Clear();
  EXPECT_EQ(p11_->C_GetTokenInfo(slot_, &info), CKR_OK);
  session_ = old;
  EXPECT_EQ(Random(), CKR_SESSION_HANDLE_INVALID);
  ASSERT_EQ(Open(), CKR_OK);
  CK_OBJECT_HANDLE key = 0;
  EXPECT_EQ(MakeKey(false, &key), CKR_USER_NOT_LOGGED_IN);
  EXPECT_EQ(Login(), CKR_OK);
  EXPECT_EQ(MakeKey(false, &key), CKR_OK);
}

TEST_F(FaultModule, AHiddenMechanismIsNowhere) {
  EXPECT_TRUE(Offers(CKM_AES_ECB));
  rules_.Set({"* hide CKM_AES_ECB", "* hide 0x210A"});
  EXPECT_FALSE(Offers(CKM_AES_ECB));
  EXPECT_FALSE(Offers(CKM_AES_KEY_WRAP_PAD));
  EXPECT_TRUE(Offers(CKM_AES_GCM));
  CK_MECHANISM_INFO info{};
  EXPECT_EQ(p11_->C_GetMechanismInfo(slot_, CKM_AES_ECB, &info), CKR_MECHANISM_INVALID);
  Bytes out;
  EXPECT_EQ(Encrypt(data_, &out), CKR_MECHANISM_INVALID);
  CK_MECHANISM wrap{CKM_AES_KEY_WRAP_PAD, nullptr, 0};
  CK_ULONG size = 0;
  EXPECT_EQ(p11_->C_WrapKey(session_, &wrap, key_, key_, nullptr, &size),
            CKR_MECHANISM_INVALID);
  rules_.Clear();
  EXPECT_EQ(Encrypt(data_, &out), CKR_OK);
}

TEST_F(FaultModule, AMechanismListThatIsTooSmallIsRefused) {
  rules_.Set({"* hide CKM_AES_ECB"});
  CK_MECHANISM_TYPE one = 0;
  CK_ULONG count = 1;
  EXPECT_EQ(p11_->C_GetMechanismList(slot_, &one, &count), CKR_BUFFER_TOO_SMALL);
  EXPECT_GT(count, 1U);
}

TEST_F(FaultModule, AFullTokenStillHoldsSessionObjects) {
  rules_.Set({"* full"});
  CK_OBJECT_HANDLE key = 0;
  EXPECT_EQ(MakeKey(true, &key), CKR_DEVICE_MEMORY);
  EXPECT_EQ(MakeKey(false, &key), CKR_OK);
  rules_.Clear();
  EXPECT_EQ(MakeKey(true, &key), CKR_OK);
}

TEST_F(FaultModule, TheTraceNamesEachCall) {
  const std::size_t before = Trace().size();
  rules_.Set({"C_GenerateRandom return CKR_DEVICE_ERROR times=1"});
  Random();
  Random();
  const std::vector<std::string> lines = Trace();
  ASSERT_EQ(lines.size(), before + 2);
  EXPECT_EQ(lines[before], "C_GenerateRandom CKR_DEVICE_ERROR");
  EXPECT_EQ(lines[before + 1], "C_GenerateRandom CKR_OK");
}

TEST_F(FaultModule, AMovedTokenCanBePutBack) {
  CK_OBJECT_HANDLE key = 0;
  ASSERT_EQ(MakeKey(true, &key), CKR_OK);
  token_.MoveAway();
  EXPECT_FALSE(std::filesystem::exists(token_.tokens()));
  token_.MoveBack();
  EXPECT_EQ(MakeKey(true, &key), CKR_OK);
}

// Nothing of the module crashes or races while threads work and sessions are taken away
// from under them.
TEST_F(FaultModule, ThreadsOutliveLostSessions) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        CK_SESSION_HANDLE session = 0;
        if (p11_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session) !=
            CKR_OK)
          continue;
        std::array<CK_BYTE, 16> bytes{};
        p11_->C_GenerateRandom(session, bytes.data(), bytes.size());
      }
    });
  for (int i = 0; i < 20; ++i) {
    rules_.Set({"C_GenerateRandom lose-sessions skip=2 times=3", "* logout times=1",
                "C_GenerateRandom garbage"});
    rules_.Set({"* vanish"});
  }
  rules_.Clear();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(Open(), CKR_OK);
  EXPECT_EQ(Login(), CKR_OK);
}

}  // namespace
}  // namespace kms::testing
