#include "hsm_adapters/pkcs11/return_code.h"

#include <array>
#include <cstdio>

namespace kms::pkcs11 {
namespace {

struct Row {
  CK_RV code;
  std::string_view name;
  Remedy remedy;
};

#define KMS_ROW(code, remedy) \
  Row { code, #code, Remedy::remedy }
constexpr std::array kRows = {
    KMS_ROW(CKR_OK, kNone),
    KMS_ROW(CKR_HOST_MEMORY, kReport),
    KMS_ROW(CKR_SLOT_ID_INVALID, kReload),
    KMS_ROW(CKR_GENERAL_ERROR, kReport),
    KMS_ROW(CKR_FUNCTION_FAILED, kReport),
    KMS_ROW(CKR_ARGUMENTS_BAD, kReport),
    KMS_ROW(CKR_ATTRIBUTE_READ_ONLY, kReport),
    KMS_ROW(CKR_ATTRIBUTE_SENSITIVE, kReport),
    KMS_ROW(CKR_ATTRIBUTE_TYPE_INVALID, kReport),
    KMS_ROW(CKR_ATTRIBUTE_VALUE_INVALID, kReport),
    KMS_ROW(CKR_ACTION_PROHIBITED, kReport),
    KMS_ROW(CKR_DATA_INVALID, kRefuse),
    KMS_ROW(CKR_DATA_LEN_RANGE, kRefuse),
    KMS_ROW(CKR_DEVICE_ERROR, kReload),
    KMS_ROW(CKR_DEVICE_MEMORY, kReport),
    KMS_ROW(CKR_DEVICE_REMOVED, kReload),
    KMS_ROW(CKR_ENCRYPTED_DATA_INVALID, kRefuse),
    KMS_ROW(CKR_ENCRYPTED_DATA_LEN_RANGE, kRefuse),
    KMS_ROW(CKR_FUNCTION_CANCELED, kNewSession),
    KMS_ROW(CKR_FUNCTION_NOT_SUPPORTED, kReport),
    KMS_ROW(CKR_KEY_HANDLE_INVALID, kNewObject),
    KMS_ROW(CKR_KEY_SIZE_RANGE, kReport),
    KMS_ROW(CKR_KEY_TYPE_INCONSISTENT, kReport),
    KMS_ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, kReport),
    KMS_ROW(CKR_KEY_NOT_WRAPPABLE, kReport),
    KMS_ROW(CKR_KEY_UNEXTRACTABLE, kReport),
    KMS_ROW(CKR_MECHANISM_INVALID, kReport),
    KMS_ROW(CKR_MECHANISM_PARAM_INVALID, kReport),
    KMS_ROW(CKR_OBJECT_HANDLE_INVALID, kNewObject),
    KMS_ROW(CKR_OPERATION_ACTIVE, kNewSession),
    KMS_ROW(CKR_OPERATION_NOT_INITIALIZED, kNewSession),
    KMS_ROW(CKR_PIN_INCORRECT, kReport),
    KMS_ROW(CKR_PIN_INVALID, kReport),
    KMS_ROW(CKR_PIN_LEN_RANGE, kReport),
    KMS_ROW(CKR_PIN_EXPIRED, kReport),
    KMS_ROW(CKR_PIN_LOCKED, kReport),
    KMS_ROW(CKR_SESSION_CLOSED, kNewSession),
    KMS_ROW(CKR_SESSION_COUNT, kReport),
    KMS_ROW(CKR_SESSION_HANDLE_INVALID, kNewSession),
    KMS_ROW(CKR_SESSION_READ_ONLY, kReport),
    KMS_ROW(CKR_SIGNATURE_INVALID, kRefuse),
    KMS_ROW(CKR_SIGNATURE_LEN_RANGE, kRefuse),
    KMS_ROW(CKR_TEMPLATE_INCOMPLETE, kReport),
    KMS_ROW(CKR_TEMPLATE_INCONSISTENT, kReport),
    KMS_ROW(CKR_TOKEN_NOT_PRESENT, kReload),
    KMS_ROW(CKR_TOKEN_NOT_RECOGNIZED, kReload),
    KMS_ROW(CKR_TOKEN_WRITE_PROTECTED, kReport),
    KMS_ROW(CKR_UNWRAPPING_KEY_HANDLE_INVALID, kNewObject),
    KMS_ROW(CKR_USER_ALREADY_LOGGED_IN, kNone),
    KMS_ROW(CKR_USER_NOT_LOGGED_IN, kLogin),
    KMS_ROW(CKR_USER_PIN_NOT_INITIALIZED, kReport),
    KMS_ROW(CKR_USER_TYPE_INVALID, kReport),
    KMS_ROW(CKR_WRAPPED_KEY_INVALID, kRefuse),
    KMS_ROW(CKR_WRAPPED_KEY_LEN_RANGE, kRefuse),
    KMS_ROW(CKR_WRAPPING_KEY_HANDLE_INVALID, kNewObject),
    KMS_ROW(CKR_RANDOM_NO_RNG, kReport),
    KMS_ROW(CKR_BUFFER_TOO_SMALL, kReport),
    KMS_ROW(CKR_CRYPTOKI_NOT_INITIALIZED, kReload),
    KMS_ROW(CKR_CRYPTOKI_ALREADY_INITIALIZED, kReport),
    KMS_ROW(CKR_MUTEX_BAD, kReload),
    KMS_ROW(CKR_FUNCTION_REJECTED, kReport),
};
#undef KMS_ROW

const Row* Find(CK_RV code) {
  for (const Row& row : kRows)
    if (row.code == code) return &row;
  return nullptr;
}

}  // namespace

Remedy RemedyOf(CK_RV code) {
  const Row* const row = Find(code);
  return row == nullptr ? Remedy::kReport : row->remedy;
}

std::string NameOf(CK_RV code) {
  if (const Row* const row = Find(code)) return std::string(row->name);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "CKR 0x%lx", code);
  return text.data();
}

Error Failed(std::string_view what, CK_RV code) {
  return Error(Reason::kHsmUnavailable, std::string(what) + ": " + NameOf(code));
}

Error Failed(std::string_view what) {
  return Error(Reason::kHsmUnavailable, std::string(what));
}

}  // namespace kms::pkcs11
