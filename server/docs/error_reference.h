// The error table as Markdown, for docs/errors.md.

#ifndef KMS_SERVER_DOCS_ERROR_REFERENCE_H_
#define KMS_SERVER_DOCS_ERROR_REFERENCE_H_

#include <string>

namespace kms::server {

std::string WriteErrorReference();

}  // namespace kms::server

#endif  // KMS_SERVER_DOCS_ERROR_REFERENCE_H_
