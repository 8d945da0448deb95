#include "target.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace kms::fault {

CK_RV Target::Load() {
  const std::lock_guard lock(load_mutex_);
  if (loaded()) return CKR_OK;
  const char* path = std::getenv("KMS_FAULT_MODULE_TARGET");
  if (path == nullptr || *path == '\0') path = KMS_FAULT_DEFAULT_TARGET;
  // Never unloaded: threads may hang in it.
  void* const library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* const why = ::dlerror();
    std::fprintf(stderr, "kms_fault_module: %s\n", why != nullptr ? why : path);
    return CKR_GENERAL_ERROR;
  }
  const auto list =
      reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (list == nullptr || list(&functions) != CKR_OK || functions == nullptr) {
    std::fprintf(stderr, "kms_fault_module: %s is no PKCS#11 module\n", path);
    return CKR_GENERAL_ERROR;
  }
  functions_ = functions;
  return CKR_OK;
}

std::shared_lock<std::shared_mutex> Target::Share() {
  const std::lock_guard turn(turnstile_);
  return std::shared_lock(calls_);
}

std::unique_lock<std::shared_mutex> Target::Own() {
  const std::lock_guard turn(turnstile_);
  return std::unique_lock(calls_);
}

bool Target::Follow(const RuleSet& rules) {
  if (followed_ >= rules.generation) return false;
  const auto lock = Own();
  if (followed_ >= rules.generation) return false;
  followed_ = rules.generation;
  const bool gone = rules.Has(Action::kVanish);
  if (gone == vanished_) return false;
  vanished_ = gone;
  CloseEverySession();
  return true;
}

void Target::LoseSessions() {
  const auto lock = Own();
  CloseEverySession();
}

void Target::Logout() {
  const auto lock = Own();
  // The login is the token's: any session ends it for all.
  for (const CK_SLOT_ID slot : Slots()) {
    CK_SESSION_HANDLE session = 0;
    if (functions().C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session) !=
        CKR_OK)
      continue;
    functions().C_Logout(session);
    functions().C_CloseSession(session);
  }
}

std::vector<CK_SLOT_ID> Target::Slots() const {
  CK_ULONG count = 0;
  if (functions().C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK) return {};
  std::vector<CK_SLOT_ID> slots(count);
  if (functions().C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) return {};
  slots.resize(count);
  return slots;
}

void Target::CloseEverySession() {
  for (const CK_SLOT_ID slot : Slots()) functions().C_CloseAllSessions(slot);
}

}  // namespace kms::fault
