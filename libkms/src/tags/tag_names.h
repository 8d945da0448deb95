// What the key and the value of a tag may be (docs/tags.md).

#ifndef KMS_TAGS_TAG_NAMES_H_
#define KMS_TAGS_TAG_NAMES_H_

#include <string_view>

#include "kms/result.h"

namespace kms {

// CheckTagKey fails with kBadParameter and kTooLong about "key"; CheckTagValue, which
// takes an empty one, about "value".
Result<void> CheckTagKey(std::string_view key);
Result<void> CheckTagValue(std::string_view value);

}  // namespace kms

#endif  // KMS_TAGS_TAG_NAMES_H_
