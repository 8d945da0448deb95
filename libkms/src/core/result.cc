#include "kms/result.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace kms {
namespace {

struct Row {
  ErrorClass error_class;
  std::string_view code;
};

constexpr Row kRows[] = {
#define KMS_REASON(name, error_class, http, code, english, chinese) \
  {ErrorClass::error_class, code},
#include "kms/error_table.def"
#undef KMS_REASON
};

}  // namespace

ErrorClass ClassOf(Reason reason) {
  return kRows[static_cast<std::size_t>(reason)].error_class;
}

std::string_view CodeOf(Reason reason) {
  return kRows[static_cast<std::size_t>(reason)].code;
}

namespace internal {

void MisusedResult(const Error* error) {
  if (error != nullptr) {
    const std::string_view code = CodeOf(error->reason());
    std::fprintf(stderr, "kms: the value of a failed result was taken: %.*s %s\n",
                 static_cast<int>(code.size()), code.data(), error->detail().c_str());
  } else {
    std::fputs("kms: the error of a successful result was taken\n", stderr);
  }
  std::abort();
}

}  // namespace internal
}  // namespace kms
