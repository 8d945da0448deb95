// NewTlsContext: the rules of TLS for all connections of a server.

#ifndef KMS_SERVER_HTTP_TLS_CONTEXT_H_
#define KMS_SERVER_HTTP_TLS_CONTEXT_H_

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "http/server_config.h"
#include "kms/result.h"

namespace kms::server {

// NewTlsContext returns a context for TLS 1.2 and 1.3 with forward secrecy and
// authenticated ciphers only, without renegotiation or compression.
// Fails: kInvalidArgument if the files cannot be read, or do not belong together.
Result<std::unique_ptr<boost::asio::ssl::context>> NewTlsContext(
    const CertificateFiles& files);

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_TLS_CONTEXT_H_
