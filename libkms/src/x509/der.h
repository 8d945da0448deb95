// Writing DER (X.690): the few structures that this KMS makes itself.
//
// Reading is OpenSSL's business.

#ifndef KMS_X509_DER_H_
#define KMS_X509_DER_H_

#include <cstdint>
#include <initializer_list>

#include "kms/bytes.h"

namespace kms::x509::der {

inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kUtf8String = 0x0c;
inline constexpr std::uint8_t kPrintableString = 0x13;
inline constexpr std::uint8_t kIa5String = 0x16;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;
// IMPLICIT or EXPLICIT [number].
constexpr std::uint8_t Context(std::uint8_t number) {
  return static_cast<std::uint8_t>(0x80 | number);
}
constexpr std::uint8_t ConstructedContext(std::uint8_t number) {
  return static_cast<std::uint8_t>(0xa0 | number);
}

// Element returns `tag`, the length, and the parts one after the other.
Bytes Element(std::uint8_t tag, std::initializer_list<ByteView> parts);

// Append adds `more` to the end of `bytes`.
void Append(ByteView more, Bytes* bytes);

}  // namespace kms::x509::der

#endif  // KMS_X509_DER_H_
