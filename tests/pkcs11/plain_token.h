// PlainToken: SoftHSM as a token that cannot wrap, or not derive, and what is in it.

#ifndef KMS_TESTS_PKCS11_PLAIN_TOKEN_H_
#define KMS_TESTS_PKCS11_PLAIN_TOKEN_H_

#include <p11-kit/pkcs11.h>

#include <array>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "pkcs11/fault_rules.h"
#include "pkcs11/soft_hsm.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {

// Rules of the fault module: what such a token lacks.
using Rules = std::vector<std::string>;
inline const Rules kNoWrap = {"* hide CKM_AES_KEY_WRAP_PAD"};
inline const Rules kNoDerive = {"* hide CKM_AES_CBC_ENCRYPT_DATA"};
inline const Rules kNeither = {kNoWrap.front(), kNoDerive.front()};

// The calls of the fault module while this lives. Make it before the module is
// initialised and before threads start.
class CallTrace {
 public:
  CallTrace() { ::setenv("KMS_FAULT_TRACE", path().c_str(), 1); }
  ~CallTrace() { ::unsetenv("KMS_FAULT_TRACE"); }
  CallTrace(const CallTrace&) = delete;
  CallTrace& operator=(const CallTrace&) = delete;

  int Count(const std::string& function) const {
    std::ifstream file(path());
    int count = 0;
    for (std::string line; std::getline(file, line);) count += line.starts_with(function);
    return count;
  }

 private:
  std::string path() const { return folder_.path() + "/trace"; }

  const ScratchDirectory folder_;
};

// The token's objects, seen through a session beside those of the adapter, whose login it
// shares: the adapter is open as long as this lives.
class TokenObjects {
 public:
  TokenObjects() : cryptoki_(*FunctionsOf(SoftToken::FaultModule())) {
    std::array<CK_SLOT_ID, 8> slots{};
    CK_ULONG count = slots.size();
    EXPECT_EQ(cryptoki_.C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
    for (CK_ULONG i = 0; i < count && session_ == CK_INVALID_HANDLE; ++i) {
      CK_TOKEN_INFO info{};
      EXPECT_EQ(cryptoki_.C_GetTokenInfo(slots[i], &info), CKR_OK);
      if ((info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
      EXPECT_EQ(cryptoki_.C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                        nullptr, nullptr, &session_),
                CKR_OK);
    }
  }
  ~TokenObjects() { cryptoki_.C_CloseSession(session_); }
  TokenObjects(const TokenObjects&) = delete;
  TokenObjects& operator=(const TokenObjects&) = delete;

  // The CKA_ID of each.
  std::multiset<std::string> Ids() {
    std::multiset<std::string> ids;
    for (const CK_OBJECT_HANDLE object : Find({})) {
      std::array<char, 128> id{};
      CK_ATTRIBUTE attribute{CKA_ID, id.data(), id.size()};
      EXPECT_EQ(cryptoki_.C_GetAttributeValue(session_, object, &attribute, 1), CKR_OK);
      ids.emplace(id.data(), attribute.ulValueLen);
    }
    return ids;
  }

  // False also if the object has no such attribute.
  bool Flag(const std::string& id, CK_ATTRIBUTE_TYPE type) {
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute{type, &value, sizeof value};
    const CK_RV code = cryptoki_.C_GetAttributeValue(session_, TheOne(id), &attribute, 1);
    return code == CKR_OK && value == CK_TRUE;
  }

  // What the token answers to whoever wants to read it.
  CK_RV Read(const std::string& id, CK_ATTRIBUTE_TYPE type) {
    std::array<CK_BYTE, 512> value{};
    CK_ATTRIBUTE attribute{type, value.data(), value.size()};
    return cryptoki_.C_GetAttributeValue(session_, TheOne(id), &attribute, 1);
  }

  void Destroy(const std::string& id) {
    EXPECT_EQ(cryptoki_.C_DestroyObject(session_, TheOne(id)), CKR_OK);
  }

 private:
  CK_OBJECT_HANDLE TheOne(const std::string& id) {
    pkcs11::Template wanted;
    wanted.Text(CKA_ID, id);
    const auto found = Find(std::move(wanted));
    EXPECT_EQ(found.size(), 1u) << id;
    return found.empty() ? CK_INVALID_HANDLE : found.front();
  }

  std::vector<CK_OBJECT_HANDLE> Find(pkcs11::Template wanted) {
    wanted.Flag(CKA_TOKEN, true);
    std::vector<CK_OBJECT_HANDLE> found(64);
    CK_ULONG count = 0;
    EXPECT_EQ(cryptoki_.C_FindObjectsInit(session_, wanted.data(), wanted.size()),
              CKR_OK);
    EXPECT_EQ(cryptoki_.C_FindObjects(session_, found.data(), found.size(), &count),
              CKR_OK);
    EXPECT_EQ(cryptoki_.C_FindObjectsFinal(session_), CKR_OK);
    found.resize(count);
    return found;
  }

  CK_FUNCTION_LIST& cryptoki_;
  CK_SESSION_HANDLE session_ = CK_INVALID_HANDLE;
};

// Such a token, without its first root until it is opened.
class PlainToken {
 public:
  explicit PlainToken(Rules lacks) : lacks_(std::move(lacks)) { ClearFault(); }

  Result<void> Open() { return hsm_.Open(); }
  void Close() { hsm_.Close(); }
  Result<void> Reopen() {
    Close();
    return Open();
  }

  // What it lacks from now on, for it to be opened again.
  void SetLacks(Rules lacks) {
    lacks_ = std::move(lacks);
    ClearFault();
  }

  // How it is opened from now on.
  void SetChange(SoftHsm::Change change) { change_ = std::move(change); }

  // A rule beside what it lacks.
  void SetFault(const std::string& rule) {
    Rules rules = lacks_;
    rules.push_back(rule);
    rules_.Set(rules);
  }
  void ClearFault() { rules_.Set(lacks_); }

  Pkcs11Hsm& hsm() { return hsm_.hsm(); }
  CryptoBackend& backend() { return hsm_.backend(); }
  KeyStore& store() { return hsm_.store(); }

  // The CKA_ID of every object in the token but the newest root's.
  std::multiset<std::string> Keys() {
    auto ids = TokenObjects().Ids();
    EXPECT_EQ(ids.erase(hsm().Status().root_id), 1u);
    return ids;
  }

 private:
  Rules lacks_;
  SoftHsm::Change change_;
  FaultRules rules_;  // there before the module is
  SoftHsm hsm_{SoftHsm::Closed(), [this](Pkcs11Config& config) {
                 config.module = SoftToken::FaultModule();
                 config.probe_interval_millis = 20;
                 if (change_) change_(config);
               }};
};

}  // namespace kms::testing

#endif  // KMS_TESTS_PKCS11_PLAIN_TOKEN_H_
