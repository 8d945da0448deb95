// Names of Cryptoki's functions, return codes and mechanisms, as rules and traces use
// them.

#ifndef KMS_TESTS_PKCS11_FAULT_MODULE_NAMES_H_
#define KMS_TESTS_PKCS11_FAULT_MODULE_NAMES_H_

#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kms::fault {

enum class Function : std::uint8_t {
#define KMS_FUNCTION(name) k##name,
#include "functions.def"
#undef KMS_FUNCTION
};

std::string_view NameOf(Function function);
std::optional<Function> FunctionNamed(std::string_view name);

// The name of a code, or its number in hexadecimal.
std::string NameOfCode(CK_RV code);

// Of a name or a hexadecimal number.
std::optional<CK_RV> CodeNamed(std::string_view name);
std::optional<CK_MECHANISM_TYPE> MechanismNamed(std::string_view name);

}  // namespace kms::fault

#endif  // KMS_TESTS_PKCS11_FAULT_MODULE_NAMES_H_
