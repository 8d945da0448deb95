// Output tampering: what calls return in their caller's buffers, and how rules spoil it.

#ifndef KMS_TESTS_PKCS11_FAULT_MODULE_TAMPER_H_
#define KMS_TESTS_PKCS11_FAULT_MODULE_TAMPER_H_

#include <tuple>
#include <type_traits>
#include <vector>

#include "rules.h"

namespace kms::fault {

// Bytes that a call has written.
struct Output {
  unsigned char* bytes;
  unsigned long written;
  unsigned long* size;  // as reported; null where Cryptoki reports none
};

std::vector<Output> AttributeOutputs(const CK_ATTRIBUTE* attributes, CK_ULONG count);

// OutputsOf finds what a successful call has written, which its arguments' types tell.
template <Function kFunction, typename... Args>
std::vector<Output> OutputsOf(Args... args) {
  if constexpr (kFunction == Function::kC_GetAttributeValue) {
    const auto all = std::tuple(args...);
    return AttributeOutputs(std::get<2>(all), std::get<3>(all));
  } else if constexpr (kFunction == Function::kC_GenerateRandom) {
    const auto all = std::tuple(args...);
    return {{std::get<1>(all), std::get<2>(all), nullptr}};
  } else if constexpr (sizeof...(Args) >= 3) {
    const auto all = std::tuple(args...);
    const auto bytes = std::get<sizeof...(Args) - 2>(all);
    const auto size = std::get<sizeof...(Args) - 1>(all);
    if constexpr (std::is_same_v<std::remove_const_t<decltype(bytes)>, unsigned char*> &&
                  std::is_same_v<std::remove_const_t<decltype(size)>, unsigned long*>) {
      if (bytes != nullptr && size != nullptr) return {{bytes, *size, size}};
    }
    return {};
  } else {
    return {};
  }
}

// Tamper applies the rules for `called` to the outputs of a successful call.
void Tamper(const RuleSet& rules, Function called, const std::vector<Output>& outputs);

}  // namespace kms::fault

#endif  // KMS_TESTS_PKCS11_FAULT_MODULE_TAMPER_H_
