// Base64 (RFC 4648, section 4), base16, UUIDs, and composite keys.
//
// Decoding is strict: padding is required, bits that no byte uses are zero, and
// no blank or line break is skipped, so that every value has one spelling (but for
// the case of hexadecimal digits).

#ifndef KMS_ENCODING_H_
#define KMS_ENCODING_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "kms/bytes.h"
#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms {

std::string ToBase64(ByteView bytes);
std::optional<Bytes> FromBase64(std::string_view text);

// The same for secrets: no copy is left anywhere but in the result. What is
// public about a secret is its length.
std::optional<SecretBytes> SecretFromBase64(std::string_view text);
// Writes exactly Base64Size(bytes.size()) characters to `out`.
void WriteBase64(ByteView bytes, char* out);
constexpr std::size_t Base64Size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

std::string ToHex(ByteView bytes);  // lower case
// SecretFromHex takes digits of either case.
std::optional<SecretBytes> SecretFromHex(std::string_view text);

// IsUuid: 8-4-4-4-12 lower-case hexadecimal digits.
bool IsUuid(std::string_view text);
// ToUuid makes a version 4 UUID of 16 random bytes.
std::string ToUuid(ByteView sixteen_random_bytes);

// JoinKey makes one key of several parts: keys are ordered as their parts are, the key of
// a shorter list is a prefix of the keys of all lists that begin with it, and no two
// lists give the same key, if no part but the first begins with FF, or none has a 00 in
// it. (Each part is followed by 00; a 00 inside a part is written 00 FF.)
std::string JoinKey(std::initializer_list<std::string_view> parts);

// KeyNumber is a number as a key part of 8 bytes, big-endian, so that it sorts.
std::string KeyNumber(std::uint64_t number);

}  // namespace kms

#endif  // KMS_ENCODING_H_
