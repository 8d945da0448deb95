// Headers as the signature schemes read them: names in any case, values without blanks
// around them, and one of a name.
//
// Threads: free of shared state.

#ifndef KMS_SIGNER_HEADERS_H_
#define KMS_SIGNER_HEADERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "kms/signer.h"

namespace kms {

inline constexpr std::size_t kMaxAccessKey = 64;

std::string Lower(std::string_view text);
bool SameName(std::string_view a, std::string_view b);
constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsVisible(std::string_view text);
std::string_view Trim(std::string_view text);

// The trimmed value of the only header of that name. None if there is none, or more.
std::optional<std::string_view> OnlyHeader(const RequestView& request,
                                           std::string_view name);

}  // namespace kms

#endif  // KMS_SIGNER_HEADERS_H_
