// Small things about texts of requests: characters, query strings, what may be echoed.

#ifndef KMS_SERVER_API_TEXT_H_
#define KMS_SERVER_API_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/request_body.h"
#include "kms/signer.h"

namespace kms::server {

// IsUtf8: well-formed, without surrogates and overlong forms.
bool IsUtf8(std::string_view text);

// CountCharacters counts the code points of well-formed UTF-8.
std::size_t CountCharacters(std::string_view text);

// ReadQuery decodes "a=1&b=%20"; a plus sign is a blank, as it is to signatures
// (libkms/src/signer/signed_query.h).
// None if an escape is malformed.
std::optional<std::vector<HeaderView>> ReadQuery(std::string_view query, Arena& arena);

// Visible returns at most 64 characters of `text`, and a question mark for each that is
// not visible ASCII.
std::string Visible(std::string_view text);

}  // namespace kms::server

#endif  // KMS_SERVER_API_TEXT_H_
