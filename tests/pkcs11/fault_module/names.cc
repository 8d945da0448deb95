#include "names.h"

#include <array>
#include <charconv>
#include <utility>

#include "vendor_sm.h"

namespace kms::fault {
namespace {

using Number = std::pair<std::string_view, unsigned long>;

constexpr std::array kFunctions = {
#define KMS_FUNCTION(name) std::string_view(#name),
#include "functions.def"
#undef KMS_FUNCTION
};

constexpr std::array kCodes = {
#define KMS_CODE(name) Number(#name, name),
#define KMS_MECHANISM(name)
#include "names.def"
#undef KMS_MECHANISM
#undef KMS_CODE
};

constexpr std::array kMechanisms = {
#define KMS_CODE(name)
#define KMS_MECHANISM(name) Number(#name, name),
#include "names.def"
    KMS_MECHANISM(CKM_VENDOR_SM4_KEY_GEN) KMS_MECHANISM(CKM_VENDOR_SM4_GCM)
        KMS_MECHANISM(CKM_VENDOR_SM2_KEY_PAIR_GEN) KMS_MECHANISM(CKM_VENDOR_SM2_SIGN)
            KMS_MECHANISM(CKM_VENDOR_SM2_DECRYPT)
#undef KMS_MECHANISM
#undef KMS_CODE
};

template <typename Table>
std::optional<unsigned long> Find(const Table& table, std::string_view name) {
  for (const auto& [known, number] : table)
    if (known == name) return number;
  if (name.starts_with("0x")) name.remove_prefix(2);
  unsigned long number = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), number, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string_view NameOf(Function function) {
  return kFunctions[static_cast<std::size_t>(function)];
}

std::optional<Function> FunctionNamed(std::string_view name) {
  for (std::size_t i = 0; i < kFunctions.size(); ++i)
    if (kFunctions[i] == name) return static_cast<Function>(i);
  return std::nullopt;
}

std::string NameOfCode(CK_RV code) {
  for (const auto& [name, number] : kCodes)
    if (number == code) return std::string(name);
  std::array<char, 2 * sizeof code> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), code, 16).ptr;
  return "0x" + std::string(text.data(), end);
}

std::optional<CK_RV> CodeNamed(std::string_view name) { return Find(kCodes, name); }

std::optional<CK_MECHANISM_TYPE> MechanismNamed(std::string_view name) {
  return Find(kMechanisms, name);
}

}  // namespace kms::fault
