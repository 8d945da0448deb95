// PlainToken: SoftHSM as a token that cannot wrap, or not derive, and what is in it.

#ifndef KMS_TESTS_PKCS11_PLAIN_TOKEN_H_
#define KMS_TESTS_PKCS11_PLAIN_TOKEN_H_

#include <p11-kit/pkcs11.h>

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "pkcs11/call_trace.h"
#include "pkcs11/fault_rules.h"
#include "pkcs11/outsider.h"
#include "pkcs11/soft_hsm.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {

// Rules of the fault module: what such a token lacks.
using Rules = std::vector<std::string>;
inline const Rules kNoWrap = {"* hide CKM_AES_KEY_WRAP_PAD"};
inline const Rules kNoDerive = {"* hide CKM_AES_CBC_ENCRYPT_DATA"};
inline const Rules kNeither = {kNoWrap.front(), kNoDerive.front()};

// The token's objects, seen through a session beside those of the adapter, whose login it
// shares: the adapter is open as long as this lives.
class TokenObjects {
 public:
  // The CKA_ID of each.
  std::multiset<std::string> Ids() {
    std::multiset<std::string> ids;
    for (const CK_OBJECT_HANDLE object : Find({})) {
      std::array<char, 128> id{};
      CK_ATTRIBUTE attribute{CKA_ID, id.data(), id.size()};
      EXPECT_EQ(outsider_.functions().C_GetAttributeValue(outsider_.session(), object,
                                                          &attribute, 1),
                CKR_OK);
      ids.emplace(id.data(), attribute.ulValueLen);
    }
    return ids;
  }

  // False also if the object has no such attribute.
  bool Flag(const std::string& id, CK_ATTRIBUTE_TYPE type) {
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute{type, &value, sizeof value};
    const CK_RV code = outsider_.functions().C_GetAttributeValue(
        outsider_.session(), TheOne(id), &attribute, 1);
    return code == CKR_OK && value == CK_TRUE;
  }

  // What the token answers to whoever wants to read it.
  CK_RV Read(const std::string& id, CK_ATTRIBUTE_TYPE type) {
    return outsider_.Read(TheOne(id), type);
  }

  void Destroy(const std::string& id) {
    EXPECT_EQ(outsider_.functions().C_DestroyObject(outsider_.session(), TheOne(id)),
              CKR_OK);
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
    return outsider_.Objects(std::move(wanted));
  }

  Outsider outsider_{*FunctionsOf(SoftToken::FaultModule())};
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
