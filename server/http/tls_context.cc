#include "http/tls_context.h"

#include <openssl/ssl.h>

#include <boost/system/system_error.hpp>
#include <string>
#include <utility>

namespace kms::server {

Result<std::unique_ptr<boost::asio::ssl::context>> NewTlsContext(
    const CertificateFiles& files) {
  namespace ssl = boost::asio::ssl;
  try {
    auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
    SSL_CTX* const raw = context->native_handle();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    // The last one wipes what OpenSSL decrypted, once we have read it.
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE);
    // The head of a record and the rest of it in one read.
    SSL_CTX_set_read_ahead(raw, 1);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(raw, 1);
    if (SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
      return Error(Reason::kInternal, "no TLS cipher is left");
    }
    context->use_certificate_chain_file(files.certificate);
    context->use_private_key_file(files.key, ssl::context::pem);
    if (SSL_CTX_check_private_key(raw) != 1) {
      return Error(Reason::kBadParameter, "the key is not that of the certificate");
    }
    return context;
  } catch (const boost::system::system_error& error) {
    return Error(Reason::kBadParameter,
                 files.certificate + ", " + files.key + ": " + error.what());
  }
}

}  // namespace kms::server
