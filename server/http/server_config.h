// HttpServerConfig: where an HttpServer listens, and how much it takes from whom.
//
// Every length and every deadline has a default that suits a public endpoint. The
// deadlines are absolute: they run from the start of a phase, and a byte now and then
// does not extend them. They are looked at every tenth of a second, or oftener if they
// are short.

#ifndef KMS_SERVER_HTTP_SERVER_CONFIG_H_
#define KMS_SERVER_HTTP_SERVER_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kms::server {

struct ListenerConfig {
  std::string host = "127.0.0.1";  // an address, or a name that has one
  std::uint16_t port = 0;          // 0: any free one
  bool tls = false;
  bool operator_listener = false;
  std::string access_point{};  // whose own listener it is; empty: nobody's
};

// PEM files. The certificate file may hold the chain too.
struct CertificateFiles {
  std::string certificate;
  std::string key;
};

struct HttpLimits {
  std::size_t head_bytes = 16 * 1024;               // request line and headers
  std::size_t target_bytes = 8 * 1024;              // path and query
  std::size_t body_bytes = 256 * 1024;              // as declared by Content-Length
  std::size_t all_bodies_bytes = 64 * 1024 * 1024;  // of bodies over 16 KiB (BodyBudget)
  std::size_t connections = 4096;      // in all; further ones are closed at once
  std::size_t spare_descriptors = 64;  // that connections never take
  std::size_t min_bytes_per_second = 16 * 1024;  // of bodies, either way
};

struct HttpDeadlines {
  std::int64_t handshake_millis = 8000;
  std::int64_t head_millis = 8000;    // for the first byte of a connection; then from it
  std::int64_t body_millis = 8000;    // plus the time that min_bytes_per_second allows
  std::int64_t idle_millis = 60000;   // between two requests
  std::int64_t write_millis = 8000;   // plus the time that min_bytes_per_second allows
  std::int64_t linger_millis = 1000;  // for the peer to close after the last answer
  std::int64_t stop_millis = 10000;   // for what is in flight when Stop is called
};

struct HttpServerConfig {
  std::vector<ListenerConfig> listeners;
  CertificateFiles certificate;  // needed if a listener has tls
  std::size_t io_threads = 0;    // 0: one per processor
  HttpLimits limits;
  HttpDeadlines deadlines;
};

}  // namespace kms::server

#endif  // KMS_SERVER_HTTP_SERVER_CONFIG_H_
