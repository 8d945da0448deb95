// How results reach the standard output.

#ifndef KMS_SERVER_KMSCTL_OUTPUT_H_
#define KMS_SERVER_KMSCTL_OUTPUT_H_

#include <boost/json/object.hpp>
#include <string_view>

#include "http/wiped_string.h"
#include "kms/bytes.h"
#include "kms/result.h"

namespace kms::server {

enum class Format { kText, kJson };

// FormatResult words a result: pretty JSON, or as text "name<TAB>value" lines, where a
// list is a line of names and a line for each item.
WipedString FormatResult(const boost::json::object& result, Format format);

// WriteOutput writes all of `bytes` to the standard output. Fails: kInternal.
Result<void> WriteOutput(ByteView bytes);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_OUTPUT_H_
