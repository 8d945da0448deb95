#include "hsm_adapters/pkcs11/module.h"

#include <dlfcn.h>

#include <utility>

#include "hsm_adapters/pkcs11/return_code.h"

namespace kms::pkcs11 {
namespace {

Error Unusable(std::string what) {
  return Error(ErrorClass::kNotFound, Reason::kHsmUnavailable, std::move(what));
}

CK_RV Initialise(CK_FUNCTION_LIST& functions) {
  CK_C_INITIALIZE_ARGS arguments{};
  // Without it modules do without their locks.
  arguments.flags = CKF_OS_LOCKING_OK;
  return functions.C_Initialize(&arguments);
}

}  // namespace

Result<std::unique_ptr<Module>> Module::Load(const std::string& path) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* const why = ::dlerror();
    return Unusable("the PKCS#11 module cannot be loaded: " +
                    (why != nullptr ? std::string(why) : path));
  }
  const auto list =
      reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (list == nullptr || list(&functions) != CKR_OK || functions == nullptr)
    return Unusable(path + " is no PKCS#11 module");
  if (functions->version.major != 2 || functions->version.minor < 20)
    return Unusable(path + " speaks another Cryptoki than 2.20 to 2.40");
  std::unique_ptr<Module> module(new Module(path, functions));
  if (const CK_RV code = Initialise(*functions); code != CKR_OK)
    return Failed("the module " + path + " does not initialise", code);
  module->initialised_ = true;
  return module;
}

Module::Module(std::string path, CK_FUNCTION_LIST* functions)
    : path_(std::move(path)), functions_(functions) {}

Module::~Module() {
  if (initialised_ && !abandoned_) functions_->C_Finalize(nullptr);
}

Result<void> Module::Restart() {
  // It may have been finalized by whatever went wrong, or not be able to; whether it is
  // of use then, the login will tell.
  if (initialised_) functions_->C_Finalize(nullptr);
  const CK_RV code = Initialise(*functions_);
  initialised_ = code == CKR_OK || code == CKR_CRYPTOKI_ALREADY_INITIALIZED;
  if (!initialised_) return Failed("the module does not initialise", code);
  return {};
}

}  // namespace kms::pkcs11
