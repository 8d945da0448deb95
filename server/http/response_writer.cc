#include "http/response_writer.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <string_view>

namespace kms::server {
namespace {

void AppendNumber(WipedString& out, std::size_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  Append(out, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

bool FitsInALine(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace

void AppendHead(const HttpResponse& response, After after, WipedString& out) {
  Append(out, "HTTP/1.1 ");
  AppendNumber(out, static_cast<std::size_t>(response.status));
  Append(out, " ");
  const auto phrase = boost::beast::http::obsolete_reason(
      static_cast<boost::beast::http::status>(response.status));
  Append(out, std::string_view(phrase.data(), phrase.size()));
  Append(out, "\r\nServer: kmsd\r\nCache-Control: no-store\r\nContent-Type: ");
  Append(out, response.content_type);
  Append(out, "\r\nContent-Length: ");
  AppendNumber(out, response.body.size());
  for (const auto& [name, value] : response.headers) {
    if (!FitsInALine(name) || !FitsInALine(value)) continue;
    Append(out, "\r\n");
    Append(out, name);
    Append(out, ": ");
    Append(out, value);
  }
  switch (after) {
    case After::kClose:
      Append(out, "\r\nConnection: close");
      break;
    case After::kKeepAliveSaid:
      Append(out, "\r\nConnection: keep-alive");
      break;
    case After::kKeepAlive:
      break;
  }
  Append(out, "\r\n\r\n");
}

}  // namespace kms::server
