// The parameters of `kmsctl call`:
//
//   name=text            the text
//   name:=json           a number, true, false, or any other JSON
//   name=@file           the content of a file ("-": standard input), without its last
//                        line break
//   name=@base64:file    the base64 of a file's bytes

#ifndef KMS_SERVER_KMSCTL_CALL_ARGUMENTS_H_
#define KMS_SERVER_KMSCTL_CALL_ARGUMENTS_H_

#include <span>
#include <string>

#include "kms/result.h"
#include "kmsctl/wiped_json.h"

namespace kms::server {

// ReadCallArguments makes the body of a request.
// Fails: kInvalidArgument for anything else than the above, and a name given twice.
Result<JsonObject> ReadCallArguments(std::span<const std::string> arguments);

}  // namespace kms::server

#endif  // KMS_SERVER_KMSCTL_CALL_ARGUMENTS_H_
