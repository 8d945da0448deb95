// The fault module: a Cryptoki module that forwards every function to a real one, and
// misbehaves as the rules in the file that KMS_FAULT_FILE names tell it (rules.h). The
// environment is read when the module is loaded and at each C_Initialize.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

#include "names.h"
#include "rules.h"
#include "tamper.h"
#include "target.h"
#include "trace.h"
#include "vendor_token.h"

namespace kms::fault {
namespace {

// Never destroyed: a call may hang in it when the process ends.
struct Module {
  Target target;
  RuleFile rules;
  Trace trace;
  VendorToken vendor;
};

Module& Self() {
  static Module* const module = new Module;
  return *module;
}

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

void Configure() {
  Self().rules.Watch(Environment("KMS_FAULT_FILE"));
  Self().trace.Into(Environment("KMS_FAULT_TRACE"));
}

// What a function's first argument names.
enum class Scope : std::uint8_t { kModule, kSlot, kSession };

constexpr Scope ScopeOf(Function function) {
  switch (function) {
    case Function::kC_Initialize:
    case Function::kC_Finalize:
    case Function::kC_GetInfo:
    case Function::kC_GetSlotList:
    case Function::kC_GetSlotInfo:  // slots stay when tokens go
    case Function::kC_WaitForSlotEvent:
      return Scope::kModule;
    case Function::kC_GetTokenInfo:
    case Function::kC_GetMechanismList:
    case Function::kC_GetMechanismInfo:
    case Function::kC_InitToken:
    case Function::kC_OpenSession:
    case Function::kC_CloseAllSessions:
      return Scope::kSlot;
    default:
      return Scope::kSession;
  }
}

// Whether the function closes sessions, or ends logins, that other threads use.
constexpr bool NeedsTargetAlone(Function function) {
  return function == Function::kC_Initialize || function == Function::kC_Finalize ||
         function == Function::kC_InitToken ||
         function == Function::kC_CloseAllSessions || function == Function::kC_Logout;
}

constexpr bool CreatesObjects(Function function) {
  return function == Function::kC_CreateObject || function == Function::kC_CopyObject ||
         function == Function::kC_GenerateKey ||
         function == Function::kC_GenerateKeyPair || function == Function::kC_UnwrapKey ||
         function == Function::kC_DeriveKey;
}

// MechanismOf finds the mechanism among the arguments; null if there is none.
template <typename... Args>
CK_MECHANISM* MechanismOf(Args... args) {
  CK_MECHANISM* found = nullptr;
  const auto look = [&found](auto argument) {
    if constexpr (std::is_same_v<decltype(argument), CK_MECHANISM*>) found = argument;
  };
  (look(args), ...);
  return found;
}

bool IsForToken(const CK_ATTRIBUTE* attributes, CK_ULONG count) {
  for (CK_ULONG i = 0; attributes != nullptr && i < count; ++i)
    if (attributes[i].type == CKA_TOKEN && attributes[i].pValue != nullptr &&
        attributes[i].ulValueLen == sizeof(CK_BBOOL) &&
        *static_cast<const CK_BBOOL*>(attributes[i].pValue) != CK_FALSE)
      return true;
  return false;
}

// Whether a template among the arguments asks for a token object.
template <typename... Args>
bool MakesTokenObject(Args... args) {
  const CK_ATTRIBUTE* attributes = nullptr;
  bool found = false;
  const auto look = [&](auto argument) {
    if constexpr (std::is_same_v<decltype(argument), CK_ATTRIBUTE*>) {
      attributes = argument;
    } else if constexpr (std::is_same_v<decltype(argument), CK_ULONG>) {
      // The number of attributes follows the template at once.
      found = found || IsForToken(attributes, argument);
      attributes = nullptr;
    }
  };
  (look(args), ...);
  return found;
}

void WaitUntilGone(const Rule& rule) {
  while (Self().rules.Current()->Has(rule.text))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// What happens before a call; a code if the call ends here.
template <Function kFunction, typename... Args>
std::optional<CK_RV> Before(const RuleSet& rules, Args... args) {
  for (const auto& live : rules.rules) {
    const Rule& rule = *live->operator->();
    if (!rule.IsFor(kFunction)) continue;
    switch (rule.action) {
      case Action::kReturn:
        if (live->Claim()) return rule.argument;
        break;
      case Action::kHang:
        if (live->Claim()) WaitUntilGone(rule);
        break;
      case Action::kDelay:
        if (live->Claim())
          std::this_thread::sleep_for(std::chrono::milliseconds(rule.argument));
        break;
      case Action::kLoseSessions:
        if (live->Claim()) {
          Self().target.LoseSessions();
          Self().vendor.Clear();
        }
        break;
      case Action::kLogout:
        if (live->Claim()) {
          Self().target.Logout();
          Self().vendor.Clear();
        }
        break;
      case Action::kFull:
        if constexpr (CreatesObjects(kFunction))
          if (MakesTokenObject(args...) && live->Claim()) return CKR_DEVICE_MEMORY;
        break;
      case Action::kHide:
        if (const CK_MECHANISM* const used = MechanismOf(args...);
            used != nullptr && used->mechanism == rule.argument)
          return CKR_MECHANISM_INVALID;
        break;
      default:  // of the outputs, or of the token as a whole
        break;
    }
  }
  return std::nullopt;
}

// What the mechanisms of the vendor answer; nothing if the call is not for them.
template <Function kFunction, typename... Args>
std::optional<CK_RV> CallVendor(Args... args) {
  using Use = VendorToken::Use;
  VendorToken& vendor = Self().vendor;
  CK_FUNCTION_LIST& target = Self().target.functions();
  if constexpr (kFunction == Function::kC_GetMechanismInfo)
    return VendorToken::Describe(std::get<1>(std::tuple(args...)),
                                 std::get<2>(std::tuple(args...)));
  if constexpr (kFunction == Function::kC_GenerateKey)
    return vendor.Generate(target, args...);
  if constexpr (kFunction == Function::kC_GenerateKeyPair)
    return vendor.GeneratePair(target, args...);
  if constexpr (kFunction == Function::kC_EncryptInit)
    return vendor.Init(target, Use::kEncrypt, args...);
  if constexpr (kFunction == Function::kC_DecryptInit)
    return vendor.Init(target, Use::kDecrypt, args...);
  if constexpr (kFunction == Function::kC_SignInit)
    return vendor.Init(target, Use::kSign, args...);
  if constexpr (kFunction == Function::kC_Encrypt)
    return vendor.Run(Use::kEncrypt, args...);
  if constexpr (kFunction == Function::kC_Decrypt)
    return vendor.Run(Use::kDecrypt, args...);
  if constexpr (kFunction == Function::kC_Sign) return vendor.Run(Use::kSign, args...);
  if constexpr (kFunction == Function::kC_WrapKey) return vendor.Wrap(target, args...);
  if constexpr (kFunction == Function::kC_UnwrapKey)
    return vendor.Unwrap(target, args...);
  if constexpr (kFunction == Function::kC_GetAttributeValue)
    return vendor.Read(target, args...);
  if constexpr (kFunction == Function::kC_DestroyObject)
    return vendor.Destroy(target, args...);
  return std::nullopt;
}

// What goes with sessions and logins that have ended.
template <Function kFunction, typename... Args>
void After(Args... args) {
  if constexpr (kFunction == Function::kC_CloseSession) Self().vendor.Forget(args...);
  if constexpr (NeedsTargetAlone(kFunction)) Self().vendor.Clear();
}

template <Function kFunction, auto kMember, typename... Args>
CK_RV CallTarget(const RuleSet& rules, Args... args) {
  Target& target = Self().target;
  const auto function = target.functions().*kMember;
  if (function == nullptr) return CKR_FUNCTION_NOT_SUPPORTED;
  if constexpr (kFunction == Function::kC_WaitForSlotEvent) {
    return function(args...);  // it may wait for ever
  } else if constexpr (NeedsTargetAlone(kFunction)) {
    const auto lock = target.Own();
    const CK_RV code = function(args...);
    if (code == CKR_OK) After<kFunction>(args...);
    return code;
  } else {
    const auto lock = target.Share();
    if (rules.Has(Action::kVendorSm))
      if (const auto code = CallVendor<kFunction>(args...)) return *code;
    const CK_RV code = function(args...);
    if (code == CKR_OK) After<kFunction>(args...);
    return code;
  }
}

// ListMechanisms answers for the target, with the vendor's mechanisms where they are
// wanted, and without what is hidden.
CK_RV ListMechanisms(const RuleSet& rules, CK_SLOT_ID slot, CK_MECHANISM_TYPE* list,
                     CK_ULONG* count) {
  if (count == nullptr) return CKR_ARGUMENTS_BAD;
  const auto ask = [&](CK_MECHANISM_TYPE* into, CK_ULONG* size) {
    return CallTarget<Function::kC_GetMechanismList,
                      &CK_FUNCTION_LIST::C_GetMechanismList>(rules, slot, into, size);
  };
  CK_ULONG size = 0;
  if (const CK_RV code = ask(nullptr, &size); code != CKR_OK) return code;
  std::vector<CK_MECHANISM_TYPE> known(size);
  if (const CK_RV code = ask(known.data(), &size); code != CKR_OK) return code;
  known.resize(size);
  if (rules.Has(Action::kVendorSm))
    known.insert(known.end(), VendorToken::Mechanisms().begin(),
                 VendorToken::Mechanisms().end());
  std::erase_if(known, [&](CK_MECHANISM_TYPE type) { return rules.Hides(type); });
  const CK_ULONG room = *count;
  *count = known.size();
  if (list == nullptr) return CKR_OK;
  if (room < known.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(known.begin(), known.end(), list);
  return CKR_OK;
}

// What a token that is gone answers; nothing if the function does not need the token.
template <Function kFunction, typename... Args>
std::optional<CK_RV> Absent(Args... args) {
  if constexpr (ScopeOf(kFunction) == Scope::kSlot) return CKR_TOKEN_NOT_PRESENT;
  if constexpr (ScopeOf(kFunction) == Scope::kSession) return CKR_DEVICE_REMOVED;
  if constexpr (kFunction == Function::kC_GetSlotList) {
    const auto [present, list, count] = std::tuple(args...);
    if (present == CK_FALSE || count == nullptr) return std::nullopt;
    *count = 0;
    return CKR_OK;
  }
  return std::nullopt;
}

template <Function kFunction, auto kMember, typename... Args>
CK_RV Answer(Args... args) {
  if constexpr (kFunction == Function::kC_Initialize) Configure();
  const auto rules = Self().rules.Current();
  if (rules->broken) return CKR_GENERAL_ERROR;
  if (Self().target.Follow(*rules)) Self().vendor.Clear();
  const bool vanished = rules->Has(Action::kVanish);
  if (vanished)
    if (const auto code = Absent<kFunction>(args...)) return *code;
  if (const auto code = Before<kFunction>(*rules, args...)) return *code;
  if constexpr (kFunction == Function::kC_GetMechanismList)
    return ListMechanisms(*rules, args...);
  if constexpr (kFunction == Function::kC_GetMechanismInfo)
    if (rules->Hides(std::get<1>(std::tuple(args...)))) return CKR_MECHANISM_INVALID;
  const CK_RV code = CallTarget<kFunction, kMember>(*rules, args...);
  if (code != CKR_OK) return code;
  if constexpr (kFunction == Function::kC_GetSlotInfo)
    if (vanished) std::get<1>(std::tuple(args...))->flags &= ~CKF_TOKEN_PRESENT;
  Tamper(*rules, kFunction, OutputsOf<kFunction>(args...));
  return code;
}

template <Function kFunction, auto kMember, typename Type = decltype(kMember)>
struct Forwarder;

template <Function kFunction, auto kMember, typename... Args>
struct Forwarder<kFunction, kMember, CK_RV (*CK_FUNCTION_LIST::*)(Args...)> {
  static CK_RV Call(Args... args) {
    CK_RV code = CKR_HOST_MEMORY;
    try {
      code = Answer<kFunction, kMember>(args...);
      Self().trace.Add(kFunction, code);
    } catch (const std::bad_alloc&) {
      code = CKR_HOST_MEMORY;
    } catch (const std::exception&) {
      code = CKR_GENERAL_ERROR;
    }
    return code;
  }
};

}  // namespace
}  // namespace kms::fault

extern "C" [[gnu::visibility("default")]] CK_RV C_GetFunctionList(
    CK_FUNCTION_LIST** list) {
  using namespace kms::fault;
  static CK_FUNCTION_LIST functions = [] {
    CK_FUNCTION_LIST all{};
    all.version = {2, 40};
    all.C_GetFunctionList = &C_GetFunctionList;
#define KMS_FUNCTION(name) \
  all.name = &Forwarder<Function::k##name, &CK_FUNCTION_LIST::name>::Call;
#include "functions.def"
#undef KMS_FUNCTION
    return all;
  }();
  if (list == nullptr) return CKR_ARGUMENTS_BAD;
  try {
    if (const CK_RV code = Self().target.Load(); code != CKR_OK) return code;
    Configure();
  } catch (const std::exception&) {
    return CKR_HOST_MEMORY;
  }
  *list = &functions;
  return CKR_OK;
}
