// Bytes that are public, and views of any bytes. Secrets: kms/secret_bytes.h.

#ifndef KMS_BYTES_H_
#define KMS_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kms {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// AsBytes views the characters of `text` as bytes.
inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// AsText views `bytes` as characters.
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace kms

#endif  // KMS_BYTES_H_
