// Where the PIN of a token comes from: a file, or the environment. Never the command
// line, which every user of the machine can read.

#ifndef KMS_SERVER_KMSD_PIN_H_
#define KMS_SERVER_KMSD_PIN_H_

#include <string>

#include "kms/result.h"
#include "kms/secret_bytes.h"

namespace kms::server {

// ReadPinFile returns what the file holds, without a line end after it.
// Fails: kInvalidArgument if it is missing, empty or too long, belongs to another user,
// or may be read by others.
Result<SecretBytes> ReadPinFile(const std::string& path);

// TakePin returns the value of the environment variable `name`, empty if there is none,
// and wipes it from the environment. Call it before threads start.
SecretBytes TakePin(const char* name);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSD_PIN_H_
