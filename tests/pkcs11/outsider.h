// Outsider: the token, as somebody sees it who has its PIN but is not the adapter.

#ifndef KMS_TESTS_PKCS11_OUTSIDER_H_
#define KMS_TESTS_PKCS11_OUTSIDER_H_

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "hsm_adapters/pkcs11/cryptoki.h"
#include "hsm_adapters/pkcs11/module.h"
#include "kms/pkcs11.h"
#include "pkcs11/soft_token.h"

namespace kms::testing {

class Outsider {
 public:
  // Of a module that nobody else uses: it is initialised, and logged in to.
  explicit Outsider(const Pkcs11Config& config)
      : module_(pkcs11::Module::Load(config.module).value()),
        functions_(module_->functions()) {
    OpenSession();
    const ByteView pin = config.pin.Reveal();
    EXPECT_EQ(functions_.C_Login(session_, CKU_USER,
                                 const_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size()),
              CKR_OK);
  }

  // Beside an adapter in this process, whose login is everybody's: all session objects
  // are to be seen.
  explicit Outsider(CK_FUNCTION_LIST& functions) : functions_(functions) {
    OpenSession();
  }

  ~Outsider() { functions_.C_CloseSession(session_); }
  Outsider(const Outsider&) = delete;
  Outsider& operator=(const Outsider&) = delete;

  CK_FUNCTION_LIST& functions() { return functions_; }
  CK_SESSION_HANDLE session() const { return session_; }
  CK_SLOT_ID slot() const { return slot_; }

  std::vector<CK_OBJECT_HANDLE> Objects(pkcs11::Template wanted = {}) {
    std::vector<CK_OBJECT_HANDLE> objects(256);
    CK_ULONG count = 0;
    EXPECT_EQ(functions_.C_FindObjectsInit(session_, wanted.data(), wanted.size()),
              CKR_OK);
    functions_.C_FindObjects(session_, objects.data(), objects.size(), &count);
    functions_.C_FindObjectsFinal(session_);
    EXPECT_LT(count, objects.size());
    objects.resize(count);
    return objects;
  }

  bool Flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    CK_BBOOL value = 2;
    CK_ATTRIBUTE attribute{type, &value, sizeof value};
    EXPECT_EQ(functions_.C_GetAttributeValue(session_, object, &attribute, 1), CKR_OK);
    return value == CK_TRUE;
  }

  CK_RV Read(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    CK_BYTE value[512];
    CK_ATTRIBUTE attribute{type, value, sizeof value};
    return functions_.C_GetAttributeValue(session_, object, &attribute, 1);
  }

 private:
  void OpenSession() {
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    EXPECT_EQ(functions_.C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      functions_.C_GetTokenInfo(slots[i], &info);
      if (!(info.flags & CKF_TOKEN_INITIALIZED)) continue;
      slot_ = slots[i];
      EXPECT_EQ(functions_.C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                         nullptr, nullptr, &session_),
                CKR_OK);
      return;
    }
    ADD_FAILURE() << "there is no token";
  }

  const std::unique_ptr<pkcs11::Module> module_;  // none beside an adapter
  CK_FUNCTION_LIST& functions_;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = CK_INVALID_HANDLE;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_PKCS11_OUTSIDER_H_
