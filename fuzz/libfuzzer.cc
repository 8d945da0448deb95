// The entry point of libFuzzer, for the target that KMS_FUZZ_TARGET names.

#include <cstddef>
#include <cstdint>

#include "kms/bytes.h"

namespace kms::fuzz::targets {
void KMS_FUZZ_TARGET(ByteView input);
}  // namespace kms::fuzz::targets

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kms::fuzz::targets::KMS_FUZZ_TARGET(kms::ByteView(data, size));
  return 0;
}
