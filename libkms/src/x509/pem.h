// PEM (RFC 7468), read in its strict form and written with lines of 64 characters.

#ifndef KMS_X509_PEM_H_
#define KMS_X509_PEM_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kms/bytes.h"

namespace kms::x509 {

inline constexpr std::size_t kMaxPemSize = 64 * 1024;

// ReadPem returns what the blocks of `text` hold, in their order. There is nothing in it
// but blocks of that label and blanks between them; it has at most `kMaxPemSize`
// characters and `most` blocks. Lines may be of any length, and end with CR LF.
// Nothing if `text` is anything else.
std::optional<std::vector<Bytes>> ReadPem(std::string_view text, std::string_view label,
                                          std::size_t most);

// WritePem ends lines, also the last, with LF.
std::string WritePem(std::string_view label, ByteView content);

}  // namespace kms::x509

#endif  // KMS_X509_PEM_H_
