// The forms in which clients put a query into the string that they sign.
//
// The manual says "sorted" (5.2.3) and leaves open whether escapes are kept, so clients
// differ. Which form a client used is found by trying.
//
// Threads: free of shared state.

#ifndef KMS_SIGNER_SIGNED_QUERY_H_
#define KMS_SIGNER_SIGNED_QUERY_H_

#include <string>
#include <string_view>
#include <vector>

namespace kms {

// SortQuery sorts the parts of `query`, as they are, by name and then by value.
std::string SortQuery(std::string_view query);

// FormsOfQuery returns the distinct forms of `query`: as it is; sorted; decoded, sorted
// and encoded again with blanks as %20; the same with blanks as '+'; decoded and sorted.
// The forms that need decoding are left out if an escape is malformed, and the last one
// if it would itself be read as other fields.
std::vector<std::string> FormsOfQuery(std::string_view query);

}  // namespace kms

#endif  // KMS_SIGNER_SIGNED_QUERY_H_
