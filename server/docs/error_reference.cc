#include "docs/error_reference.h"

namespace kms::server {

std::string WriteErrorReference() {
  std::string text =
      "# Errors\n\n"
      "Generated from `kms/error_table.def`; do not edit. Codes up to `KMS.05xx` and their\n"
      "texts are the manual's (5.1.3); codes from `KMS.09xx` on, and `KMS.0101`, are ours.\n\n"
      "A refusal names the parameter in `message`. A failure of the server itself (status\n"
      "500 and above) tells nothing but the request id; the log has the rest.\n\n"
      "| code | HTTP | message | 说明 |\n|---|---|---|---|\n";
#define KMS_REASON(name, error_class, http, code, english, chinese) \
  text += "| `" code "` | " #http " | " english " | " chinese " |\n";
#include "kms/error_table.def"
#undef KMS_REASON
  return text;
}

}  // namespace kms::server
