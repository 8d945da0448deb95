#include <algorithm>

#include "kmsctl/client.h"
#include "kmsctl/failure.h"

namespace kms::server {

Result<Endpoint> ParseEndpoint(std::string_view text) {
  const Error refused = UsageError("not an endpoint such as https://host:9091");
  Endpoint endpoint;
  if (text.starts_with("http://")) {
    endpoint.tls = false;
  } else if (!text.starts_with("https://")) {
    return refused;
  }
  text.remove_prefix(endpoint.tls ? 8 : 7);
  if (text.ends_with('/')) text.remove_suffix(1);
  endpoint.authority = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return refused;
    endpoint.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    endpoint.host = text.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  const bool plain_host =
      std::all_of(endpoint.host.begin(), endpoint.host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
      });
  if (endpoint.host.empty() || !plain_host) return refused;
  if (port.empty()) {
    endpoint.port = endpoint.tls ? "443" : "80";
    return endpoint;
  }
  if (port.size() < 2 || port.size() > 6 || port.front() != ':' ||
      !std::all_of(port.begin() + 1, port.end(),
                   [](char c) { return c >= '0' && c <= '9'; }))
    return refused;
  endpoint.port = port.substr(1);
  return endpoint;
}

}  // namespace kms::server
