// Whole small inputs, read into memory that is wiped.

#ifndef KMS_SERVER_KMSCTL_INPUT_FILE_H_
#define KMS_SERVER_KMSCTL_INPUT_FILE_H_

#include <cstddef>
#include <string>

#include "http/wiped_string.h"
#include "kms/result.h"

namespace kms::server {

// ReadInput reads the file `path`, or the standard input for "-".
// Fails: kInvalidArgument if it is not there, or is longer than `limit`.
Result<WipedString> ReadInput(const std::string& path, std::size_t limit = 1 << 20);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_INPUT_FILE_H_
