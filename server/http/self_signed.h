// EnsureCertificate: a certificate for a server that was given none.
//
// Clients cannot know it, so they must be told to trust the file. Good for a laptop, a
// test, or the first hour; not a substitute for a real one.

#ifndef KMS_SERVER_HTTP_SELF_SIGNED_H_
#define KMS_SERVER_HTTP_SELF_SIGNED_H_

#include <string>

#include "http/server_config.h"
#include "kms/clock.h"
#include "kms/result.h"

namespace kms::server {

// EnsureCertificate returns `server.crt` and `server.key` in `directory`, and makes
// what is missing of them: a P-256 key (mode 0600) and a certificate of ten years for
// localhost, 127.0.0.1, ::1 and `host` (empty: none further). An existing key is kept.
// Fails: kWrongState if there is a certificate without its key; kUnavailable if a file
// cannot be read or written.
Result<CertificateFiles> EnsureCertificate(const std::string& directory,
                                           const std::string& host, UnixMillis now);

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_SELF_SIGNED_H_
