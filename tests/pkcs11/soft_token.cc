#include "pkcs11/soft_token.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace kms::testing {
namespace {

CK_BYTE* Bytes(const std::string& text) {
  return reinterpret_cast<CK_BYTE*>(const_cast<char*>(text.data()));
}

}  // namespace

CK_FUNCTION_LIST* FunctionsOf(const std::string& path) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    ADD_FAILURE() << ::dlerror();
    return nullptr;
  }
  const auto list =
      reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (list == nullptr || list(&functions) != CKR_OK) {
    ADD_FAILURE() << path << " is no module";
    return nullptr;
  }
  return functions;
}

SoftToken::SoftToken(std::string user_pin, std::string so_pin)
    : user_pin_(std::move(user_pin)), so_pin_(std::move(so_pin)) {
  Prepare();
  CK_FUNCTION_LIST* const functions = FunctionsOf(Module());
  if (functions == nullptr) return;
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV started = functions->C_Initialize(&arguments);
  if (started != CKR_OK) {
    ADD_FAILURE() << "SoftHSM does not initialise: " << started;
    return;
  }
  EXPECT_EQ(InitialiseToken(*functions), CKR_OK);
  EXPECT_EQ(functions->C_Finalize(nullptr), CKR_OK);
}

SoftToken::~SoftToken() {
  ::unsetenv("SOFTHSM2_CONF");
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string SoftToken::Module() { return KMS_SOFTHSM_MODULE; }

std::string SoftToken::FaultModule() {
  const char* const path = ::getenv("KMS_FAULT_MODULE");
  if (path == nullptr) ADD_FAILURE() << "KMS_FAULT_MODULE does not name the module";
  return path != nullptr ? path : "";
}

void SoftToken::MoveAway() { std::filesystem::rename(tokens(), folder_ / "away"); }

void SoftToken::MoveBack() {
  // SoftHSM makes no folder of its own accord, but a test may have.
  std::filesystem::remove_all(tokens());
  std::filesystem::rename(folder_ / "away", tokens());
}

void SoftToken::Prepare() {
  std::string name =
      (std::filesystem::temp_directory_path() / "kms-token-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    ADD_FAILURE() << "no folder for the token";
    return;
  }
  folder_ = name;
  std::filesystem::create_directory(tokens());
  std::ofstream(conf()) << "directories.tokendir = " << tokens().string() << '\n'
                        << "objectstore.backend = file\n"
                        << "log.level = ERROR\n"
                        << "slots.removable = false\n";
  ::setenv("SOFTHSM2_CONF", conf().c_str(), 1);
}

CK_RV SoftToken::InitialiseToken(CK_FUNCTION_LIST& functions) {
  CK_SLOT_ID slot = 0;
  CK_ULONG count = 1;
  // A fresh SoftHSM has one slot, with a token to initialise.
  if (const CK_RV code = functions.C_GetSlotList(CK_TRUE, &slot, &count); code != CKR_OK)
    return code;
  std::array<CK_BYTE, 32> label;
  label.fill(' ');
  const std::string text = kLabel;
  std::copy(text.begin(), text.end(), label.begin());
  if (const CK_RV code =
          functions.C_InitToken(slot, Bytes(so_pin_), so_pin_.size(), label.data());
      code != CKR_OK)
    return code;
  CK_SESSION_HANDLE session = 0;
  if (const CK_RV code = functions.C_OpenSession(
          slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session);
      code != CKR_OK)
    return code;
  CK_RV code = functions.C_Login(session, CKU_SO, Bytes(so_pin_), so_pin_.size());
  if (code == CKR_OK)
    code = functions.C_InitPIN(session, Bytes(user_pin_), user_pin_.size());
  functions.C_CloseAllSessions(slot);
  return code;
}

}  // namespace kms::testing
