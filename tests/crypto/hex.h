// Bytes of hexadecimal digits, for vectors.

#ifndef KMS_TESTS_CRYPTO_HEX_H_
#define KMS_TESTS_CRYPTO_HEX_H_

#include <botan/hex.h>

#include <string_view>

#include "kms/bytes.h"

namespace kms::testing {

inline Bytes Hex(std::string_view text) {
  return Botan::hex_decode(text.data(), text.size());
}

}  // namespace kms::testing

#endif  // KMS_TESTS_CRYPTO_HEX_H_
